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
    except ValueError:
        value = _read_settled(path)  # it is being written at this moment, or its writer died then
    except OSError:
        return None
    return value if isinstance(value, dict) else None


def _read_settled(path: str) -> "Any":
    """Read the file while nobody writes it; None when there is nothing in it."""
    try:
        with open(path, "rb") as stream:
            try:
                filelocks.lock(stream.fileno(), path, shared=True)
            except OSError:
                pass  # no locks on this file system, or on a read-only one that refuses them
            return json.loads(stream.read().decode("utf-8"))
    except (OSError, ValueError):
        return None


def holder_state(path: str) -> str:
    """Return whether the holder is alive, gone (also: there never was one) or unknown."""
    process = holder(path)
    return processes.GONE if process is None else processes.state(process)


def acquire(path: str, instead_of: "Optional[Dict[str, Any]]" = None) -> bool:
    """Take the lock for this process; return False when its holder lives or can't be judged from here.

    Args:
        path: the lock file.
        instead_of: a holder who hands it over: the dispatcher, to a supervisor that it has forked.

    Raises:
        filelocks.NoFileLocks: on this file system two could take it at once.
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
            handed_over = current in (mine, instead_of)
            if isinstance(current, dict) and not handed_over and processes.state(current) != processes.GONE:
                return False
        data = json.dumps(mine).encode("utf-8")
        os.pwrite(descriptor, data, 0)  # over the old name: a disk that is full has room for that
        os.ftruncate(descriptor, len(data))
        return True
    finally:
        # A process that another thread forked meanwhile shares the lock and would hold it on: it is given back.
        filelocks.unlock(descriptor)
        os.close(descriptor)
