"""`turnout workspace`: which workspace is in use, and what it holds."""

from __future__ import annotations

import os
import shutil
from typing import Any

import click

from turnout.cli import common, text
from turnout.runtime import layout


@click.command("workspace")
@click.option("--sizes", is_flag=True, help="Measure what takes how much room; reads every directory of the home.")
@common.json_option
def command(sizes: bool, as_json: bool) -> None:
    """Show the workspace in use, why it is in use, and what it holds."""
    workspace = common.workspace()
    index = common.index(workspace)
    experiments, counts = index.experiments(), index.counts()
    disk = shutil.disk_usage(workspace.home.root)
    facts: dict[str, Any] = {
        "name": workspace.name,
        "id": workspace.id,
        "home": workspace.home.root,
        "directory": workspace.layout.root,
        "config_file": workspace.config_file,
        "chosen_by": _chosen_by(workspace),
        "index": index.where,
        "experiments": len(experiments),
        "runs": sum(counts.values()),
        "runs_by_status": counts,
        "disk": {"free": disk.free, "total": disk.total},
    }
    if sizes:
        facts["sizes"] = _sizes(workspace)
    if as_json:
        common.print_json(facts)
    else:
        _print(facts)


def _chosen_by(workspace: Any) -> str:
    if workspace.config_file is not None:
        return str(workspace.config_file)
    if os.environ.get(layout.WORKSPACE_VARIABLE):
        return layout.WORKSPACE_VARIABLE
    return "default"


def _sizes(workspace: Any) -> dict[str, int]:
    """Return the bytes that each part takes on the disk."""
    parts = {
        "runs": workspace.layout.runs,
        "snapshots": workspace.home.objects,
        "environments": workspace.home.environments,
    }
    return {name: _used(path) for name, path in parts.items()}


def _used(top: str) -> int:
    total = 0
    seen: set[tuple[int, int]] = set()
    for directory, _, names in os.walk(top):
        for name in names:
            try:
                facts = os.lstat(os.path.join(directory, name))
            except OSError:
                continue
            if facts.st_nlink > 1:  # packages of several environments may be one file
                if (facts.st_dev, facts.st_ino) in seen:
                    continue
                seen.add((facts.st_dev, facts.st_ino))
            total += facts.st_blocks * 512
    return total


def _print(facts: dict[str, Any]) -> None:
    reasons = {
        layout.WORKSPACE_VARIABLE: f"named by {layout.WORKSPACE_VARIABLE}",
        "default": "no config file names one",
    }
    lines = common.Facts()
    lines.add("workspace", facts["name"])
    lines.add("chosen by", reasons.get(facts["chosen_by"], facts["chosen_by"]))
    lines.add("home", facts["home"])
    lines.add("index", facts["index"])
    lines.add("experiments", facts["experiments"])
    by_status = ", ".join(f"{count} {status}" for status, count in facts["runs_by_status"].items())
    lines.add("runs", f"{facts['runs']}" + (f" ({by_status})" if by_status else ""))
    lines.add("free disk", f"{text.size(facts['disk']['free'])} of {text.size(facts['disk']['total'])}")
    for name, size in facts.get("sizes", {}).items():
        lines.add(f"{name} take", text.size(size))
    lines.print()
