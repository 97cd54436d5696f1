"""`turnout env list`: the environments that can be named, or those that are built on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from turnout.cli import common, text
from turnout.cli.env import asked

if TYPE_CHECKING:
    from turnout.environments.built import Built, Uses
    from turnout.environments.disk import Usage
    from turnout.environments.environment import Environment
    from turnout.workspace import Workspace

_SHORTEST = 9
"""Characters of a key's digest that are shown, at least."""
_SHOWN_PACKAGES = 3


@click.command("list")
@click.option("--built", is_flag=True, help="List what is built on this machine, the last used first.")
@common.json_option
def command(built: bool, as_json: bool) -> None:
    """List the environments that were registered in the workspace and those that come with Turnout.

    With --built: what is built on this machine, for all workspaces. SIZE is what it takes on the disk; FREES is what removing
    it alone would free, as most of its files usually have a second name in uv's cache or in other environments.
    """
    workspace = common.workspace()
    if built:
        _list_built(workspace, as_json)
    else:
        _list_named(workspace, as_json)


def _list_named(workspace: Workspace, as_json: bool) -> None:
    from turnout.environments import curated

    rows = [
        {
            "name": name,
            "version": found.version,
            "curated": name in curated.ENVIRONMENTS,
            "python": found.python.python_version,
            "description": curated.ENVIRONMENTS[name].description if name in curated.ENVIRONMENTS else _summary(found),
            "asks_for": asked.asks_for(found),
        }
        for name, found in workspace.environments.items()
    ]
    if as_json:
        common.print_json(rows)
        return
    table = common.Table("name", "version", "from", "description", optional=["from"])
    for row in rows:
        table.add(row["name"], row["version"], "Turnout" if row["curated"] else "workspace", row["description"])
    table.print()


def _summary(found: Environment) -> str:
    """Return in a few words what a registered environment is."""
    if found.python.user_managed_dependencies:
        return f"the interpreter {found.python.interpreter_path}"
    packages = found.python.conda_dependencies
    listed = [] if packages is None else [*packages.conda_packages, *packages.pip_packages]
    named = [line for line in listed if line.partition("=")[0].strip() not in ("python", "pip")]
    shown = ", ".join(named[:_SHOWN_PACKAGES]) or "no packages"
    more = f" and {len(named) - _SHOWN_PACKAGES} more" if len(named) > _SHOWN_PACKAGES else ""
    return shown + more + (f"; Python {found.python.python_version}" if found.python.python_version else "")


def _list_built(workspace: Workspace, as_json: bool) -> None:
    from turnout.environments import built, disk

    here = built.everything(workspace.home)
    uses = built.Uses(workspace.home)
    uses.update()
    measured = disk.Disk()
    rows = [_built_facts(each, measured.add(each.directory, each.image_bytes), uses) for each in here]
    together = measured.together()
    if as_json:
        common.print_json({"environments": rows, "bytes": together.bytes, "bytes_freed": together.freed})
        return
    if not rows:
        common.notice("nothing is built on this machine")
        return
    columns = ["key", "kind", "Python", "size", "frees", "last used", "runs"]
    table = common.Table(*columns, right=["size", "frees", "runs"], optional=["kind", "frees"], note="for")
    shown = _short([row["key"] for row in rows])
    for row, each in zip(rows, here, strict=True):
        sizes = [text.size(row["bytes"]), text.size(row["bytes_freed"])]
        used = text.local_time(each.last_used)
        table.add(shown[each.key], each.kind, each.python, *sizes, used, row["runs"], note=", ".join(row["names"]))
    table.print()
    rest = ", the rest is shared with uv's cache" if together.freed < together.bytes else ""
    print(
        f"{text.count(len(rows), 'environment')}: {text.size(together.bytes)} on the disk; "
        f"removing all frees {text.size(together.freed)}{rest}"
    )


def _built_facts(each: Built, usage: Usage, uses: Uses) -> dict[str, Any]:
    return {
        "key": each.key,
        "kind": each.kind,
        "python": each.python,
        "directory": each.directory,
        "packages": len(each.packages),
        "built": text.iso_time(each.built),
        "last_used": text.iso_time(each.last_used),
        "bytes": usage.bytes,
        "bytes_freed": usage.freed,
        "runs": len(uses.by_key.get(each.key, [])),
        "names": uses.names.get(each.key, []),
    }


def _short(keys: list[str]) -> dict[str, str]:
    """Return each key's beginning, long enough to tell it from the others and to name it by."""
    digits = _SHORTEST
    while True:
        shown = {key: key[: key.find("-") + 1 + digits] for key in keys}
        if len(set(shown.values())) == len(shown) or all(len(short) >= len(key) for key, short in shown.items()):
            return shown
        digits += 1
