"""A run in the queue, as the dispatcher knows it beyond what its files say."""

from __future__ import annotations

import os
import time
from typing import Optional

from turnout.runtime import controlling, layout, runqueue, watch
from turnout.runtime.record import RunRecord

_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0


class QueuedRun:
    """A run in the queue.

    Attributes:
        entry: its entry.
        run: its record's files.
        ours: whether it was found that no other process has the run; until then nothing is done for it.
        ready: whether its environment is there.
        pid: its supervisor, when that is a child of the dispatcher.
        other: its supervisor, when that was started by someone else.
        trouble: how often its supervisor ended unexpectedly, weighted.
        not_before: monotonic time before which it is not tried again; 0.0 when it may be.
        key: of the environment that it needs.
        told: the state and reason that its journal says it waits for.
        complaint: what went wrong with it last.
        brings_more: whether it is a sweep, which puts further runs into this queue for as long as it lives.
    """

    __slots__ = (
        "brings_more", "complaint", "entry", "key", "not_before", "other", "ours", "pid", "ready", "run", "told", "trouble"
    )  # fmt: skip

    def __init__(self, entry: runqueue.Entry) -> None:
        self.entry = entry
        self.run = layout.RunLayout(entry.directory)
        self.ours = False
        self.ready = False
        self.pid = 0
        self.other: Optional[watch.Process] = None
        self.trouble = 0
        self.not_before = 0.0
        self.key = ""
        self.told = ("", "")
        self.complaint = ""
        # A sweep takes no slot, so most records needn't be read for this.
        self.brings_more = not any(entry.demand) and controlling.brings_runs_here(self.run)

    @property
    def supervised(self) -> bool:
        """Whether a supervisor is known to have the run."""
        return bool(self.pid) or self.other is not None

    def state(self) -> Optional[str]:
        """Return the last state in its journal; None when the run is not there any more."""
        record = RunRecord(self.run.root)
        return str(record.journaled_state().get("state")) if record.exists() else None

    def crashes(self) -> int:
        """Return how many supervisors failed by their own error, under whichever dispatcher."""
        try:
            return os.stat(self.run.crashes).st_size
        except OSError:
            return 0

    def pause(self) -> None:
        """Let it rest before another attempt, the longer the more trouble there was."""
        self.not_before = time.monotonic() + min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * self.trouble)

    def complain(self, text: str) -> None:
        """Write to its supervisor's log what went wrong; once, if it goes wrong again in the same way."""
        if text == self.complaint:
            return
        self.complaint = text
        try:
            descriptor = os.open(
                self.run.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE
            )
            try:
                os.write(descriptor, ("turnout: %s\n" % text).encode("utf-8", "replace"))
            finally:
                os.close(descriptor)
        except OSError:
            pass  # what is wrong with it may be just that

    def close(self) -> None:
        """Let go of what is watched for it."""
        if self.other is not None:
            self.other.close()
            self.other = None
