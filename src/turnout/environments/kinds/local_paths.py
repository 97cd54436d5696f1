"""Requirements that lie on this machine: recognises them, makes them absolute, and digests what they would install."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

_PARTS = (
    r"(?:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?)\s*@\s*)?"
    r"(?P<where>[^;\[]+?)\s*(?P<extras>\[[^\]]*\])?\s*(?P<marker>;.*)?"
)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_LEFT_OUT = frozenset(
    (".git", ".hg", ".svn", ".tox", ".nox", "__pycache__", "node_modules", ".mypy_cache", ".pytest_cache")
)
_BUILT = frozenset(("build", "dist"))
"""Directories that building a package leaves at its root; counting them would change the digest by the first build."""
_METADATA = ("pyproject.toml", "setup.py", "setup.cfg")
_BLOCK = 1 << 20


class Local(NamedTuple):
    """A requirement on this machine: its absolute path, and its line with a `file:` URL."""

    path: str
    line: str


def recognise(requirement: str, directory: str) -> Local | None:
    """Return a requirement as a local one, or None when it comes from elsewhere.

    Args:
        requirement: a line without hashes: `./pkg[extra] ; marker`, `pkg.whl`, `name @ file:///…`.
        directory: what a relative path is relative to; absolute.
    """
    parts = re.fullmatch(_PARTS, requirement)
    if parts is None or not _is_path(parts["where"]):
        return None
    where = parts["where"]
    if where.startswith("file:"):
        from urllib.parse import unquote  # few requirements are local

        where = unquote(where[len("file:") :].partition("#")[0])
        where = where[2:] if where.startswith("//") else where
    path = os.path.abspath(os.path.join(directory, os.path.expanduser(where)))
    named = f"{parts['name'].strip()} @ " if parts["name"] else ""
    marker = f" {parts['marker']}" if parts["marker"] else ""
    return Local(path, f"{named}{uri(path)}{parts['extras'] or ''}{marker}")


def installable(path: str) -> bool:
    """Say whether a path is a file, or a directory that pip could install."""
    return os.path.isfile(path) or any(os.path.isfile(os.path.join(path, name)) for name in _METADATA[:2])


def uri(path: str) -> str:
    """Return the `file:` URL of an absolute path."""
    from urllib.parse import quote  # few requirements are local

    return "file://" + quote(os.fsencode(path))


def digest(path: str, editable: bool) -> str:
    """Return the SHA-256 of a file, or of all files of a package's directory.

    An editable package is used where it is, so only the files that say what it needs count.
    """
    whole = hashlib.sha256()
    if os.path.isfile(path):
        _feed(whole, path)
        return whole.hexdigest()
    for name in _METADATA if editable else _files(path):
        file = os.path.join(path, name)
        if os.path.isfile(file):
            whole.update(os.fsencode(name) + b"\0")
            _feed(whole, file)
    return whole.hexdigest()


def _is_path(where: str) -> bool:
    if where.startswith("file:"):
        return True
    return "://" not in where and (where.startswith((".", "~")) or os.sep in where or where.endswith(_ARCHIVES))


def _files(top: str) -> Iterator[str]:
    """Yield the relative names of a package's files in a fixed order, without what tools leave behind."""
    for directory, directories, names in os.walk(top):
        left_out = _LEFT_OUT | _BUILT if directory == top else _LEFT_OUT
        directories[:] = sorted(
            name
            for name in directories
            if name not in left_out
            and not name.endswith(".egg-info")
            and not os.path.exists(os.path.join(directory, name, "pyvenv.cfg"))
        )
        for name in sorted(names):
            yield os.path.relpath(os.path.join(directory, name), top)


def _feed(whole: hashlib._Hash, path: str) -> None:
    whole.update(b"%d\0" % os.path.getsize(path))
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            whole.update(block)
