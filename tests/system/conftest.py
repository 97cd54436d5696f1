"""The real command line in a process of its own, in a project directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TURNOUT = os.path.join(os.path.dirname(sys.executable), "turnout")
EXAMPLE = Path(__file__).parents[2] / "examples" / "diabetes"


class CommandLine:
    """Runs `turnout` in a project directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.command = [TURNOUT]
        self.prefix: list[str] = []  # words before it: under which restrictions it runs

    def any(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it, however it ends; a traceback is a mistake in any case."""
        done = subprocess.run(
            [*self.prefix, *self.command, *map(str, words)],
            cwd=options.pop("cwd", self.directory),
            capture_output=True,
            text=True,
            timeout=180,
            errors="surrogateescape",
            **options,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "mistake in Turnout" not in done.stderr, done.stderr
        return done

    def __call__(self, *words: str | Path, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        done = self.any(*words, **options)
        assert done.returncode == code, (
            f"turnout {' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def json(self, *words: str | Path, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [TURNOUT, *map(str, words)],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def script(self, text: str, name: str = "train.py") -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def turnout(home: Path, tmp_path: Path) -> CommandLine:
    directory = tmp_path / "project"
    directory.mkdir()
    return CommandLine(directory)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Wait, at most ten seconds, until something that another process does has happened."""
    import time

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 10
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < deadline, "it did not happen within ten seconds"
            time.sleep(0.01)

    return wait
