"""The standard streams of a command: bytes that all arrive, lines for the person, and what to do when nobody reads them.

A command goes on without its person where it can: a message that can't be said is dropped. Output that can't be written
ends the command (`OutputGone`), never what it was looking at.
"""

from __future__ import annotations

import os
import select
import sys
from typing import Any

import click

BROKEN_PIPE = 128 + 13
"""What a command ends with when its output can't be written any more: a shell's code for SIGPIPE."""


class OutputGone(click.exceptions.Exit):
    """The output can't be written: its reader left, its terminal was closed, or its disk is full."""

    def __init__(self, reason: str) -> None:
        super().__init__(BROKEN_PIPE)
        self.reason = reason


class Output:
    """A standard stream as bytes; a write returns when all of it has been taken, also where the stream doesn't block."""

    def __init__(self, stream: Any) -> None:
        stream.flush()
        self._raw = getattr(stream.buffer, "raw", stream.buffer)

    def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            OutputGone: it can't be.
        """
        left = memoryview(data)
        while left:
            try:
                taken = self._raw.write(left)
            except OSError as error:
                discard(self._raw.fileno())
                raise OutputGone((error.strerror or str(error)).lower()) from None
            if taken is None:  # set to non-blocking by another process that has it too, and full
                select.select([], [self._raw], [])
            else:
                left = left[taken:]

    def flush(self) -> None:
        """Nothing waits: each write goes straight through."""


def provide() -> None:
    """See to it that there are three standard streams, so that no other file takes the place of a missing one."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            discard(descriptor)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="surrogateescape", closefd=False))


def say(line: str, end: str = "\n") -> None:
    """Print a line for the person on standard error, beside the output; without anybody who listens it is dropped."""
    try:
        print(line, end=end, file=sys.stderr, flush=True)
    except OSError:
        discard(2)


def discard(descriptor: int) -> None:
    """Point a standard stream at nothing, so that the interpreter's last flush of it doesn't fail again."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
    except OSError:
        pass
