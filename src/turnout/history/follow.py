"""Waits for a run's end and copies its log on the way."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from turnout.runtime import processes, runlock, states

if TYPE_CHECKING:
    from turnout.history.replica import Replica
    from turnout.run import Run

_QUICK, _SLOW = 0.01, 0.1
_LOOK_EVERY = 1.0
_COLLECT_FIRST, _COLLECT_SECONDS = 0.5, 30.0
"""Seconds of collecting before what the script said last is shown, and then at a time: each begins by comparing all."""
_LONGEST_PAUSE = 3.0
_BLOCK = 1 << 20


def follow(run: Run, output: Any, on_state: Callable[[str, str], None] | None = None) -> str:
    """Wait for the end of `run`; see `Run.follow`."""
    return watch(run, Tail(run.layout.script_log, output).copy, on_state)


def watch(run: Run, copy: Callable[[], bool], on_state: Callable[[str, str], None] | None = None) -> str:
    """Wait for the end of `run`, copying what appears on the way.

    The end is an event where the system has pidfds; the logs and the journal are looked at 100 times a second at first
    and ten times a second later on, since a file has no event that also works on a network file system.

    Args:
        run: the run.
        copy: copies what is new; says whether there was anything. Called once more after the end.
        on_state: called with each new state and its reason.

    Returns:
        The final state.
    """
    copy_of = run.replica()
    if copy_of is not None:
        return _watch_elsewhere(run, copy_of, copy, on_state)
    seen: tuple[str, str] | None = None
    began = looked = time.monotonic()
    supervisor: int | None = None
    try:
        while True:
            now = time.monotonic()
            if now - looked >= _LOOK_EVERY:
                current = run.status_and_reason()  # proves that a supervisor lives
                looked = now
            else:
                current = run.record.status()
                if seen is not None and current[0] == seen[0] == states.QUEUED:
                    current = seen  # its place in the queue is known from looking only
            if current != seen:
                if on_state is not None:
                    on_state(*current)
                if supervisor is not None:  # another process may look after it now
                    os.close(supervisor)
                    supervisor = None
            seen = current
            moved = copy()
            if states.is_final(current[0]):
                copy()
                return current[0]
            if supervisor is None:
                supervisor = _pidfd(run)
            delay = _QUICK if moved or now - began < 2 else _SLOW
            if supervisor is not None:
                if select.select([supervisor], [], [], delay)[0]:
                    os.close(supervisor)
                    supervisor, looked = None, 0.0
            else:
                time.sleep(delay)  # no supervisor to wait for yet, or none that can be seen from here
    finally:
        if supervisor is not None:
            os.close(supervisor)


def _watch_elsewhere(
    run: Run, replica: Replica, copy: Callable[[], bool], on_state: Callable[[str, str], None] | None
) -> str:
    """Do the same for a run of another machine: its agent answers when there is something new."""
    seen: tuple[str, str] | None = None
    pause = _SLOW
    while True:
        collecting = seen is not None and seen[0] == states.FINALIZING
        current = replica.look(wait=_LOOK_EVERY, seconds=_COLLECT_SECONDS if collecting else _COLLECT_FIRST)
        if current != seen and on_state is not None:
            on_state(*current)
        moved = copy()
        if states.is_final(current[0]):
            copy()
            return current[0]
        if current[0] == states.NOT_RESPONDING or (current == seen and not moved and not replica.answered):
            time.sleep(pause)  # a network that comes back, and another process that brings, send no event
            pause = min(_LONGEST_PAUSE, pause * 2)
        else:
            pause = _SLOW
        seen = current


class Tail:
    """Copies a growing file to a stream; a stream that went away is let go."""

    def __init__(self, path: str, output: Any) -> None:
        self._path = path
        self._output = output
        self._descriptor: int | None = None

    def copy(self) -> bool:
        """Copy what is new; return whether there was anything."""
        if self._output is None:
            return False
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        moved = False
        while data := os.read(self._descriptor, _BLOCK):
            moved = True
            try:
                self._output.write(data)
                self._output.flush()
            except (BrokenPipeError, ValueError):
                self._output = None
                break
            except OSError as error:
                if error.errno != errno.EIO:  # a terminal that was closed
                    raise
                self._output = None
                break
        return moved

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _pidfd(run: Run) -> int | None:
    """Return a descriptor that becomes readable when the run's supervisor ends, where there can be one."""
    holder = runlock.holder(run.layout.lock)
    if holder is None or processes.state(holder) != processes.ALIVE:
        return None
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return None
    try:
        descriptor: int = opener(holder["pid"])
    except OSError:
        return None
    return descriptor
