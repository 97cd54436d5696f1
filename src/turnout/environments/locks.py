"""Keeps the locks of a workspace: a specification is resolved once; of two who do so at once the first one's stands."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any

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


def load(workspace: layout.WorkspaceLayout, name: str) -> dict[str, Any] | None:
    """Return the lock that is kept under a digest; None when there is none, or what is there can't be read."""
    try:
        lock = records.read_json(_path(workspace, name))["lock"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return lock if isinstance(lock, dict) else None


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
    path = _path(workspace, name)
    os.makedirs(workspace.locks, layout.DIRECTORY_MODE, exist_ok=True)
    written = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.new"
    records.write_json(written, {"lock": lock, "request": request, "resolved": time.time()}, sync=True)
    try:
        exclusive.place(written, path)
    except FileExistsError:
        standing = load(workspace, name)
        if standing is not None:
            return standing
        os.replace(written, path)  # torn by a power cut: nobody has used it
        return lock
    finally:
        exclusive.discard(written)
    return lock


def _path(workspace: layout.WorkspaceLayout, name: str) -> str:
    return os.path.join(workspace.locks, f"{name}.json")
