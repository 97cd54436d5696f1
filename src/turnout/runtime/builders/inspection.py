"""Asks an interpreter what it is and what is installed in it, at once or beside a running script."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import IO, Any, Dict, List, Mapping, Optional

_INSIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inside.py")


def inspect(interpreter: str, timeout: float = 30.0, variables: Optional[Mapping[str, str]] = None) -> Dict[str, Any]:
    """Return what `interpreter` says of itself: see `Pending.finish`.

    Args:
        interpreter: path of a Python, 3.6 or later.
        timeout: seconds to wait for its answer.
        variables: its environment; this process's own by default.
    """
    return begin(interpreter, variables).finish(timeout)


def begin(interpreter: str, variables: Optional[Mapping[str, str]] = None) -> Pending:
    """Start asking `interpreter` and return at once; it needs nobody to read its answer until `finish`."""
    return Pending(interpreter, variables)


class Pending:
    """A question to an interpreter that is being answered.

    Attributes:
        pid: the process that answers; 0 when it could not be started.
        path: the directories in which it looks for packages, once it has answered.
    """

    def __init__(self, interpreter: str, variables: Optional[Mapping[str, str]] = None) -> None:
        import tempfile  # not for those who only look an environment up

        self.pid = 0
        self.path: List[str] = []
        self._files = contextlib.ExitStack()
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._failure = ""
        try:
            # Files, not pipes: a long answer must not keep the process waiting for someone who reads it.
            self._output: IO[bytes] = self._files.enter_context(tempfile.TemporaryFile())
            self._errors: IO[bytes] = self._files.enter_context(tempfile.TemporaryFile())
            with open(_INSIDE, encoding="utf-8") as stream:
                source = stream.read()
            self._process = subprocess.Popen(
                [interpreter, "-c", source],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._errors,
                env=None if variables is None else dict(variables),
                cwd="/",
            )
            self.pid = self._process.pid
        except OSError as error:
            self._failure = "%s can't be started: %s" % (interpreter, error.strerror)

    def finish(self, timeout: float) -> Dict[str, Any]:
        """Wait for the answer.

        Args:
            timeout: seconds; then the process is killed.

        Returns:
            `python` (version, implementation, build, executable, prefix, base_prefix, platform) and `packages` (a list
            of name and version, and the url of what was installed from one); both empty, with the reason in `error`,
            when the interpreter gave no answer.
        """
        with self._files:
            return self._answer(timeout) or {"python": {}, "packages": [], "error": self._failure}

    def _answer(self, timeout: float) -> Optional[Dict[str, Any]]:
        if self._process is None:
            return None
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self._failure = "the interpreter gave no answer within %g s" % timeout
            return None
        lines = self._read(self._output)
        try:
            answer = json.loads(lines[-1])  # what runs at start-up (sitecustomize) may have printed before
            if isinstance(answer, dict):
                self.path = answer.pop("path")
                return answer
        except (ValueError, LookupError):
            pass
        said = self._read(self._errors)
        self._failure = "the interpreter ended with status %d%s" % (status, ": " + said[-1] if said else "")
        return None

    @staticmethod
    def _read(stream: IO[bytes]) -> List[str]:
        stream.seek(0)
        return [line for line in stream.read().decode("utf-8", "replace").splitlines() if line.strip()]
