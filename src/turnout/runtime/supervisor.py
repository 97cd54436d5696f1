"""The process that supervises one run, which the dispatcher forks (or starts, for a run that began with another runtime).

It takes the run's lock, has the run carried to its end (see `supervision`), and takes it out of the queue. On a full disk it
waits for room and goes on from what the record says, as after a kill.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Callable, Dict, List, Optional, TypeVar

from turnout.runtime import dispatching, layout, processes, records, runlock, runqueue, slots, states, watch
from turnout.runtime.record import RunRecord
from turnout.runtime.supervision import Supervisor

_Answer = TypeVar("_Answer")

_ROOM_SECONDS = 1.0
"""Between attempts to go on with a run on a disk that is full."""


def main(arguments: List[str]) -> int:
    """Run as a process of its own: `HOME RUN_DIRECTORY ENTRY [SLOTS]`; see `supervise`."""
    processes.close_descriptors()
    grant = slots.from_json(json.loads(arguments[3])) if len(arguments) > 3 else None
    watched = watch.Waiter()
    processes.become_subreaper()
    return supervise(layout.Home(arguments[0]), arguments[1], arguments[2], grant, watched)


def supervise(
    home: layout.Home,
    directory: str,
    entry: str,
    grant: Optional[slots.Grant],
    waiter: watch.Waiter,
    instead_of: Optional[Dict[str, Any]] = None,
) -> int:
    """Supervise a run in this process, and take it out of the queue when it has ended.

    Args:
        home: this machine's home.
        directory: the run's record.
        entry: the name of its entry in the queue.
        grant: its slots; None to prepare it only.
        waiter: of this process.
        instead_of: the dispatcher that hands the run over.

    Returns:
        An exit code: 0 also when another supervisor has the run.
    """
    run = layout.RunLayout(directory)
    try:
        _patiently(run, waiter, lambda: _settle(run))
        if not _patiently(run, waiter, lambda: runlock.acquire(run.lock, instead_of)):
            return 0
        # After the disk was full it goes on from what the record says, as after a kill.
        _patiently(run, waiter, lambda: Supervisor(home, run, waiter, grant).supervise())
        if states.is_final(str(RunRecord(run.root).journaled_state().get("state"))):
            runqueue.drop(home, entry)
    except BaseException:
        import traceback

        traceback.print_exc()
        _note_crash(run)
        return 1
    dispatching.move_on(home, os.getppid())
    return 0


def _note_crash(run: layout.RunLayout) -> None:
    """Count it, so that a dispatcher that comes later can tell a run that can't be supervised."""
    try:
        descriptor = os.open(run.crashes, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
        os.write(descriptor, b".")
        os.close(descriptor)
    except OSError:
        pass


def _patiently(run: layout.RunLayout, waiter: watch.Waiter, act: Callable[[], _Answer]) -> _Answer:
    """Return what `act` returns; on a full disk wait for room and do it once more."""
    while True:
        try:
            return act()
        except OSError as error:
            if error.errno not in records.DISK_FULL:
                raise
            _say("the disk is full (%s): waiting for room" % error)
        while not _has_room(run.root):
            waiter.wait(time.monotonic() + _ROOM_SECONDS)


def _has_room(directory: str) -> bool:
    """Try whether a file can be written."""
    try:
        records.write_atomic(os.path.join(directory, ".room"), b" " * 65536)
        os.unlink(os.path.join(directory, ".room"))
    except OSError:
        return False
    return True


def _say(text: str) -> None:
    try:
        os.write(2, ("turnout: %s\n" % text).encode("utf-8", "replace"))
    except OSError:
        pass  # the log is on that disk


def _settle(run: layout.RunLayout) -> None:
    """Write to the run's own log from now on."""
    os.makedirs(run.system_logs, layout.DIRECTORY_MODE, exist_ok=True)
    os.makedirs(run.user_logs, layout.DIRECTORY_MODE, exist_ok=True)
    log = os.open(run.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, layout.FILE_MODE)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir("/")
