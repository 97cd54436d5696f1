"""File systems that fail as real ones do: full, read-only, without locks or links, closed to this account."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = os.sysconf("SC_PAGE_SIZE")


class Disk:
    """A file system of its own, in memory, that can be filled up and made read-only at any moment.

    What is free is counted in pages: an object or a journal takes one page or more, a directory none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def _remount(self, *options: str) -> None:
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), self.path], check=True)

    def leave(self, pages: int = 1 << 20, files: int = 1 << 20) -> None:
        """Let so many pages and so many files be free, and no more."""
        found = os.statvfs(self.path)
        used = (found.f_blocks - found.f_bfree) * found.f_bsize // PAGE
        inodes = found.f_files - found.f_ffree
        self._remount(f"size={max(1, used + pages) * PAGE}", f"nr_inodes={inodes + files}")

    def make_room(self) -> None:
        self.leave()

    def make_read_only(self) -> None:
        self._remount("ro")

    def make_writable(self) -> None:
        self._remount("rw")


@pytest.fixture
def disk(tmp_path: Path, missing_service: Callable[[str], Any]) -> Iterator[Disk]:
    """A file system of 256 MB for the home, which a test may fill."""
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m,mode=0700", "turnout-test", path], capture_output=True, text=True
    )
    if done.returncode:
        missing_service(f"a file system can't be mounted ({done.stderr.strip()}): that takes root")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def home(disk: Disk, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh Turnout home on that file system."""
    path = disk.path / "home"
    monkeypatch.setenv("TURNOUT_HOME", str(path))
    return path
