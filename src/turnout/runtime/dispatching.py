"""Sees to it that the queue of this machine moves: wakes its dispatcher, or starts one.

Anyone may call this at any time: submitters after they have handed a run over, supervisors, whoever looks at a run.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Dict, List, Optional

from turnout.runtime import layout, processes, records, runlock, runqueue, starting

_started: List[int] = []


def dispatcher(queue: layout.QueueLayout) -> Optional[Dict[str, Any]]:
    """Return the identity of the process that dispatches, as it wrote it; None when none does."""
    try:
        value = records.read_json(queue.dispatcher)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def wake(home: layout.Home, runtime: str) -> None:
    """Wake the dispatcher; start one, with the shipped `runtime`, when none lives.

    A dispatcher takes its name off the file before it lets its lock go, and looks once more afterwards. So who sees its
    name can be sure that it will look again, and who doesn't see it starts another.

    Raises:
        OSError: none can be started.
    """
    holder = dispatcher(home.queue_here)
    if holder is not None and processes.send(holder, signal.SIGUSR1):
        return
    if _ask_supervisor(home):
        return
    _started[:] = [pid for pid in _started if not _reaped(pid)]
    argv, environment = starting.command("dispatcher", runtime, sys.executable, home.root)
    _started.append(starting.spawn(argv, environment))


def move_on(home: layout.Home, parent: int = 0, asked: bool = False) -> None:
    """Wake the dispatcher, or start one if something waits; from a process of the runtime.

    Args:
        home: this machine's home.
        parent: the pid of a process that will know without being told: the dispatcher of which this process is a child.
        asked: whether someone has asked for it: then a run that has started may need a supervisor, too.
    """
    queue = home.queue_here
    holder = dispatcher(queue)
    if holder is not None and processes.state(holder) == processes.ALIVE:
        if holder["pid"] != parent:
            processes.send(holder, signal.SIGUSR1)
    elif runqueue.names(queue.waiting) or (asked and runqueue.names(queue.started)):
        try:
            wake(home, sys.path[0])
        except OSError:
            pass  # no process can be had now; whoever looks next tries again


def _ask_supervisor(home: layout.Home) -> bool:
    """In a script, leave the start to the supervisor of its run, and say whether it lives.

    What a script starts ends with its run. A dispatcher is not the script's, and must not be below it.
    """
    directory = os.environ.get(layout.RUN_DIRECTORY_VARIABLE)
    if not directory or not directory.startswith(home.workspaces + os.sep):
        return False
    holder = runlock.holder(layout.RunLayout(directory).lock)
    return holder is not None and processes.send(holder, signal.SIGUSR1)


def _reaped(pid: int) -> bool:
    """Collect an ended dispatcher of ours, so that a long-lived submitter keeps no zombies."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
