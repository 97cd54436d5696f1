"""`turnout submit` with a conda environment file: solved, installed and recorded, on the real machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.testing.condachannel import Channel

pytestmark = pytest.mark.system


@pytest.fixture
def specified(turnout: Any, conda_channel: Channel) -> Path:
    path: Path = turnout.script(
        f"""
name: mine
channels:
  - {conda_channel.url}
dependencies:
  - python={sys.version_info[0]}.{sys.version_info[1]}
  - pip
  - greeting=2.0
  - tool
  - pip:
      - certifi==2024.7.4
      - azureml-defaults
""",
        "environment.yml",
    )
    return path


def test_a_conda_file_is_carried_out_and_recorded(turnout: Any, specified: Path, home: Path) -> None:
    turnout.script(
        "import os, subprocess, sys, certifi, greeting\n"
        "print(greeting.version, subprocess.run(['tool'], capture_output=True, text=True).stdout.strip() == sys.prefix)\n"
        "assert os.environ['CONDA_PREFIX'] == sys.prefix\n"
        "assert 'VIRTUAL_ENV' not in os.environ\n"
    )
    done = turnout("submit", "--environment", specified, "train.py")
    assert done.stdout == "2.0 True\n"
    shown = turnout.json("show", "@last")
    assert shown["status"] == "Completed"
    [directory] = (home / "workspaces" / "default" / "runs").iterdir()
    facts = json.loads((directory / "environment.json").read_text())
    assert {package["name"]: package["version"] for package in facts["conda"] if package["name"] != "python"} == {
        "greeting": "2.0",
        "tool": "1.0",
        "words": "1",
    }
    assert {package["name"]: package["version"] for package in facts["packages"]} == {
        "certifi": "2024.7.4",
        "greeting": "2.0",
    }
    definition = json.loads((directory / "run.json").read_text())["environment"]
    assert definition["kind"] == "conda"
    assert {package["name"] for package in definition["lock"]["conda"]} == {"greeting", "python", "tool", "words"}
    again = turnout("submit", "--environment", specified, "train.py")
    assert "building" not in again.stderr
    assert again.stdout == "2.0 True\n"
    assert len([name for name in os.listdir(home / "environments") if name.endswith(".json")]) == 1


def test_what_has_no_solution_is_a_failed_run_with_rattlers_words(turnout: Any, specified: Path) -> None:
    specified.write_text(specified.read_text().replace("  - tool\n", "  - words=2\n"))
    turnout.script("print(1)")
    done = turnout("submit", "--environment", specified, "train.py", code=125)
    assert "fit together" in done.stderr
    assert "words" in turnout("logs", "@last", "--system").stdout


def test_a_password_in_a_channel_leaves_nothing(turnout: Any, specified: Path, home: Path) -> None:
    specified.write_text(
        specified.read_text().replace("channels:\n", "channels:\n  - https://me:hunter2@host.example/c\n")
    )
    turnout.script("print(1)")
    done = turnout("submit", "--environment", specified, "train.py", code=2)
    assert "end up in the" in done.stderr
    assert "hunter2" not in done.stderr
    for path in home.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
