"""Many at once: processes that open a fresh home together, and submits by the hundred. All succeed, each exactly once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout, manifest, states
from turnout.runtime.record import RunRecord

pytestmark = pytest.mark.system

DEADLINE = 240.0

OPEN = """\
import sys
from turnout import Experiment, Workspace
print("ready", flush=True)
sys.stdin.read(1)
ws = Workspace.from_config()
print(ws.id, len(list(ws.experiments)), flush=True)
"""

SUBMIT = """\
import sys
from turnout import cli
print("ready", flush=True)
sys.stdin.read(1)
sys.exit(cli.run(sys.argv[1:]))
"""


class Crowd:
    """Processes that all wait at one barrier, then go at once."""

    def __init__(self, count: int, code: str, directory: Path, *words: str) -> None:
        self.members = [
            subprocess.Popen(
                [sys.executable, "-c", code, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=directory,
                text=True,
            )
            for _ in range(count)
        ]

    def go(self) -> list[str]:
        """Open the barrier; return what each printed. Every one has to succeed, and without a word of complaint."""
        for member in self.members:
            assert member.stdout is not None
            assert member.stdout.readline() == "ready\n", member.communicate()
        for member in self.members:
            assert member.stdin is not None
            member.stdin.write("x")
            member.stdin.flush()
        answers = [member.communicate(timeout=DEADLINE) for member in self.members]
        assert [member.returncode for member in self.members] == [0] * len(self.members), answers
        return [out for out, _ in answers]


def ended(workspace: layout.WorkspaceLayout, count: int) -> list[RunRecord]:
    """Wait until so many runs have ended, and return their records."""
    from turnout.run import Run

    deadline = time.monotonic() + DEADLINE
    waiting = {name for name in os.listdir(workspace.runs) if not name.startswith(".")}
    assert len(waiting) == count
    while waiting:
        assert time.monotonic() < deadline, f"{len(waiting)} runs have not ended"
        waiting -= {name for name in waiting if states.is_final(Run(workspace.run(name).root).get_status())}
        time.sleep(0.05)
    return [RunRecord(workspace.run(name).root) for name in sorted(os.listdir(workspace.runs))]


def check(workspace: layout.WorkspaceLayout, records: list[RunRecord], trace: Path) -> None:
    """Each run was carried out exactly once, has a number of its own, and is in the index; no object is torn."""
    for record in records:
        assert record.status() == (states.COMPLETED, ""), (record.status(), record.layout.root)
        assert [line["state"] for line in record.journal()].count(states.RUNNING) == 1
    assert sorted(trace.read_text().split()) == sorted(record.layout.run_id for record in records)
    assert {record.definition["number"] for record in records} == set(range(1, len(records) + 1))
    objects = [path for path in Path(workspace.home.objects).rglob("*") if path.is_file() and path.name != "generation"]
    for path in objects:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.parent.name + path.name
    assert [path for path in Path(workspace.home.root).rglob("*") if path.suffix in (".tmp", ".new")] == []
    assert [name for name in os.listdir(workspace.runs) if name.startswith(".")] == []


def script(turnout: Any) -> Path:
    """A script that leaves a line each time it is carried out."""
    trace: Path = turnout.directory.parent / "trace"
    turnout.script(
        f"import os\nwith open({str(trace)!r}, 'a') as trace:\n"
        f"    trace.write(os.environ['{layout.RUN_ID_VARIABLE}'] + '\\n')\n"
    )
    return trace


WORDS = ("submit", "--detach", "--environment", sys.executable, "train.py")


def test_twelve_processes_open_a_fresh_home_together(turnout, home: Path) -> None:
    for round_ in range(3):
        os.environ[layout.HOME_VARIABLE] = str(home.with_name(f"home{round_}"))
        try:
            answers = Crowd(12, OPEN, turnout.directory).go()
        finally:
            os.environ[layout.HOME_VARIABLE] = str(home)
        assert len(set(answers)) == 1, "all see one workspace"
        assert answers[0].split()[1] == "0"


def test_a_hundred_submit_at_once_to_a_fresh_home(turnout, home: Path) -> None:
    trace = script(turnout)
    Crowd(100, SUBMIT, turnout.directory, *WORDS).go()
    workspace = layout.Home(str(home)).workspace("default")
    check(workspace, ended(workspace, 100), trace)
    assert {run["status"] for run in turnout.json("runs", "--limit", "1000")} == {"Completed"}
    assert len(turnout.json("runs", "--limit", "1000")) == 100


def test_fifty_submit_the_same_changed_tree_at_once_to_a_home_in_use(turnout, home: Path) -> None:
    trace = script(turnout)
    turnout(*WORDS)
    workspace = layout.Home(str(home)).workspace("default")
    ended(workspace, 1)
    for number in range(40):
        (turnout.directory / f"part{number}.bin").write_bytes(os.urandom(20_000))
    Crowd(50, SUBMIT, turnout.directory, *WORDS).go()
    records = ended(workspace, 51)
    check(workspace, records, trace)
    wrong = [one for one in turnout.json("doctor")["findings"] if one["state"] == "wrong"]
    assert wrong == []
    snapshots = {json.dumps(record.definition["snapshot"]) for record in records}
    assert len(snapshots) == 2  # the first one's, and one for all fifty
    for record in records:
        entries = manifest.parse(Path(record.layout.manifest).read_bytes())
        assert len(entries) in (1, 41)
