"""Paths are bytes inside this package, because file names are; this is where they become text for people."""

from __future__ import annotations

import os


def shown(path: bytes) -> str:
    """Return a path as text for a message: as it is, or quoted if it holds line ends or bytes that are no UTF-8."""
    text = os.fsdecode(path)
    return text if text.isprintable() else repr(text)
