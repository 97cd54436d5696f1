"""The text of a run's Python files, to look for names in it: what a script names goes to another machine with it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from turnout.runtime import manifest

_LIMIT = 1 << 20
"""Larger Python files are not looked through."""


def python_files(source_directory: str, snapshot: bytes) -> Iterator[bytes]:
    """Yield the content of the Python files of a snapshot.

    Args:
        source_directory: where it was taken.
        snapshot: its manifest.
    """
    for entry in manifest.parse(snapshot):
        is_file = entry.kind in (manifest.FILE, manifest.EXECUTABLE)
        if is_file and entry.path.endswith(".py") and entry.size <= _LIMIT:
            try:
                with open(os.path.join(source_directory, entry.path), "rb") as stream:
                    yield stream.read()
            except OSError:
                continue  # gone since it was packed


def has_name(text: bytes, name: str) -> bool:
    """Say whether a text has a name in quotes."""
    wanted = name.encode("utf-8")
    return b'"%s"' % wanted in text or b"'%s'" % wanted in text
