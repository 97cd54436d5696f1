"""What a person who waits for a run is told: each state in which it waits, and why."""

from __future__ import annotations

import shutil
import sys

from turnout.cli import streams, text
from turnout.runtime import states

_WAITING = (states.PREPARING, states.QUEUED, states.NOT_RESPONDING, states.CANCEL_REQUESTED)


class Progress:
    """Says each state that a person would wait in; a run that goes straight through says nothing.

    At a terminal the steps of a build share one line, which is gone when the run goes on.
    """

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, state: str, reason: str) -> None:
        """Take a new state or a new reason for it."""
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
