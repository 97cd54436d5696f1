"""Keeps the locks of a workspace: a specification is resolved once; of two who do so at once the first one's stands.

A kept lock changes only when a person asks for that (`replace`).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any, NamedTuple

from turnout.runtime import exclusive, layout, records

FORMAT = 1
"""Version of the requests and locks; part of the digest, so that one of another version is resolved anew."""


def digest(kind: str, request: dict[str, Any]) -> str:
    """Return the name of what was asked for: a digest of all that its lock depends on.

    Args:
        kind: the environment kind.
        request: JSON types; the order of its keys makes no difference.
    """
    text = json.dumps([FORMAT, kind, request], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Kept(NamedTuple):
    """A lock of the workspace, and the Unix time at which it was resolved."""

    lock: dict[str, Any]
    resolved: float | None


def load(workspace: layout.WorkspaceLayout, name: str) -> dict[str, Any] | None:
    """Return the lock that is kept under a digest; None when there is none, or what is there can't be read."""
    kept = read(workspace, name)
    return None if kept is None else kept.lock


def read(workspace: layout.WorkspaceLayout, name: str) -> Kept | None:
    """Return the lock that is kept under a digest, and when it was resolved; None as in `load`."""
    try:
        content = records.read_json(path(workspace, name))
        lock, resolved = content["lock"], content.get("resolved")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(lock, dict):
        return None
    return Kept(lock, float(resolved) if isinstance(resolved, (int, float)) else None)


def store(
    workspace: layout.WorkspaceLayout, name: str, request: dict[str, Any], lock: dict[str, Any]
) -> dict[str, Any]:
    """Keep a lock unless there is one by now; return the one that stands.

    Args:
        workspace: where to.
        name: the digest of the request.
        request: kept beside the lock, for those who look.
        lock: what it was resolved to.
    """
    written, final = _write(workspace, name, request, lock), path(workspace, name)
    try:
        exclusive.place(written, final)
    except FileExistsError:
        standing = load(workspace, name)
        if standing is not None:
            return standing
        os.replace(written, final)  # torn by a power cut: nobody has used it
        return lock
    finally:
        exclusive.discard(written)
    return lock


def replace(workspace: layout.WorkspaceLayout, name: str, request: dict[str, Any], lock: dict[str, Any]) -> None:
    """Keep a lock in place of the one that is there, at once; see `store` for the arguments."""
    written = _write(workspace, name, request, lock)
    try:
        os.replace(written, path(workspace, name))
    finally:
        exclusive.discard(written)


def path(workspace: layout.WorkspaceLayout, name: str) -> str:
    """Return the file that the lock of a digest is kept in."""
    return os.path.join(workspace.locks, f"{name}.json")


def _write(workspace: layout.WorkspaceLayout, name: str, request: dict[str, Any], lock: dict[str, Any]) -> str:
    """Write a lock's file under a temporary name, and return that."""
    os.makedirs(workspace.locks, layout.DIRECTORY_MODE, exist_ok=True)
    written = f"{path(workspace, name)}.{os.getpid()}-{os.urandom(4).hex()}.new"
    records.write_json(written, {"lock": lock, "request": request, "resolved": time.time()}, sync=True)
    return written
