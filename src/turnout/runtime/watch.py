"""Waits for what can happen to a process of the runtime, without polling: children, requests, other processes, the clock.

Signals arrive through a pipe (`signal.set_wakeup_fd`), other processes through pidfds (Linux 5.3, Python 3.9); where there
are none, a process that isn't our child is looked at twice a second.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Any, Dict, FrozenSet, Iterable, Optional

from turnout.runtime import processes

_SLOW_LOOK = 0.5
SAFETY_SECONDS = 5.0
"""Between looks at the files when nobody wakes us: a request from another host over a shared file system."""


class Waiter:
    """A process's single place to sleep."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self.terminated = False
        self._statuses: Dict[int, int] = {}
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.signal(signal.SIGUSR1, _nothing)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGINT, self._terminate)

    def wait(self, until: Optional[float] = None, others: Iterable["Process"] = ()) -> FrozenSet[int]:
        """Sleep until a signal comes, one of `others` may have ended, or the monotonic time `until`.

        May wake early for no reason. Returns the numbers of the signals that came.
        """
        timeout = SAFETY_SECONDS
        if until is not None:
            timeout = min(timeout, max(0.0, until - time.monotonic()))
        watched = [self._read]
        for process in others:
            if process.descriptor is not None:
                watched.append(process.descriptor)
            elif not process.child:
                timeout = min(timeout, _SLOW_LOOK)
        poll = select.poll()  # select(2) refuses descriptors from 1,024 on
        for descriptor in watched:
            poll.register(descriptor, select.POLLIN)
        ready = poll.poll(timeout * 1000)
        if any(descriptor == self._read for descriptor, _ in ready):
            return frozenset(os.read(self._read, 4096))
        return frozenset()

    def reap(self) -> None:
        """Collect the children that have ended, whoever they are: their statuses are kept for `status`."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self._statuses[pid] = status
        except ChildProcessError:
            pass

    def status(self, pid: int) -> Optional[int]:
        """Return the wait status of a child that has ended, once; None when it lives or was never ours."""
        self.reap()
        return self._statuses.pop(pid, None)

    def ended(self) -> Dict[int, int]:
        """Return the wait statuses, by pid, of all children that have ended since the last call."""
        self.reap()
        found, self._statuses = self._statuses, {}
        return found

    def close(self) -> None:
        """Let go of the signals, in a fork that goes its own way."""
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)

    def _terminate(self, number: int, frame: Any) -> None:
        self.terminated = True


class Process:
    """A process to wait for: a child, or one that was found by its identity.

    Args:
        pid: its pid.
        child: whether it is a child of this process.
        identity: what names it, of one that is no child.
        pipe: a descriptor that comes to its end when the process has done what it is waited for.
    """

    def __init__(
        self, pid: int, child: bool, identity: Optional[Dict[str, Any]] = None, pipe: Optional[int] = None
    ) -> None:
        self.pid = pid
        self.child = child
        self.identity = identity
        self.descriptor = pipe
        self._pipe = pipe
        self._ended = False
        opener = getattr(os, "pidfd_open", None)
        if not child and pipe is None and opener is not None:
            try:
                self.descriptor = opener(pid)
            except OSError:
                pass  # gone already, or an older kernel: `ended` looks at /proc

    def ended(self) -> bool:
        """Say whether it has ended. A child without a pipe must be asked of the waiter instead."""
        if not self._ended:
            if self._pipe is not None:
                poll = select.poll()
                poll.register(self._pipe, select.POLLIN)
                self._ended = bool(poll.poll(0))
            else:
                self._ended = self.identity is None or processes.state(self.identity) != processes.ALIVE
            if self._ended:
                self.close()
        return self._ended

    def close(self) -> None:
        """Close its descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor = None


def _nothing(number: int, frame: Any) -> None:
    """Take a signal so that it wakes the waiter."""
