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
        for folder in [each["folder"]] if each.get("folder") else [top for _, top in each.get("sources") or []]:
            if folder not in seen and not folder.startswith(run.workspace.root + os.sep):
                seen.add(folder)
                wanted.append(Mount(folder, False))
    return list(_present(wanted))


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
