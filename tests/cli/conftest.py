from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from turnout import cli
from turnout.runtime.layout import WorkspaceLayout
from turnout.testing.records import make_workspace


@dataclass
class Outcome:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> WorkspaceLayout:
    """The workspace `default` of an empty home, in use for commands that run in an empty directory."""
    home = str(tmp_path / "home")
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setenv("TURNOUT_HOME", home)
    for name in ("TURNOUT_WORKSPACE", "TURNOUT_INDEX", "NO_COLOR", "TURNOUT_RUN_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return make_workspace(home)


@pytest.fixture
def turnout(capfdbinary):
    """Carry out a command line in this process, with its output piped."""

    def call(*arguments: str) -> Outcome:
        capfdbinary.readouterr()
        sys.stdout.reconfigure(errors="surrogateescape")  # as cli.main does
        code = cli.run(list(arguments))
        out, err = capfdbinary.readouterr()
        return Outcome(code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))

    return call


@pytest.fixture
def bad_input(turnout):
    """Carry out a command line that is refused; return the one line that says why."""

    def call(*arguments: str) -> str:
        outcome = turnout(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("turnout: ")
        assert outcome.err.count("\n") == 1
        return outcome.err

    return call


class Terminal(io.TextIOWrapper):
    """A stream that says that a person sees it."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, "utf-8", write_through=True)

    def isatty(self) -> bool:
        return True


def without_escapes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@contextmanager
def a_terminal(columns: int, variables: dict[str, str]) -> Iterator[tuple[Terminal, Terminal]]:
    """Make standard output and standard error a terminal."""
    out, err = Terminal(), Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        for name, value in {"COLUMNS": str(columns), "TERM": "xterm-256color", **variables}.items():
            patch.setenv(name, value)
        yield out, err


@pytest.fixture
def terminal():
    """Carry out a command line on a terminal; what it drew comes without its escape sequences."""

    def call(*arguments: str, columns: int = 80, **variables: str) -> Outcome:
        with a_terminal(columns, variables) as (out, err):
            code = cli.run(list(arguments))
        return Outcome(code, without_escapes(out.bytes.getvalue().decode()), err.bytes.getvalue().decode())

    return call


@pytest.fixture
def draw():
    """Print a table on a terminal; return what it drew."""

    def call(table: Any, columns: int = 80, escapes: bool = False, **variables: str) -> str:
        with a_terminal(columns, variables) as (out, _):
            table.print()
        drawn = out.bytes.getvalue().decode()
        return drawn if escapes else without_escapes(drawn)

    return call
