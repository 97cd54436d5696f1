"""Data for a process to read that is in no file with a name: what may hold secrets."""

from __future__ import annotations

import os


def readable(data: bytes) -> int:
    """Return a descriptor that reads as `data`, from a file that has no name and is in memory where that can be had."""
    if hasattr(os, "memfd_create"):
        descriptor: int = os.memfd_create("turnout", 0)
    else:
        import tempfile  # most machines have the other

        with tempfile.TemporaryFile() as stream:
            descriptor = os.dup(stream.fileno())
    os.set_inheritable(descriptor, False)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
