from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from turnout.runtime import filelocks


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "file").touch()
    return str(tmp_path / "file")


def opened(path: str) -> int:
    return os.open(path, os.O_RDWR)


def test_a_lock_keeps_others_out_until_it_is_given_back(path: str) -> None:
    one, two = opened(path), opened(path)
    filelocks.lock(one)
    with pytest.raises(BlockingIOError):
        filelocks.lock(two, wait=False)
    filelocks.require(path)  # a lock that is taken is a lock
    filelocks.unlock(one)
    filelocks.lock(two, shared=True)
    filelocks.lock(one, shared=True, wait=False)
    os.close(one)
    os.close(two)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_locks_is_told_apart(path: str, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(filelocks.NoFileLocks, match="TURNOUT_HOME") as raised:
        filelocks.require(path)
    assert raised.value.filename == path
    descriptor = opened(path)
    filelocks.unlock(descriptor)
    os.close(descriptor)


def test_other_errors_stay_what_they_are(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="Input/output") as raised:
        filelocks.require(path)
    assert not isinstance(raised.value, filelocks.NoFileLocks)
