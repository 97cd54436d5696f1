"""Symbolic links of a source directory: kept as links, as long as they stay inside."""

from __future__ import annotations

import os

from turnout.exceptions import SnapshotException
from turnout.snapshots.paths import shown


def target(root: bytes, path: bytes, ignore_file: bytes) -> bytes:
    """Return what a link is to hold in the snapshot.

    A target that is absolute, or that goes out of the tree and comes back, is written anew, relative to the link: the
    snapshot will lie somewhere else.

    Args:
        root: the source directory, absolute, without links.
        path: the link, relative to it; its directory holds no links.
        ignore_file: where the person would leave it out.

    Raises:
        SnapshotException: it leads out of the source directory.
        OSError: it is no link any more.
    """
    link = os.path.join(root, path)
    text = os.readlink(link)
    real = os.path.realpath(link)
    if not _within(root, real):
        raise SnapshotException(
            f"the link {shown(path)} leads out of the source directory, to {shown(text)}; put what it names in its "
            f"place, or leave it out with a line in {os.fsdecode(ignore_file)}"
        )
    if not text.startswith(b"/") and _stays_below(path.count(b"/"), text):
        return text
    return os.path.relpath(real, os.path.dirname(link))


def _stays_below(depth: int, text: bytes) -> bool:
    """Say whether a relative target never leaves the root, for a link that lies `depth` directories below it."""
    for part in text.split(b"/"):
        if part == b"..":
            depth -= 1
        elif part not in (b"", b"."):
            depth += 1
        if depth < 0:
            return False
    return True


def _within(root: bytes, path: bytes) -> bool:
    return path == root or path.startswith(root.rstrip(b"/") + b"/")
