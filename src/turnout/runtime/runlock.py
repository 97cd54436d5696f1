"""Who supervises a run: the `lock` file of its record.

The file names a process; the lock is held as long as that process lives (see `processes`). It is a hint that needs no
release: whoever dies leaves it behind, and the next one takes it over after proving the death. Taking it is guarded by a
short flock, never held across a fork.
"""

import json
import os

from turnout.runtime import filelocks, layout, processes, records

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional


def holder(path: str) -> "Optional[Dict[str, Any]]":
    """Return the identity of the process that took the lock last, or None when nobody has."""
    try:
        value = records.read_json(path)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def holder_state(path: str) -> str:
    """Return whether the holder is alive, gone (also: there never was one) or unknown."""
    process = holder(path)
    return processes.GONE if process is None else processes.state(process)


def acquire(path: str) -> bool:
    """Take the lock for this process; return False when its holder lives or can't be judged from here.

    Raises `filelocks.NoFileLocks` on a file system where two could take it at once.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        filelocks.lock(descriptor, path)
        text = os.pread(descriptor, 4096, 0)
        mine = processes.identity()
        if text:
            try:
                current = json.loads(text.decode("utf-8"))
            except ValueError:
                current = None  # its writer died while writing: it never held the lock
            if isinstance(current, dict) and current != mine and processes.state(current) != processes.GONE:
                return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(mine).encode("utf-8"), 0)
        return True
    finally:
        # A process that another thread forked meanwhile shares the lock and would hold it on: it is given back.
        filelocks.unlock(descriptor)
        os.close(descriptor)
