"""Puts a finished file under a name that nobody may have taken: of several at once the first one's stands.

A hard link does that everywhere but on file systems without them (FAT, some FUSE and network mounts). There a rename that
replaces nothing takes its place (renameat2(2)), and where that is missing too, an empty file that only one can create
and that the finished one then replaces.
"""

import errno
import os
import time

from turnout.runtime import layout

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_SUCH_RENAME = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_REPLACE_NOTHING = 1
_PATIENCE = 1.0


def place(temporary: str, path: str) -> None:
    """Give the finished file `temporary` the name `path`; `temporary` may be there or gone afterwards: see `discard`.

    Args:
        temporary: a file that nobody else knows, in the same file system.
        path: its final name.

    Raises:
        FileExistsError: the name is taken, and the file there is whole.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not _renamed(temporary, path):
            _claim(path)
            os.rename(temporary, path)


def discard(temporary: str) -> None:
    """Remove the temporary file, if it is still there."""
    try:
        os.unlink(temporary)
    except FileNotFoundError:
        pass


def _renamed(temporary: str, path: str) -> bool:
    """Rename without replacing anything; return False where that can't be asked for."""
    import ctypes  # takes milliseconds, and most file systems have links

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    here = -100  # AT_FDCWD
    if rename(here, os.fsencode(temporary), here, os.fsencode(path), _REPLACE_NOTHING) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_SUCH_RENAME:
        return False
    raise OSError(number, os.strerror(number), path)  # FileExistsError for EEXIST


def _claim(path: str) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, layout.FILE_MODE))
    except FileExistsError:
        deadline = time.monotonic() + _PATIENCE
        # Who claimed it renames at once; there is no event for that on such a file system.
        while os.path.exists(path) and os.path.getsize(path) == 0 and time.monotonic() < deadline:
            time.sleep(0.001)
        raise
