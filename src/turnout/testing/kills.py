"""Kills a process just before the Nth of its operations on files, so that a test reaches every moment between two of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

_OPERATIONS = frozenset(
    ("open", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.utime")
) | {"os.listdir", "os.scandir", "fcntl.flock"}

_BOOTSTRAP = "import sys; from turnout.testing import kills; kills.carry_out(int(sys.argv[1]), sys.argv[2])"


def every_kill(code: str, *arguments: str) -> Iterator[int]:
    """Yield once after each kill: the process is killed before its first operation, its second…, until it lives.

    Whoever iterates puts things back for the next attempt.

    Args:
        code: Python statements; `arguments` is the list of the further arguments. Imports come first, before a line
            `begin()`: from there on operations count.
        arguments: what the code works on.

    Raises:
        AssertionError: the code ended in another way than by the kill or well.
    """
    step = 1
    while True:
        command = [sys.executable, "-c", _BOOTSTRAP, str(step), code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        assert done.returncode == -signal.SIGKILL, done.stderr
        yield step
        step += 1


def carry_out(step: int, code: str) -> None:
    """Run the code in this process, with `begin`, and end by SIGKILL before operation number `step`."""

    def begin() -> None:
        count = 0

        def watch(event: str, details: tuple[Any, ...]) -> None:
            nonlocal count
            if event in _OPERATIONS:
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)

    exec(code, {"begin": begin, "arguments": sys.argv[3:]})
