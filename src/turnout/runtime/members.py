"""Finds the processes of a run, and ends them.

They are what descends from the run's keeper, which takes in orphans from any session. When the keeper was killed, they are what
was orphaned to the supervisor, what is in the script's process group or its cgroup, and what carries the run's marker in its
environment. Where there is no cgroup for it, a process that left all of that after both had been killed can't be found.

The runtime's own processes are never taken for a run's, with all that descends from them: a run that was submitted inside a run
isn't its leftover.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

from turnout.runtime import cgroups, layout, processes, records, starting

if TYPE_CHECKING:
    from turnout.runtime.containers.container import Container

_POLL_SECONDS, _SLOW_SECONDS = 0.01, 1.0
_PATIENCE_SECONDS = 5.0
"""After SIGKILL, until what still lives is looked at more rarely."""


class Members:
    """The processes of one run, as its supervisor sees them.

    Args:
        run: the run.
        ours: pids of the supervisor's own children that aren't the run's.
    """

    def __init__(self, run: layout.RunLayout, ours: Callable[[], Set[int]]) -> None:
        self._run = run
        self._ours = ours

    def script(self) -> Optional[Dict[str, Any]]:
        """Return the identity of the script's process; None when it was never there."""
        try:
            value = records.read_json(self._run.process)
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def find(self) -> Set[int]:
        """Return the pids of all that live, without the keeper."""
        script = self.script()
        if script is None:
            return set()
        keeper = script.get("keeper") or {}
        if processes.state(keeper) == processes.ALIVE:
            below = set(descendants(keeper["pid"]))
            if processes.state(keeper) == processes.ALIVE:  # else it died meanwhile, and they are this process's
                return below
        ours = self._ours()
        found = {pid for pid in descendants(os.getpid(), ours) if pid not in ours}
        known = processes.state(script) == processes.ALIVE  # else the pid may have been given out again
        group = script["pid"] if known else None
        marker = ("%s=%s" % (layout.RUN_DIRECTORY_VARIABLE, self._run.root)).encode("utf-8", "surrogateescape")
        for pid in _all_pids():
            if pid in ours or pid == os.getpid() or is_runtime(pid):
                continue
            if _group_of(pid) == group or marker in _environment(pid):
                found.add(pid)
        found.update(pid for pid in cgroups.members(self._cgroup()) if pid not in ours and not is_runtime(pid))
        return found

    def gather(self) -> None:
        """Put what lives into a cgroup of the run's own, where one may be made; a container has one from its engine."""
        if self.container() is not None:
            return
        path = cgroups.make(self._run.root)
        if path is None:
            return
        records.write_json(self._run.cgroup, {"path": path})
        moved: Set[int] = set()
        while True:
            missing = self.find() - moved - set(cgroups.members(path))
            if not missing:
                return
            for pid in missing:  # again for what they started meanwhile
                cgroups.move(path, pid)
            moved |= missing

    def _cgroup(self) -> str:
        try:
            return str(records.read_json(self._run.cgroup)["path"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def container(self) -> Optional[Container]:
        """Return the run's container; None for a run that isn't in one."""
        if not os.path.exists(self._run.container):
            return None
        from turnout.runtime.containers import container

        return container.of(self._run)

    def signal(self, number: int) -> bool:
        """Signal the script's process group; say whether there was one."""
        contained = self.container()
        if contained is not None and contained.signal(number):
            return True
        script = self.script()
        if script is None or script["pid"] <= 0 or not self._group_is_ours(script):
            return False
        try:
            os.killpg(script["pid"], number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def kill(self) -> None:
        """Send SIGKILL to everything that lives."""
        contained = self.container()
        if contained is not None:
            contained.kill()
            return  # its engine's processes end by themselves
        for pid in self.find():
            _kill(pid, signal.SIGKILL)

    def end(self, grace: float) -> int:
        """End what the script left running: SIGTERM, up to `grace` seconds, SIGKILL until nothing is left.

        Returns:
            How many processes were found.
        """
        contained = self.container()
        if contained is not None:
            count = contained.left()
            contained.remove()
            left = self._all()  # its engine's processes, which end by themselves
        else:
            left = self._all()
            count = len(left)
            for pid in left:
                _kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        pause = _POLL_SECONDS
        while left:
            # There is no event for "a whole set of processes is gone".
            time.sleep(pause)
            if time.monotonic() >= deadline + _PATIENCE_SECONDS:
                pause = _SLOW_SECONDS  # stuck in the kernel, or another account's: looked for until it is gone
            left = self._all()
            if left and time.monotonic() >= deadline:
                for pid in left:
                    _kill(pid, signal.SIGKILL)
        return count

    def _all(self) -> Set[int]:
        """Find what lives, for who concludes that nothing does.

        A process that ends just while it is looked for hands its children to the keeper, whose children were read before. By the
        time of a second look they are there.
        """
        return self.find() or self.find()

    def forget(self) -> None:
        """Remove what marked the run's processes, once none is left."""
        cgroups.remove(self._cgroup())

    def _group_is_ours(self, script: Dict[str, Any]) -> bool:
        """Say whether the group that bears the script's pid is still the run's: the pid may have been given out again."""
        if processes.state(script) == processes.ALIVE:
            return True
        return any(_group_of(pid) == script["pid"] for pid in self.find())


def descendants(pid: int, without: Optional[Set[int]] = None) -> List[int]:
    """Return the living descendants of `pid`, parents first.

    The runtime's own processes, and those in `without`, are left out with what descends from them.
    """
    left_out = without or set()
    found: List[int] = []
    queue = [pid]
    while queue:
        for child in _children(queue.pop(0)):
            if child in left_out or processes.start_time(child) is None or is_runtime(child):
                continue
            found.append(child)
            queue.append(child)
    return found


def is_runtime(pid: int) -> bool:
    """Say whether a process is a dispatcher, a supervisor or a keeper of Turnout's, or serves runs beside this one."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as stream:
            words = stream.read().split(b"\0")
    except OSError:
        return False
    if words[:2] == [b"catatonit", b"-P"]:
        return True  # keeps the namespace of all of an account's rootless containers (podman)
    return words[1:4] == [b"-I", b"-S", b"-c"] and starting.OURS in words[4]


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
        except FileNotFoundError:
            if not os.path.exists("/proc/self/task/%d/children" % os.getpid()):
                return [other for other in _all_pids() if _stat(other)[1:2] == [b"%d" % pid]]  # a kernel without it
        except (OSError, ValueError):
            continue
    return children


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _all_pids() -> List[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _group_of(pid: int) -> int:
    """Return the process group of a living process, -1 for a zombie or one that is gone."""
    fields = _stat(pid)
    return -1 if not fields or fields[0] in (b"Z", b"X") else int(fields[2])


def _stat(pid: int) -> List[bytes]:
    """Return the fields of proc(5)'s stat from the state on: state, parent, group and more."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stream:
            return stream.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _environment(pid: int) -> List[bytes]:
    try:
        with open("/proc/%d/environ" % pid, "rb") as stream:
            return stream.read().split(b"\0")
    except OSError:
        return []
