"""The manifest: which files a snapshot holds, as bytes whose SHA-256 is the snapshot's id.

The first record is `turnout-manifest 1`; each further one is `KIND CONTENT SIZE PATH`, ended by a NUL byte, sorted by
path. KIND is `f` (file), `x` (executable file), `l` (symbolic link) or `d` (empty directory); CONTENT is a file's
SHA-256 in hexadecimal, a link's percent-encoded target, or `-`; SIZE is in bytes; PATH is relative, `/`-separated, in
the file system's own bytes, so names of any encoding, with blanks or line ends, survive.
"""

import hashlib
import os
import re

MYPY = False
if MYPY:
    from typing import Dict, Iterable, List, Tuple

FILE = "f"
EXECUTABLE = "x"
LINK = "l"
DIRECTORY = "d"
HEADER = b"turnout-manifest 1"

_DIGEST = re.compile("[0-9a-f]{64}").fullmatch


class ManifestError(ValueError):
    """A manifest that can't be read, or that names something outside the tree."""


class Entry:
    """One path of a snapshot.

    Attributes:
        kind: FILE, EXECUTABLE, LINK or DIRECTORY.
        content: a file's SHA-256 in hexadecimal, a link's target, or an empty string.
        size: bytes of a file, else 0.
        path: relative path, as `os.fsdecode` gives it.
    """

    __slots__ = ("content", "kind", "path", "size")

    def __init__(self, kind: str, content: str, size: int, path: str) -> None:
        self.kind = kind
        self.content = content
        self.size = size
        self.path = path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self._all() == other._all()

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return "Entry%r" % (self._all(),)

    def _all(self) -> "Tuple[str, str, int, str]":
        return (self.kind, self.content, self.size, self.path)


def record(kind: str, content: str, size: int, path: bytes) -> bytes:
    """Return one record; the arguments are those of `Entry`, the path as bytes."""
    if kind == LINK:
        from urllib.parse import quote_from_bytes  # not needed where no link is

        content = quote_from_bytes(os.fsencode(content), safe="/")
    return b"%s %s %d %s" % (kind.encode("ascii"), (content or "-").encode("ascii"), size, path)


def path_in(row: bytes) -> bytes:
    """Return the path of a record."""
    return row.split(b" ", 3)[3]


def digest_in(row: bytes) -> str:
    """Return the digest in the record of a file."""
    return row[2:66].decode("ascii")


def join(records: "List[bytes]") -> bytes:
    """Return the manifest of records that are sorted by the bytes of their paths."""
    return b"\0".join([HEADER] + records) + b"\0"


def split(data: bytes) -> "List[bytes]":
    """Return the records of a manifest.

    Raises:
        ManifestError: it is no manifest, or of a later version.
    """
    rows = data.split(b"\0")
    if rows[0] != HEADER or rows[-1] != b"":
        raise ManifestError("not a snapshot manifest of version 1")
    return rows[1:-1]


def serialise(entries: "Iterable[Entry]") -> bytes:
    """Return the manifest of `entries`, which are sorted here by the bytes of their paths."""
    rows = [(os.fsencode(entry.path), entry) for entry in entries]
    rows.sort(key=lambda row: row[0])
    return join([record(entry.kind, entry.content, entry.size, path) for path, entry in rows])


def parse(data: bytes) -> "List[Entry]":
    """Read a manifest.

    Raises:
        ManifestError: it is no manifest, of a later version, or a path leads out of the tree.
    """
    return [_parsed(row) for row in split(data)]


def _parsed(row: bytes) -> Entry:
    try:
        kind, content, size, path = row.split(b" ", 3)
        entry = Entry(kind.decode("ascii"), content.decode("ascii"), int(size), os.fsdecode(path))
    except ValueError:
        raise ManifestError("a broken record in the manifest: %r" % row[:200]) from None
    parts = entry.path.split("/")
    if ".." in parts or "." in parts or "" in parts:
        raise ManifestError("the manifest names a path outside the tree: %r" % entry.path)
    if entry.kind == LINK:
        from urllib.parse import unquote_to_bytes

        entry.content = os.fsdecode(unquote_to_bytes(entry.content))
    elif entry.kind == DIRECTORY:
        entry.content = ""
    elif entry.kind not in (FILE, EXECUTABLE):
        raise ManifestError("unknown kind %r in the manifest" % entry.kind)
    elif not _DIGEST(entry.content):
        raise ManifestError("%r in the manifest is no digest" % entry.content)
    return entry


def contents(data: bytes) -> "Dict[str, None]":
    """Return the digests of a manifest's files, each once, in its order. Raises ManifestError; see `parse`."""
    return dict.fromkeys(entry.content for entry in parse(data) if entry.kind in (FILE, EXECUTABLE))


def difference(base: bytes, data: bytes) -> "Tuple[List[bytes], List[bytes]]":
    """Return what makes one manifest of another: the records that it has alone, and the paths that it has no more."""
    before, after = set(split(base)), set(split(data))
    added = sorted(after - before, key=path_in)
    return added, sorted({path_in(row) for row in before} - {path_in(row) for row in after})


def changed(base: bytes, added: "List[bytes]", removed: "List[bytes]") -> bytes:
    """Return the manifest that `difference` was made from.

    Raises:
        ManifestError: `base` is no manifest.
    """
    gone = {path_in(row) for row in added}.union(removed)
    rows = [row for row in split(base) if path_in(row) not in gone]
    return join(sorted(rows + added, key=path_in))


def digest(data: bytes) -> str:
    """Return the id of the snapshot whose manifest is `data`."""
    return hashlib.sha256(data).hexdigest()
