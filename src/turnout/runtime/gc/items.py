"""What a sweep frees and counts."""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Optional

from turnout.runtime import removal

DAY = 86400.0
"""Seconds for which what nothing refers to is kept, unless the caller says otherwise."""


class Freed:
    """How many things of one kind were freed, and the bytes that this frees on the disk."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0


class Item(NamedTuple):
    """A file that may be freed: its kind for the report, its path, and the digest of an object (else nothing)."""

    kind: str
    path: str
    digest: bytes


class Sweep:
    """One collection under way: what is old enough, and what was freed so far.

    Args:
        dry: only count.
        older_than: seconds for which something has to have been as it is.
        now: the Unix time that ages are counted to.

    Attributes:
        before: what the lock guards has to have been as it is since this Unix time.
        before_unguarded: the same of what no lock guards: a day ago at the latest.
        before_runtimes: the same of shipped runtimes: a week ago at the latest.
    """

    def __init__(self, dry: bool, older_than: float, now: float) -> None:
        self.dry = dry
        self.before = now - older_than
        self.before_unguarded = now - max(older_than, DAY)
        self.before_runtimes = now - max(older_than, 7 * DAY)
        self.freed: Dict[str, Freed] = {}
        self.problems: List[str] = []
        self._tally = removal.Tally(dry)

    def free(self, kind: str, path: str) -> None:
        """Remove a file or a directory tree, or only count it. A failure becomes a problem, not an end."""
        before = self._tally.bytes
        try:
            removal.remove(path, self._tally)
        except OSError as error:
            self.problems.append("%s can't be removed: %s" % (error.filename or path, reason(error)))
        else:
            self.freed.setdefault(kind, Freed()).count += 1
        if self._tally.bytes > before:
            self.freed.setdefault(kind, Freed()).bytes += self._tally.bytes - before


def newest_time(path: str) -> Optional[float]:
    """Return when a file got its content or its place, whichever is later; None when it isn't there.

    The content's time alone may be copied from elsewhere, or lie before the clock was set; nobody can set the other one.
    """
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return max(found.st_mtime, found.st_ctime)


def is_older(path: str, before: float) -> bool:
    """Say whether a file is there and has been as it is since before a time."""
    moment = newest_time(path)
    return moment is not None and moment <= before


def names(directory: str) -> List[str]:
    """Return what is in a directory, sorted; nothing when it isn't there."""
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def reason(error: OSError) -> str:
    """Return the system's words for an error."""
    return (error.strerror or str(error)).lower()
