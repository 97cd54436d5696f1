"""The manifest: which files a snapshot holds, as bytes whose SHA-256 is the snapshot's id.

The first record is `turnout-manifest 1`; each further one is `KIND CONTENT SIZE PATH`, ended by a NUL byte, sorted by path.
KIND is `f` (file), `x` (executable file), `l` (symbolic link) or `d` (empty directory); CONTENT is a file's SHA-256 in
hexadecimal, a link's percent-encoded target, or `-`; SIZE is in bytes; PATH is relative, `/`-separated, in the file
system's own bytes, so names of any encoding, with blanks or line ends, survive.
"""

import hashlib
import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

MYPY = False
if MYPY:
    from typing import Iterable, List

FILE = "f"
EXECUTABLE = "x"
LINK = "l"
DIRECTORY = "d"
HEADER = b"turnout-manifest 1"


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

    def _all(self) -> "tuple":  # type: ignore[type-arg]
        return (self.kind, self.content, self.size, self.path)


def serialise(entries: "Iterable[Entry]") -> bytes:
    """Return the manifest of `entries`, which are sorted here by the bytes of their paths."""
    rows = []
    for entry in entries:
        path = os.fsencode(entry.path)
        if entry.kind == LINK:
            content = quote_from_bytes(os.fsencode(entry.content), safe="/")
        else:
            content = entry.content or "-"
        rows.append((path, b"%s %s %d %s" % (entry.kind.encode(), content.encode(), entry.size, path)))
    rows.sort()
    return b"\0".join([HEADER] + [row for _, row in rows]) + b"\0"


def parse(data: bytes) -> "List[Entry]":
    """Read a manifest.

    Raises:
        ManifestError: it is no manifest, of a later version, or a path leads out of the tree.
    """
    rows = data.split(b"\0")
    if rows[0] != HEADER or rows[-1] != b"":
        raise ManifestError("not a snapshot manifest of version 1")
    entries = []
    for row in rows[1:-1]:
        try:
            kind, content, size, path = row.split(b" ", 3)
            entry = Entry(kind.decode("ascii"), content.decode("ascii"), int(size), os.fsdecode(path))
        except ValueError:
            raise ManifestError("a broken record in the manifest: %r" % row[:200]) from None
        parts = entry.path.split("/")
        if not entry.path or entry.path.startswith("/") or ".." in parts or "." in parts or "" in parts:
            raise ManifestError("the manifest names a path outside the tree: %r" % entry.path)
        if entry.kind == LINK:
            entry.content = os.fsdecode(unquote_to_bytes(entry.content))
        elif entry.kind == DIRECTORY:
            entry.content = ""
        elif entry.kind not in (FILE, EXECUTABLE):
            raise ManifestError("unknown kind %r in the manifest" % entry.kind)
        entries.append(entry)
    return entries


def digest(data: bytes) -> str:
    """Return the id of the snapshot whose manifest is `data`."""
    return hashlib.sha256(data).hexdigest()
