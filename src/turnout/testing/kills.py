"""Kills a process just before the Nth of its operations on files, so that a test reaches every moment between two of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

_OPERATIONS = frozenset(
    ("open", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.utime")
) | {"os.listdir", "os.scandir", "fcntl.flock"}

_BOOTSTRAP = "import sys; from turnout.testing import kills; kills.serve(sys.argv[1])"


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
    command = [sys.executable, "-c", _BOOTSTRAP, code, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        step = 0
        while True:
            step += 1
            server.stdin.write(f"{step}\n")
            server.stdin.flush()
            status = int(server.stdout.readline() or "1")
            if status == 0:
                return
            assert status == -signal.SIGKILL, f"the code ended with {status} at step {step}"
            yield step


def serve(code: str) -> None:
    """Run the code once for each number on standard input, from `begin()` on in a process forked for it.

    That process ends by SIGKILL before the operation of that number; its exit status, negative for a signal, is printed.
    """

    def begin() -> None:
        for line in sys.stdin:
            pid = os.fork()
            if not pid:
                sys.addaudithook(_killer(int(line)))
                return
            sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
            sys.stdout.flush()
        os._exit(0)

    exec(code, {"begin": begin, "arguments": sys.argv[2:]})
    os._exit(0)


def _killer(step: int) -> Callable[[str, tuple[Any, ...]], None]:
    count = 0

    def watch(event: str, details: tuple[Any, ...]) -> None:
        nonlocal count
        if event in _OPERATIONS:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    return watch
