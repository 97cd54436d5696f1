"""Resolves an environment's definition to a lock, once per specification, platform and Python.

The lock is kept in the workspace under the digest of what was asked for; of two who resolve at once, the first one's stands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from turnout.environments.kinds import kind_of
from turnout.environments.uvtool import ResolutionFailed, path
from turnout.runtime import layout, records


def resolve(
    definition: dict[str, Any],
    home: layout.Home,
    workspace: layout.WorkspaceLayout,
    report: Callable[[str], None],
    source_directory: str | None = None,
) -> dict[str, Any]:
    """Return what a run needs to know of its environment: `kind`, `key`, `python`, `platform`, `lock`.

    Args:
        definition: the environment in v1's dictionary form.
        home: the submitter's home.
        workspace: keeps the locks.
        report: gets a line for each thing that takes time.
        source_directory: what relative paths in the requirements are relative to.

    Raises:
        NotYetException: no kind builds such an environment yet.
        EnvironmentException: the specification can't be read, or its Python can't be had.
        ResolutionFailed: there is no solution.
    """
    name, kind = kind_of(definition)
    request = kind.request(definition, source_directory or "")
    if name == "existing":
        lock = kind.resolve(request, report)  # the path may change from day to day, and finding it costs nothing
    else:
        stored = os.path.join(workspace.locks, request.digest() + ".json")
        lock = _read(stored) or _keep(stored, kind.resolve(request, report))
    return {
        "kind": name,
        "key": kind.key(request, lock),
        "python": request.python,
        "platform": request.host,
        "lock": lock,
    }


def provide_tools(home: layout.Home) -> None:
    """Link the tools that builders call into the home: a supervisor doesn't know where Turnout is installed."""
    link = os.path.join(home.tools, "uv")
    tool = path()
    try:
        if os.readlink(link) == tool:
            return
    except OSError:
        pass
    os.makedirs(home.tools, layout.DIRECTORY_MODE, exist_ok=True)
    temporary = f"{link}.{os.getpid()}.tmp"
    os.symlink(tool, temporary)
    os.rename(temporary, link)


def _read(stored: str) -> dict[str, Any] | None:
    try:
        lock: dict[str, Any] = records.read_json(stored)["lock"]
    except (OSError, ValueError, KeyError):
        return None
    return lock


def _keep(stored: str, lock: dict[str, Any]) -> dict[str, Any]:
    """Keep a new lock and return it, or the one that another process has kept meanwhile."""
    os.makedirs(os.path.dirname(stored), layout.DIRECTORY_MODE, exist_ok=True)
    temporary = f"{stored}.{os.getpid()}.new"
    records.write_json(temporary, {"lock": lock, "made": time.time()})
    try:
        os.link(temporary, stored)
    except FileExistsError:
        return _read(stored) or lock
    finally:
        os.unlink(temporary)
    return lock


__all__ = ["ResolutionFailed", "provide_tools", "resolve"]
