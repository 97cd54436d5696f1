"""What a source directory looked like when its last snapshot was made, so that only changes are read again.

Per included directory: its times and inode, and those of its ignore file; per file: times, size, inode and mode, beside
the manifest that holds the digests. A file is a few lines of text, names, and arrays of machine integers: 20,000 files
load in a few milliseconds. One that is damaged, of another version or another machine's is not used.
"""

from __future__ import annotations

import binascii
import json
import os
import sys
from array import array
from functools import cached_property
from typing import Any

from turnout.runtime import layout, manifest, records
from turnout.snapshots.filetable import CODES, FileTable

_MAGIC = f"turnout-stat-cache 2 {sys.byteorder}\n".encode()
_DIRECTORY_CODES = "qqQqqQqq"
_FILE_KINDS = (manifest.FILE.encode(), manifest.EXECUTABLE.encode())
_LINK_KIND = manifest.LINK.encode()


class DirectoryState:
    """A directory that was looked at.

    Attributes:
        path: relative to the root, ending in a slash; empty for the root.
        parent: the index of the directory above, -1 for the root.
        mtime, ctime, inode: as stat(2) has them, times in ns.
        rules: mtime, ctime and inode of the ignore file in it, zeros where there is none.
        left_out: it stays out for what it holds (a virtual environment); nothing below it was looked at.
    """

    __slots__ = ("ctime", "inode", "left_out", "mtime", "parent", "path", "rules")

    def __init__(
        self,
        path: bytes,
        parent: int,
        times: tuple[int, int, int],
        rules: tuple[int, int, int] = (0, 0, 0),
        left_out: bool = False,
    ) -> None:
        self.path = path
        self.parent = parent
        self.mtime, self.ctime, self.inode = times
        self.rules = rules
        self.left_out = left_out

    def values(self) -> tuple[int, ...]:
        """Return everything but the path as integers."""
        return (self.mtime, self.ctime, self.inode, *self.rules, self.parent, int(self.left_out))


class StatCache:
    """What is known of one source directory.

    Attributes:
        facts: JSON: what else has to be as it was, and what the last snapshot reported (see `take`).
        directories: those that were looked at, each after the one above it.
        manifest: the last snapshot.
        paths: of its files, sorted.
        columns: what is known of the files, see `FileTable`.
        links: the manifest's records of its links.
    """

    def __init__(self, facts: dict[str, Any], data: _Reader, counts: list[int]) -> None:
        names_size, paths_size, links_size, manifest_size, directory_count, file_count = counts
        self.facts = facts
        names = data.take(names_size).split(b"\0")
        self.paths = _split(data.take(paths_size))
        self.links = _split(data.take(links_size))
        self.manifest = data.take(manifest_size)
        columns = [data.column(code, directory_count) for code in _DIRECTORY_CODES]
        self.directories = [
            DirectoryState(name, parent, (mtime, ctime, inode), (rules_m, rules_c, rules_i), bool(left_out))
            for name, mtime, ctime, inode, rules_m, rules_c, rules_i, parent, left_out in zip(
                names, *columns, strict=True
            )
        ]
        self.columns = [data.column(code, file_count) for code in CODES]
        if len(self.paths) != file_count:
            raise ValueError("the parts don't belong together")

    @cached_property
    def files(self) -> FileTable:
        """The files with their records, which an unchanged tree doesn't need."""
        rows = [row for row in manifest.split(self.manifest) if row.startswith(_FILE_KINDS)]
        return FileTable(self.paths, rows, self.columns)


def file_name(workspace: layout.WorkspaceLayout, root: bytes) -> str:
    """Return the file that holds what is known of the source directory `root`."""
    return os.path.join(workspace.stat_cache, manifest.digest(root)[:32])


def load(path: str) -> StatCache | None:
    """Read a stat cache; None if there is none that can be used."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return None
    try:
        return _parsed(memoryview(data))
    except (ValueError, LookupError):
        return None


def _parsed(data: memoryview) -> StatCache:
    start = len(_MAGIC)
    if data[:start] != _MAGIC:
        raise ValueError("another version")
    body = data[start + 9 :]
    if int(bytes(data[start : start + 8]), 16) != binascii.crc32(body):
        raise ValueError("damaged")
    line = bytes(body[:200]).partition(b"\n")[0]
    header_size, *counts = map(int, line.split())
    rest = _Reader(body[len(line) + 1 :])
    return StatCache(json.loads(rest.take(header_size)), rest, counts)


def save(
    path: str, facts: dict[str, Any], directories: list[DirectoryState], files: FileTable, snapshot: bytes
) -> None:
    """Write a stat cache, whole or not at all.

    Args:
        path: from `file_name`.
        facts: JSON to keep with it.
        directories: each after the one above it; at least the root.
        files: sorted by path.
        snapshot: the manifest.

    Raises:
        OSError: it can't be written.
        OverflowError: a value doesn't fit its column.
    """
    links = [row for row in manifest.split(snapshot) if row.startswith(_LINK_KIND)] if facts["links"] else []
    parts = [
        json.dumps(facts).encode("ascii"),
        b"\0".join(directory.path for directory in directories),
        b"\0".join(files.paths),
        b"\0".join(links),
        snapshot,
    ]
    counts = [len(part) for part in parts] + [len(directories), len(files)]
    columns = zip(*(directory.values() for directory in directories), strict=True)
    parts += [array(code, values).tobytes() for code, values in zip(_DIRECTORY_CODES, columns, strict=True)]
    parts += [column.tobytes() for column in files.columns]
    body = b"".join([" ".join(map(str, counts)).encode("ascii") + b"\n", *parts])
    os.makedirs(os.path.dirname(path), layout.DIRECTORY_MODE, exist_ok=True)
    records.write_atomic(path, b"".join([_MAGIC, b"%08x\n" % binascii.crc32(body), body]))


def _split(data: bytes) -> list[bytes]:
    return data.split(b"\0") if data else []


class _Reader:
    """Takes one part of a stat cache after the other."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def take(self, size: int) -> bytes:
        part = bytes(self._data[:size])
        self._data = self._data[size:]
        return part

    def column(self, code: str, count: int) -> array[int]:
        values = array(code)
        values.frombytes(self.take(count * values.itemsize))
        return values
