"""Ends what a run left running: the script's process group, and descendants that left it.

A supervisor adopts orphans of its run (PR_SET_CHILD_SUBREAPER, prctl(2)), so that a process that moved to another session
is still found among its descendants.
"""

from __future__ import annotations

import os
import signal
import time
from typing import List, Set

from turnout.runtime import processes

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> bool:
    """Make this process the parent of orphaned descendants; return whether the system can."""
    try:
        import ctypes  # costs milliseconds: not before the script has started

        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def descendants(pid: int) -> List[int]:
    """Return the living descendants of `pid`, parents first."""
    found: List[int] = []
    queue = [pid]
    while queue:
        for child in _children(queue.pop(0)):
            if processes.start_time(child) is not None:
                found.append(child)
                queue.append(child)
    return found


def _children(pid: int) -> List[int]:
    children: List[int] = []
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return children
    for thread in threads:
        try:
            with open("/proc/%d/task/%s/children" % (pid, thread)) as stream:
                children.extend(int(number) for number in stream.read().split())
        except (OSError, ValueError):
            continue
    return children


def signal_all(group: int, others: Set[int], number: int) -> None:
    """Send `number` to a process group and to single processes; those gone are passed over."""
    if group > 1:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            pass
    for pid in others:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def end_leftovers(group: int, keep: Set[int], grace: float) -> int:
    """End what the script left behind when its own process has ended: SIGTERM, up to `grace` seconds, SIGKILL.

    Args:
        group: the script's process group.
        keep: pids of ours that are no leftovers.
        grace: seconds between the two signals.

    Returns:
        How many processes were found.
    """
    left = _leftovers(group, keep)
    count = len(left)
    if not left:
        return 0
    signal_all(group, left, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        # Orphans are reaped here; there is no event for "a whole set of processes is gone".
        _reap(left)
        time.sleep(0.01)
        left = _leftovers(group, keep)
    while left:
        signal_all(group, left, signal.SIGKILL)
        _reap(left)
        time.sleep(0.01)
        left = _leftovers(group, keep)
    return count


def _leftovers(group: int, keep: Set[int]) -> Set[int]:
    left = {pid for pid in descendants(os.getpid()) if pid not in keep}
    if group > 1 and _group_exists(group):
        left |= {pid for pid in _all_pids() if pid not in keep and _group_of(pid) == group}
    return left


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _reap(pids: Set[int]) -> None:
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def _all_pids() -> List[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _group_of(pid: int) -> int:
    """Return the process group of a living process, 0 for a zombie or one that is gone."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[2])
