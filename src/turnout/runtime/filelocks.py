"""Locks files (flock(2)): the one place that does, and that knows what a file system without such locks answers.

What each user of a lock does where there are none (an old NFS mount, some FUSE and cluster file systems):

- the local target: a submit is refused in one line, since supervisors could not be kept apart (`require`)
- the run lock: a record that nobody else has seen yet gets it without; taking over one that exists is refused
- the end of a run that its own process carries out: goes on without; of two that end it at once, both are journaled
- an environment's build and the labels of environments: refused in one line
- the index: lies in memory
- gc: refused
"""

import errno
import fcntl
import os

from turnout.runtime import layout

MYPY = False
if MYPY:
    from typing import Optional

_NONE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class NoFileLocks(OSError):
    """The file system has no file locks; `filename` says which file was to be locked."""

    def __init__(self, path: "Optional[str]" = None) -> None:
        super(NoFileLocks, self).__init__(
            errno.ENOLCK,
            "the file system has no file locks (flock); set %s to a directory on one that has" % layout.HOME_VARIABLE,
            path,
        )


def lock(descriptor: int, path: "Optional[str]" = None, shared: bool = False, wait: bool = True) -> None:
    """Lock an open file until `unlock`, or until no process has this opening of it any more.

    Args:
        descriptor: of the file.
        path: its name, for the error.
        shared: together with others that lock it shared; otherwise alone.
        wait: for those that have it; otherwise BlockingIOError is raised while someone has.

    Raises:
        NoFileLocks: the file system has none.
    """
    operation = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in _NONE:
            raise NoFileLocks(path) from error
        raise


def try_lock(path: str) -> "Optional[int]":
    """Open a file, which is made if need be, and lock it alone; return the descriptor, or None while someone else has it.

    Raises:
        NoFileLocks: the file system has none.
        OSError: the file can't be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        lock(descriptor, path, wait=False)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def unlock(descriptor: int) -> None:
    """Give a lock back, also if a process that was forked meanwhile shares it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError as error:
        if error.errno not in _NONE:
            raise


def require(path: str) -> None:
    """Make sure that the file system of an existing file has locks, at the cost of opening it.

    Raises:
        NoFileLocks: it hasn't.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock(descriptor, path, shared=True, wait=False)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
