"""Calls uv, the tool that resolves and installs pip packages; it comes with Turnout from PyPI."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from turnout.exceptions import EnvironmentException
from turnout.runtime.builders.uv import said, variables

_MALFORMED = (
    "couldn't parse requirement",
    "failed to parse",
    "no such file or directory",
    "unexpected",
    "invalid",
    "expected",
)


class ResolutionFailed(EnvironmentException):
    """A specification has no solution.

    Attributes:
        words: what the resolver said, whole.
    """

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.words = words


def path() -> str:
    """Return the path of uv. Raises EnvironmentException when it isn't there."""
    named = os.environ.get("TURNOUT_UV")
    if named:
        return named
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        import shutil

        found = shutil.which("uv")
    if found is None:
        raise EnvironmentException("uv is not there; reinstall turnout (it comes with it), or set TURNOUT_UV")
    return found


def run_uv(arguments: list[str], directory: str, text: str, report: Callable[[str], None]) -> str:
    """Run uv and return what it prints.

    Args:
        arguments: its arguments.
        directory: its working directory.
        text: its standard input.
        report: gets each line of its error output as it comes.

    Raises:
        EnvironmentException: it could not read what it was given.
        ResolutionFailed: it failed otherwise.
    """
    import tempfile

    with tempfile.TemporaryFile("w+", encoding="utf-8") as given, tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        given.write(text)
        given.seek(0)
        process = subprocess.Popen(
            [path(), "--color", "never", *arguments],
            cwd=directory,
            env=variables(os.environ),
            stdin=given,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        words: list[str] = []
        assert process.stderr is not None
        failed = False
        for line in process.stderr:
            words.append(line.rstrip())
            failed = failed or line.lstrip().startswith(("error", "×"))
            if not failed:  # a failure is told once, by the exception
                report(line.rstrip())
        code = process.wait()
        out.seek(0)
        if code:
            _fail(words)
        return out.read()


def _fail(words: list[str]) -> None:
    told = said(words)
    if any(sign in told.lower() for sign in _MALFORMED) and "no solution" not in told.lower():
        raise EnvironmentException(f"the requirements can't be read: {told}")
    raise ResolutionFailed(f"the environment can't be resolved: {told}", "\n".join(words) + "\n")
