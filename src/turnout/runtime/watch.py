"""Waits for what can happen to a supervised run, without polling: children, requests, and the clock.

Signals arrive through a pipe (`signal.set_wakeup_fd`), other processes through pidfds (Linux 5.3, Python 3.9); where there
are none, a process that isn't our child is looked at twice a second.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Any, Dict, Optional

from turnout.runtime import processes

_SLOW_LOOK = 0.5
_SAFETY_LOOK = 5.0
"""Seconds between looks at the cancel file when nobody wakes us: a request from another host over a shared file system."""


class Waiter:
    """The supervisor's single place to sleep."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        self.terminated = False
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.signal(signal.SIGUSR1, _nothing)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGINT, self._terminate)

    def wait(self, until: Optional[float] = None, process: Optional["Process"] = None) -> None:
        """Sleep until a signal comes, `process` ends, or the monotonic time `until`; may wake early for no reason."""
        timeout = _SAFETY_LOOK
        if until is not None:
            timeout = min(timeout, max(0.0, until - time.monotonic()))
        watched = [self._read]
        if process is not None:
            if process.descriptor is not None:
                watched.append(process.descriptor)
            elif not process.child:
                timeout = min(timeout, _SLOW_LOOK)
        ready, _, _ = select.select(watched, [], [], timeout)
        if self._read in ready:
            os.read(self._read, 4096)

    def _terminate(self, number: int, frame: Any) -> None:
        self.terminated = True


class Process:
    """A process to wait for: a child, or one that was found by its identity."""

    def __init__(self, pid: int, child: bool, identity: Optional[Dict[str, Any]] = None) -> None:
        self.pid = pid
        self.child = child
        self.identity = identity
        self.status: Optional[int] = None
        self.descriptor: Optional[int] = None
        opener = getattr(os, "pidfd_open", None)
        if not child and opener is not None:
            try:
                self.descriptor = opener(pid)
            except OSError:
                pass  # gone already, or an older kernel: `ended` looks at /proc

    def ended(self) -> bool:
        """Say whether it has ended; reaps a child and keeps its wait status."""
        if self.child:
            if self.status is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:
                    self.status = 0
                    return True
                if pid:
                    self.status = status
            return self.status is not None
        return self.identity is None or processes.state(self.identity) != processes.ALIVE


def _nothing(number: int, frame: Any) -> None:
    """Take a signal so that it wakes `select`."""
