"""How what a run reads and leaves by name is told, in the lines of `show`."""

from __future__ import annotations

from typing import Any

from turnout.cli import text


def read(each: dict[str, Any]) -> str:
    """Return an input in words: `words: dataset words:2, mounted, 3 files, 12 B`."""
    if each.get("dataset"):
        dataset = each["dataset"]
        what = f"dataset {dataset['name']}:{dataset['version']}" if dataset.get("name") else f"dataset {dataset['id']}"
    else:
        reference = each.get("reference") or {}
        what = f"{reference.get('datastore')}/{reference.get('path')}"
    how = {"mount": "mounted", "download": "downloaded"}.get(str(each["mode"]), "as it is")
    files = text.count(int(each.get("files") or 0), "file")
    return f"{each['name']}: {what}, {how}, {files}, {text.size(int(each.get('bytes') or 0))}"


def left(each: dict[str, Any]) -> str:
    """Return an output in words: `scored: workspaceblobstore/scored, dataset scored`."""
    register = (each.get("register") or {}).get("name")
    return f"{each['name']}: {each['datastore']}/{each['path']}" + (f", dataset {register}" if register else "")
