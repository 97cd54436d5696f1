"""File systems that fail as real ones do: full, read-only, without locks or links, closed to this account."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
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
def ordinary(turnout: Any, missing_service: Callable[[str], Any]) -> Any:
    """The command line without root's privilege to pass over modes and owners."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            missing_service("setpriv (util-linux) is missing, and root passes over modes")
        turnout.prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
    return turnout


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


@pytest.fixture
def without(turnout: Any, missing_service: Callable[[str], Any]) -> Callable[..., list[str]]:
    """Have the command line run where system calls are refused: `without(flock="ENOLCK")`; return the words that do it."""

    def refuse(**calls: str) -> list[str]:
        words = [sys.executable, os.path.join(os.path.dirname(__file__), "deny.py")]
        words += [*(f"{name}={error}" for name, error in calls.items()), "--"]
        if subprocess.run([*words, "true"]).returncode:
            missing_service("this kernel or processor has no seccomp filter that a test could set")
        turnout.prefix = words
        return words

    return refuse


_MANY = """
import contextlib, io, json, sys
from turnout import cli

class Output(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), "utf-8", "surrogateescape", write_through=True)
    def text(self):
        return self.buffer.getvalue().decode("utf-8", "replace")

for words in json.load(sys.stdin):
    out, err = Output(), Output()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(words)
    print(json.dumps([code, out.text(), err.text()]), flush=True)
"""


@pytest.fixture
def many(turnout: Any) -> Callable[..., list[tuple[int, str, str]]]:
    """Carry out many command lines in one process of its own; return exit code, output and error output of each."""

    def carry_out(*lines: Sequence[str | Path]) -> list[tuple[int, str, str]]:
        done = subprocess.run(
            [*turnout.prefix, sys.executable, "-c", _MANY],
            cwd=turnout.directory,
            input=json.dumps([[str(word) for word in words] for words in lines]),
            capture_output=True,
            text=True,
            timeout=180,
        )
        answers = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
        assert len(answers) == len(lines), done.stderr
        for words, answer in zip(lines, answers, strict=True):
            assert "Traceback" not in answer[2], (words, answer)
            assert "mistake in Turnout" not in answer[2], (words, answer)
        return answers

    return carry_out
