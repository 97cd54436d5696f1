"""The targets that were attached to a workspace: a file each, `targets/NAME.json`."""

from __future__ import annotations

import os
import re
from typing import Any

from turnout.exceptions import ComputeTargetException, RecordException
from turnout.runtime import exclusive, layout, records

LOCAL = "local"
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,62}")
_RESERVED = (LOCAL, "amlcompute", "containerinstance")


def names(workspace: layout.WorkspaceLayout) -> list[str]:
    """Return the names of the attached targets, in order."""
    try:
        found = os.listdir(workspace.targets)
    except FileNotFoundError:
        return []
    return sorted(name[:-5] for name in found if name.endswith(".json") and _NAME.fullmatch(name[:-5]))


def load(workspace: layout.WorkspaceLayout, name: str) -> dict[str, Any] | None:
    """Return what is kept of a target; None when there is none of that name.

    Raises:
        RecordException: its file is damaged.
    """
    if not _NAME.fullmatch(name):
        return None
    path = _path(workspace, name)
    try:
        value = records.read_json(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordException(f"{path} can't be read: {error}; remove it and add the target again") from error
    if not isinstance(value, dict):
        raise RecordException(f"{path} is damaged; remove it and add the target again")
    return {**value, "name": name}


def check_name(workspace: layout.WorkspaceLayout, name: str) -> None:
    """Refuse a name that a new target can't have.

    Raises:
        ComputeTargetException: it is taken, is v1's for something else, or has characters that no target's has.
    """
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ComputeTargetException(
            f"a target can't be called {name!r}: up to 63 letters, digits and -, the first a letter, and not "
            f"{', '.join(_RESERVED)}"
        )
    if name in names(workspace):
        raise ComputeTargetException(
            f"there is a target {name!r} already; `turnout target update {name}` changes it, "
            f"`turnout target remove {name}` removes it"
        )


def add(workspace: layout.WorkspaceLayout, name: str, value: dict[str, Any]) -> None:
    """Keep a new target. Raises ComputeTargetException when the name was taken meanwhile."""
    os.makedirs(workspace.targets, layout.DIRECTORY_MODE, exist_ok=True)
    path = _path(workspace, name)
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    records.write_json(temporary, value)
    try:
        exclusive.place(temporary, path)
    except FileExistsError:
        check_name(workspace, name)
        raise
    finally:
        exclusive.discard(temporary)


def replace(workspace: layout.WorkspaceLayout, name: str, value: dict[str, Any]) -> None:
    """Keep a target that has changed."""
    records.write_json(_path(workspace, name), {key: each for key, each in value.items() if key != "name"})


def remove(workspace: layout.WorkspaceLayout, name: str) -> None:
    """Forget a target."""
    try:
        os.unlink(_path(workspace, name))
    except FileNotFoundError:
        pass


def _path(workspace: layout.WorkspaceLayout, name: str) -> str:
    return os.path.join(workspace.targets, f"{name}.json")
