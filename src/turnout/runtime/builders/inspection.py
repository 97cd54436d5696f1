"""Asks an interpreter what is installed in it: Python's version and path, and every distribution by name and version."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any, Dict

_QUESTION = r"""
import json, platform, sys
found = {}
try:
    from importlib import metadata
    for one in metadata.distributions():
        name = one.metadata["Name"]
        if name:
            found.setdefault(name, one.version)
except ImportError:
    import pkg_resources
    for one in pkg_resources.working_set:
        found.setdefault(one.project_name, one.version)
print(json.dumps({"python": {"version": platform.python_version(), "implementation": platform.python_implementation(),
    "executable": sys.executable, "prefix": sys.prefix, "base_prefix": sys.base_prefix, "platform": platform.platform()},
    "packages": [{"name": name, "version": found[name]} for name in sorted(found, key=str.lower)]}))
"""
"""Runs in the script's interpreter, which may be as old as Python 3.6 and has no Turnout."""


class Pending:
    """An interpreter that has been asked and will answer."""

    def __init__(self, interpreter: str) -> None:
        self._interpreter = interpreter
        self._read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _ask(interpreter, write)
        os.close(write)

    def finish(self, timeout: float) -> Dict[str, Any]:
        """Return the answer: `python` and `packages`; after `timeout` seconds, or without an answer, `error` instead."""
        import select

        data = b""
        deadline = time.monotonic() + timeout
        while True:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            block = os.read(self._read, 1 << 20) if ready else b""
            if not block:
                break
            data += block
        os.close(self._read)
        if time.monotonic() >= deadline:
            _kill(self.pid)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass  # reaped with the other children
        try:
            answer: Dict[str, Any] = json.loads(data.decode("utf-8"))
        except ValueError:
            return {"error": "%s did not say what is installed in it" % self._interpreter, "packages": []}
        return answer


def begin(interpreter: str) -> Pending:
    """Ask an interpreter, without waiting for the answer."""
    return Pending(interpreter)


def inspect(interpreter: str, timeout: float = 30.0) -> Dict[str, Any]:
    """Ask an interpreter and wait for the answer, see `Pending.finish`."""
    return begin(interpreter).finish(timeout)


def _ask(interpreter: str, write: int) -> None:
    """Become the asked interpreter; never returns."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(write, 1)
        os.dup2(null, 2)
        os.closerange(3, 256)
        os.nice(5)  # beside the script's own start
        values = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        os.execve(interpreter, [interpreter, "-c", _QUESTION], values)
    finally:
        os._exit(127)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
