"""Keeps submits and gc apart: `HOME/gc.lock`, shared by submits, held alone by gc while it frees.

A submit counts on objects that no run refers to yet, from the first one that it looks up until its run is there. The kernel
frees the lock of a process that is killed. `HOME/gc.turn` is passed on the way to the lock: gc closes it for a moment when
submits follow each other so closely that the lock is never free.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Callable, Iterator, Optional, Set

from turnout.runtime import filelocks, layout

PATIENCE = 300.0
"""Seconds for which gc waits for submits."""

_CLOSED = 1.0
_OPEN = 1.0
_PAUSE = 0.005
"""Seconds for which gc keeps submits waiting while those under way end; for which it lets them pass again; between two
attempts, as flock(2) can wait for ever or not at all."""


class BusyError(Exception):
    """Submits were under way all the time."""


_held: Set[int] = set()


def _let_go_in_child() -> None:
    """Close what a forked process inherited: a lock held through a fork would outlive its owner."""
    for descriptor in _held:
        try:
            os.close(descriptor)
        except OSError:
            pass
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


@contextlib.contextmanager
def shared(home: layout.Home, report: Callable[[str], None]) -> Iterator[None]:
    """Keep gc away while a run is being recorded. On a file system without locks, where gc refuses to work, do nothing.

    Args:
        home: whose objects are counted on.
        report: gets a line if gc has to be waited for.

    Raises:
        OSError: the home can't be used.
    """
    with _opened(home.gc_lock) as lock:
        with _opened(home.gc_turn) as turn:
            try:
                _pass(turn, report)
                filelocks.lock(lock, home.gc_lock, shared=True)
            except filelocks.NoFileLocks:
                pass
        yield


@contextlib.contextmanager
def alone(
    home: layout.Home, report: Optional[Callable[[str], None]] = None, patience: float = PATIENCE
) -> Iterator[None]:
    """Keep submits away while objects are freed.

    Args:
        home: whose objects.
        report: gets a line if submits have to be waited for.
        patience: seconds to wait for them.

    Raises:
        filelocks.NoFileLocks: this file system has no locks.
        BusyError: submits were under way all the time.
        OSError: the home can't be used.
    """
    with _opened(home.gc_lock) as lock, _opened(home.gc_turn) as turn:
        _take(lock, turn, report, patience)
        yield


def _take(lock: int, turn: int, report: Optional[Callable[[str], None]], patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        _attempt(turn, deadline)
        if _free_within(lock, _CLOSED):
            return
        filelocks.unlock(turn)
        if report is not None:
            report("waiting for submits that are under way")
            report = None
        if time.monotonic() > deadline:
            raise BusyError
        time.sleep(_OPEN)


def _attempt(turn: int, deadline: float) -> None:
    """Close the turn; another gc may have it for long, a submit for microseconds."""
    while not _locked(turn):
        if time.monotonic() > deadline:
            raise BusyError
        time.sleep(_PAUSE)


def _free_within(lock: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _locked(lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _locked(descriptor: int) -> bool:
    try:
        filelocks.lock(descriptor, wait=False)
    except BlockingIOError:
        return False
    return True


def _pass(turn: int, report: Callable[[str], None]) -> None:
    try:
        filelocks.lock(turn, shared=True, wait=False)
    except BlockingIOError:
        report("waiting for turnout gc to finish")
        filelocks.lock(turn, shared=True)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    _held.add(descriptor)
    try:
        yield descriptor
    finally:
        if descriptor in _held:  # else this is a forked child, which has closed it
            _held.discard(descriptor)
            _release(descriptor)


def _release(descriptor: int) -> None:
    try:
        filelocks.unlock(descriptor)  # a process that was forked unseen, by a library in C, shares the lock
    except OSError:
        pass
    os.close(descriptor)
