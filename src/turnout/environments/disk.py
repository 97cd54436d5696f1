"""Measures what directories take on the disk when their files have further names elsewhere, as in uv's cache."""

from __future__ import annotations

import os
from typing import NamedTuple

_BLOCK = 512


class Usage(NamedTuple):
    """What something takes on the disk, in bytes.

    Attributes:
        bytes: all of it, each file counted once however many names it has there.
        freed: the part that removing it would free: files that have no further name elsewhere.
    """

    bytes: int
    freed: int


class Disk:
    """Measures directories one by one, and what all of them take together: a file that several share counts once."""

    def __init__(self) -> None:
        self._files: dict[tuple[int, int], list[int]] = {}
        self._directories = 0
        self._more = 0

    def add(self, path: str, more: int = 0) -> Usage:
        """Measure a directory with all that is below it; what can't be looked at counts as nothing.

        Args:
            path: the directory.
            more: bytes that belong to it and lie elsewhere: a container image's.
        """
        self._more += more
        files: dict[tuple[int, int], list[int]] = {}
        directories = _scan(path, files)
        self._directories += directories
        for identity, (blocks, links, names) in files.items():
            known = self._files.setdefault(identity, [blocks, links, 0])
            known[2] += names
        return _usage(files, directories, more)

    def together(self) -> Usage:
        """Return the usage of all that was added."""
        return _usage(self._files, self._directories, self._more)


def _usage(files: dict[tuple[int, int], list[int]], directories: int, more: int) -> Usage:
    """Sum up files, given as blocks, number of names altogether and number of names seen."""
    used = sum(blocks for blocks, _, _ in files.values())
    freed = sum(blocks for blocks, links, names in files.values() if names >= links)
    return Usage((used + directories) * _BLOCK + more, (freed + directories) * _BLOCK + more)


def _scan(top: str, files: dict[tuple[int, int], list[int]]) -> int:
    """Note the files below a directory, and return the blocks of the directories."""
    try:
        blocks, waiting = os.lstat(top).st_blocks, [top]
    except OSError:
        return 0
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if entry.is_dir(follow_symlinks=False):
                blocks += found.st_blocks
                waiting.append(entry.path)
            else:
                files.setdefault((found.st_dev, found.st_ino), [found.st_blocks, found.st_nlink, 0])[2] += 1
    return blocks
