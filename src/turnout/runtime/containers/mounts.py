"""What of the machine is seen in a run's container, each at its own path: so a path in the record means the same inside."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List, NamedTuple

from turnout.runtime import inputs, layout


class Mount(NamedTuple):
    """A file or directory that is seen in a container.

    Attributes:
        path: absolute, on the machine.
        writable: whether it may be changed from inside.
        target: its path in the container; empty for the same one.
    """

    path: str
    writable: bool
    target: str = ""


def of_run(home: layout.Home, run: layout.RunLayout, definition: Dict[str, Any], runtime: str) -> List[Mount]:
    """Return what a script needs: its record and its workspace's (for child runs), its inputs, and the shipped runtime.

    Args:
        home: this machine's home.
        run: the run.
        definition: the content of run.json.
        runtime: the directory of the shipped runtime.
    """
    wanted = [Mount(run.workspace.root, True), Mount(runtime, False), Mount(home.format, False)]
    seen = {run.workspace.root}
    for each in inputs.inputs(definition):
        for path in _of_input(each):
            if path not in seen and not path.startswith(run.workspace.root + os.sep):
                seen.add(path)
                wanted.append(Mount(path, False))
    return list(_present(wanted))


def _of_input(each: Dict[str, Any]) -> List[str]:
    """Return where an input's files lie: a directory, the one file of it that is meant, or several directories."""
    if each.get("folder"):
        return [os.path.join(each["folder"], each["leaf"]) if each.get("leaf") else each["folder"]]
    return [directory for _, directory in each.get("sources") or []]


def _present(wanted: List[Mount]) -> Iterator[Mount]:
    for mount in wanted:
        if os.path.exists(mount.path):
            yield mount


def options(mounts: List[Mount]) -> List[str]:
    """Return an engine's options for mounts; a comma or quotation mark in a path is quoted as in CSV (podman-run(1))."""
    found = []
    for mount in mounts:
        fields = ["type=bind", "source=%s" % mount.path, "target=%s" % (mount.target or mount.path)]
        if not mount.writable:
            fields.append("readonly")
        found += ["--mount", ",".join(_quoted(field) for field in fields)]
    return found


def _quoted(field: str) -> str:
    return '"%s"' % field.replace('"', '""') if "," in field or '"' in field else field
