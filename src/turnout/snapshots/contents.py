"""Reads the files of a source directory into the object store, while others may be writing to them."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from turnout.exceptions import SnapshotException
from turnout.snapshots.paths import shown

if TYPE_CHECKING:
    from turnout.runtime.objects import Incoming

ATTEMPTS = 3
PAUSE = 0.1
"""Seconds before the second attempt; twice as many before the third. Nothing announces that a writer has finished, so
the wait is a guess: long enough for an editor or a checkout, short enough for a person."""


class Stored:
    """A file as it was stored.

    Attributes:
        digest: of its content.
        status: its state while it was read; `st_size` bytes were.
    """

    __slots__ = ("digest", "status")

    def __init__(self, digest: str, status: os.stat_result) -> None:
        self.digest = digest
        self.status = status


def store(root: bytes, path: bytes, incoming: Incoming, ignore_file: bytes) -> Stored | None:
    """Read a file once and stage its content.

    Args:
        root: the source directory.
        path: the file, relative to it.
        incoming: takes the content.
        ignore_file: where the person would leave it out.

    Returns:
        What was stored, or None if the file has gone.

    Raises:
        SnapshotException: it can't be read, or changes each time that it is read.
        StoreError: the object store can't be written.
    """
    try:
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * attempt)
            stored = _attempt(os.path.join(root, path), incoming)
            if stored is not None:
                return stored
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error, ignore_file) from error
    raise SnapshotException(
        f"{shown(path)} changes while it is read; stop what writes to it, or leave it out with a line in "
        f"{os.fsdecode(ignore_file)}"
    )


def unreadable(path: bytes, error: OSError, ignore_file: bytes) -> SnapshotException:
    """Return the exception for a file or directory that can't be read."""
    reason = (error.strerror or str(error)).lower()
    return SnapshotException(
        f"{shown(path)} can't be read: {reason}; make it readable, or leave it out with a line in "
        f"{os.fsdecode(ignore_file)}",
        error,
    )


def _attempt(path: bytes, incoming: Incoming) -> Stored | None:
    """Read a file; None if it changed meanwhile."""
    try:
        # A FIFO that took the file's place would block an ordinary open.
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link took the file's place
            return None
        raise
    try:
        before = os.fstat(source)
        if not stat.S_ISREG(before.st_mode):
            return None

        def is_unchanged(size: int) -> bool:
            after = os.fstat(source)
            return size == before.st_size == after.st_size and before.st_mtime_ns == after.st_mtime_ns

        added = incoming.add(source, is_unchanged)
        return None if added is None else Stored(added[0], before)
    finally:
        os.close(source)
