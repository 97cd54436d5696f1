"""The files of a snapshot as columns: names, records and arrays of machine integers.

Twenty thousand objects with nine attributes cost more to make than the files' stat calls; columns cost next to nothing.
"""

from __future__ import annotations

import os
from array import array
from itertools import compress

from turnout.runtime import manifest

CODES = "qqqQqq"
"""The columns' types (see `array`): mtime, ctime, size, inode and mode as stat(2) has them, times in ns; then the index
of the file's directory."""

UNTRUSTED = -(1 << 63)
"""Stands for a modification time that no file has: what is noted with it is looked at again the next time."""


class FileTable:
    """Some files of a source directory.

    Attributes:
        paths: relative to the root.
        records: their records in the manifest.
        columns: see `CODES`.
    """

    __slots__ = ("columns", "paths", "records")

    def __init__(self, paths: list[bytes], records: list[bytes], columns: list[array[int]]) -> None:
        self.paths = paths
        self.records = records
        self.columns = columns

    @classmethod
    def empty(cls) -> FileTable:
        """Return a table of no files."""
        return cls([], [], [array(code) for code in CODES])

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def sizes(self) -> array[int]:
        """The sizes in bytes."""
        return self.columns[2]

    @property
    def parents(self) -> array[int]:
        """The indexes of the files' directories."""
        return self.columns[5]

    def state(self, index: int) -> tuple[int, ...]:
        """Return mtime, ctime, size, inode and mode of one file."""
        return tuple(column[index] for column in self.columns[:5])

    def selected(self, wanted: bytearray, directories: list[int]) -> FileTable:
        """Return a table of some of these files.

        Args:
            wanted: for each file, whether it is to be in it.
            directories: the new index of each directory.
        """
        columns = [array(code, compress(column, wanted)) for code, column in zip(CODES, self.columns, strict=True)]
        columns[5] = array(CODES[5], [directories[parent] for parent in columns[5]])
        return FileTable(list(compress(self.paths, wanted)), list(compress(self.records, wanted)), columns)

    def replace(self, index: int, record: bytes, state: tuple[int, ...]) -> None:
        """Put a file's new record and state in the place of the old.

        Raises:
            OverflowError: a value doesn't fit its column.
        """
        self.records[index] = record
        for column, value in zip(self.columns, state, strict=False):
            column[index] = value

    def append(self, path: bytes, record: bytes, state: tuple[int, ...], parent: int) -> None:
        """Add a file.

        Raises:
            OverflowError: a value doesn't fit its column.
        """
        self.paths.append(path)
        self.records.append(record)
        for column, value in zip(self.columns, (*state, parent), strict=True):
            column.append(value)

    def sort(self) -> None:
        """Sort the files by path."""
        order = sorted(range(len(self.paths)), key=self.paths.__getitem__)
        self.paths = [self.paths[index] for index in order]
        self.records = [self.records[index] for index in order]
        self.columns = [
            array(code, [column[index] for index in order]) for code, column in zip(CODES, self.columns, strict=True)
        ]


def state(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """Return what is noted of a file's state: mtime, ctime, size, inode, mode."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode)


def file_record(path: bytes, digest: str, status: os.stat_result) -> bytes:
    """Return the record in the manifest of a file with this content and state."""
    kind = manifest.EXECUTABLE if status.st_mode & 0o100 else manifest.FILE
    return manifest.record(kind, digest, status.st_size, path)
