"""A cgroup for each run, where this account may make one: what is in it is found and ended whatever it has shed.

Moving a process into one makes the kernel wait for all processors, about 10 ms in which nobody forks. So a run gets its cgroup when
it has lasted for a while, not at its start.

Only version 2 of the interface is used (Linux, Documentation/admin-guide/cgroup-v2.rst): root has it, and users whose session
was delegated one (systemd's `user@.service`). Without one, `members` finds a run's processes by other means.
"""

from __future__ import annotations

import hashlib
import os
from typing import List, Optional

_PREFIX = "turnout-"


def make(directory: str) -> Optional[str]:
    """Make a cgroup for a run, below that of this process; return its path, or None where that isn't allowed.

    Args:
        directory: the run's record; ids are unique in a workspace only.
    """
    mine = _own()
    if mine is None:
        return None
    while os.path.basename(mine).startswith(_PREFIX):
        mine = os.path.dirname(mine)  # started inside a run: beside that, not below
    path = os.path.join(mine, _PREFIX + hashlib.sha256(os.fsencode(directory)).hexdigest()[:16])
    try:
        os.mkdir(path)
    except FileExistsError:
        pass
    except OSError:
        return None
    return path


def move(path: str, pid: int) -> bool:
    """Move a process into a cgroup, 0 for this one; what it starts from then on is in it too. Say whether that went."""
    try:
        descriptor = os.open(os.path.join(path, "cgroup.procs"), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"%d" % pid)
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True


def leave() -> None:
    """Move this process out of a run's cgroup, if it is in one: it was started inside a run, and isn't the run's."""
    mine = _own()
    while mine is not None and os.path.basename(mine).startswith(_PREFIX):
        mine = os.path.dirname(mine)
        if move(mine, 0):
            return


def members(path: str) -> List[int]:
    """Return the pids in a cgroup; none when it is gone. The kernel's 0, a process of another namespace, is left out."""
    try:
        with open(os.path.join(path, "cgroup.procs")) as stream:
            return [pid for pid in map(int, stream.read().split()) if pid > 0]
    except (OSError, ValueError):
        return []


def remove(path: str) -> None:
    """Remove a run's empty cgroup."""
    if os.path.basename(path).startswith(_PREFIX):
        try:
            os.rmdir(path)
        except OSError:
            pass  # gone, or something is in it after all


def _own() -> Optional[str]:
    """Return the directory of this process's own cgroup of version 2; None where there is none."""
    try:
        with open("/proc/self/cgroup") as stream:
            names = [line[3:].rstrip("\n") for line in stream if line.startswith("0::")]
        with open("/proc/self/mounts") as stream:
            mounts = [words[1] for words in map(str.split, stream) if words[2] == "cgroup2"]
    except (OSError, IndexError):
        return None
    if not names or not mounts:
        return None
    path = os.path.normpath(mounts[0] + "/" + names[0])
    return path if os.path.isdir(path) else None
