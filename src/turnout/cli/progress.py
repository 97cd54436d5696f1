"""What a person who waits is told: how far an upload is, each state in which a run waits, and why."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

from turnout.cli import streams, text
from turnout.runtime import states

_WAITING = (states.PREPARING, states.QUEUED, states.RUNNING, states.NOT_RESPONDING, states.CANCEL_REQUESTED)


class Progress:
    """Says each state that a person would wait in; a run that goes straight through says nothing.

    At a terminal the steps of a build share one line, which is gone when the run goes on.
    """

    def __init__(self, clear: Callable[[], None] = lambda: None) -> None:
        """Say them on a terminal that `clear` clears of a line which is to go when another one is said."""
        self._shown = 0
        self._clear = clear

    def __call__(self, state: str, reason: str) -> None:
        """Take a new state or a new reason for it."""
        self._clear()
        if self._shown:
            streams.say(f"\r{' ' * self._shown}\r", end="")
            self._shown = 0
        if state not in _WAITING or not reason:
            return
        line = f"{state}: {text.plain(reason)}"
        if state == states.PREPARING and sys.stderr.isatty():
            line = line[: shutil.get_terminal_size().columns - 1]  # a line that wraps could not be taken back
            self._shown = len(line)
            streams.say(line, end="")
        else:
            streams.say(line)


class Upload:
    """Shows at a terminal how far an upload is, in one line that is gone when it is over; elsewhere nothing."""

    _EVERY = 0.1

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._shown = 0

    def __call__(self, done: int, total: int) -> None:
        """Take how many bytes were sent, of how many."""
        now = time.monotonic()
        if not sys.stderr.isatty() or (now - self._told < self._EVERY and done < total):
            return
        self._told = now
        blank = f"\r{' ' * self._shown}\r"
        if done >= total:
            if self._shown:
                streams.say(blank, end="")
            self._shown = 0
            return
        rate = done / max(now - self._began, 0.001)
        line = (f"uploading {text.bar(done, total)} {text.size(done)} of {text.size(total)}, {text.size(int(rate))}/s")[
            : shutil.get_terminal_size().columns - 1
        ]
        streams.say(f"{blank}{line}", end="")
        self._shown = len(line)
