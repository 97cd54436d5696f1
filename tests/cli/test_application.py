from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.application import Bar, facts
from turnout.runtime import records
from turnout.runtime.script.run import Run

WORKING = {"page": "http://head:4040", "executors": {"now": 2, "ever": 2, "lost": []}, "jobs": {"known": 1}}
BAR = "[############............] 1 of 2 stages, 4 of 8 tasks, 2 executors"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    os.makedirs(tmp_path / "run")
    made = Run(str(tmp_path / "run"))
    work = {"stages": {"done": 1, "known": 2, "failed": 0}, "tasks": {"done": 4, "known": 8, "failed": 0}}
    records.write_json(made.layout.application, {**WORKING, **work})
    return made


class Screen:
    """A terminal, and what is to be seen on it."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.stream = open(slave, "w")
        self._seen = b""

    def write(self, data: bytes) -> None:
        os.write(self.stream.fileno(), data)

    def flush(self) -> None:
        """Nothing waits."""

    def expect(self, *lines: str) -> None:
        """Read until these lines are to be seen, and no others."""
        while self._lines() != lines:
            ready, _, _ = select.select([self.master], [], [], 10)
            assert ready, f"{lines} are not to be seen, but {self._lines()}"
            self._seen += os.read(self.master, 1 << 16)

    def _lines(self) -> tuple[str, ...]:
        return tuple(shown(line) for line in self._seen.decode().replace("\r\n", "\n").split("\n"))


@pytest.fixture
def terminal() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.stream.close()
    os.close(made.master)


def shown(line: str) -> str:
    """Return what a terminal shows of a line in which carriage returns lead back to its beginning."""
    cells: list[str] = []
    for part in line.split("\r"):
        cells[: len(part)] = part
    return "".join(cells).rstrip()


def test_without_a_terminal_it_only_writes(run: Any, capfd: pytest.CaptureFixture[str]) -> None:
    output = io.BytesIO()
    bar = Bar(run, output)
    bar.look()
    bar.write(b"a line\n")
    bar.flush()
    bar.clear()
    assert output.getvalue() == b"a line\n"
    assert capfd.readouterr() == ("", "")


def test_at_a_terminal_the_bar_is_beneath_the_output(
    run: Any, terminal: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    monkeypatch.setenv("COLUMNS", "100")
    bar = Bar(run, terminal)
    bar.write(b"one\n")
    bar.flush()
    terminal.expect("one", "")
    bar.look()
    terminal.expect("one", BAR)
    bar.write(b"two\n")
    terminal.expect("one", "two", "")
    bar.flush()
    terminal.expect("one", "two", BAR)
    bar.write(b"a line that goes ")
    bar.flush()
    terminal.expect("one", "two", "a line that goes")
    bar.write(b"on\n")
    bar.flush()
    terminal.expect("one", "two", "a line that goes on", BAR)
    bar.clear()
    terminal.expect("one", "two", "a line that goes on", "")


def test_what_is_known_of_an_application_in_words() -> None:
    lost = [{"id": "1", "host": "10.0.0.1:40000", "reason": "worker lost"}]
    work = {"jobs": {"known": 2}, "stages": {"done": 1, "known": 2}, "tasks": {"done": 4, "known": 8, "failed": 1}}
    value = {
        "id": "app-1", "master": "spark://h:7077", "page": None, "state": "FINISHED", "waiting": "", "earlier": ["app-0"],
        "executors": {"now": 0, "ever": 2, "lost": lost}, **work,
    }  # fmt: skip
    assert facts({"spark_version": "4.0.1", "java_version": 17}, value) == [
        ("Spark", "4.0.1, Java 17"),
        ("master", "spark://h:7077"),
        ("application", "app-1, FINISHED to its cluster; 1 before it"),
        ("Spark UI", None),
        ("waits", None),
        ("executors", "2 in all, 1 lost: 1 on 10.0.0.1:40000 (worker lost)"),
        ("work", "1 of 2 stages, 4 of 8 tasks, 1 failed when last asked"),
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert facts({}, {}) == []
    told = facts({"spark_version": "4.0.1", "java_version": 17}, {})
    assert [name for name, words in told if words] == ["Spark"]
    begun = dict(
        facts({}, {"id": "app-1", "page": "http://h:4040", "waiting": "no room", "executors": {"now": 1, "ever": 1}})
    )
    assert (begun["application"], begun["waits"], begun["executors"]) == ("app-1", "no room", "1 now, 1 in all")
    assert begun["work"] is None
