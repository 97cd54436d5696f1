"""Removes directory trees of the home, whatever a script left in them, and counts the room that becomes free."""

from __future__ import annotations

import errno
import os
import stat
from typing import Dict, Tuple

_REFUSED = (errno.EACCES, errno.EPERM)
_BLOCK = 512
"""The unit of `st_blocks`, whatever the file system's own blocks are."""


class Tally:
    """Counts the bytes that removing files frees on the disk.

    A file with several names (an environment shares its packages with the cache of uv) is counted when its last name
    goes, once.

    Args:
        dry: nothing is really removed, so names that would be gone are remembered.
    """

    def __init__(self, dry: bool = False) -> None:
        self.bytes = 0
        self.dry = dry
        self._gone: Dict[Tuple[int, int], int] = {}

    def take(self, found: os.stat_result) -> None:
        """Count a file or directory that is about to be removed; `found` is how it looks before that."""
        if self.dry and found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            identity = (found.st_dev, found.st_ino)
            self._gone[identity] = self._gone.get(identity, 0) + 1
            if self._gone[identity] < found.st_nlink:
                return
        elif found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            return
        self.bytes += found.st_blocks * _BLOCK


def remove(path: str, tally: Tally) -> None:
    """Remove a file or a directory with all that is in it; what is gone already is no error.

    Directories that a script made unreadable are opened up first. Links are removed, not followed, and nothing of another
    file system that is mounted below is touched.

    Args:
        path: what to remove; where `tally` is dry it is only counted.
        tally: counts what becomes free.

    Raises:
        OSError: something can't be removed; all that could be is gone.
    """
    try:
        parent = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        found = os.stat(path, follow_symlinks=False)
        _Removal(tally, found.st_dev).entry(parent, os.path.basename(path), path)
    except FileNotFoundError:
        pass
    finally:
        os.close(parent)


class _Removal:
    """One tree being removed, by descriptors: a path may be longer than the system takes."""

    def __init__(self, tally: Tally, device: int) -> None:
        self._tally = tally
        self._device = device

    def entry(self, parent: int, name: str, path: str) -> None:
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        directory = stat.S_ISDIR(found.st_mode)
        if directory:
            if found.st_dev != self._device:
                raise OSError(errno.EBUSY, "another file system is mounted there", path)
            self._empty(parent, name, path)
        self._tally.take(found)
        if self._tally.dry:
            return
        try:
            _unlink(parent, name, directory)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error

    def _empty(self, parent: int, name: str, path: str) -> None:
        try:
            descriptor = self._open(parent, name)
        except FileNotFoundError:
            return
        except OSError as error:
            if self._tally.dry and error.errno in _REFUSED:
                return  # it would be opened up
            raise OSError(error.errno, error.strerror, path) from error
        failure = None
        try:
            for child in os.listdir(descriptor):
                try:
                    self.entry(descriptor, child, os.path.join(path, child))
                except OSError as error:
                    failure = failure or error
        finally:
            os.close(descriptor)
        if failure is not None:
            raise failure

    def _open(self, parent: int, name: str) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(name, flags, dir_fd=parent)
        except OSError as error:
            if error.errno not in _REFUSED or self._tally.dry:
                raise
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)


def _unlink(parent: int, name: str, directory: bool) -> None:
    remove_name = os.rmdir if directory else os.unlink
    try:
        remove_name(name, dir_fd=parent)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        os.fchmod(parent, stat.S_IRWXU)
        remove_name(name, dir_fd=parent)
