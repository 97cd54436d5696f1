"""A clock that is set back by a day, between submits and while a script runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from turnout.runtime import layout, processes, records
from turnout.snapshots import take as taking
from turnout.testing.records import make_run

pytestmark = pytest.mark.system

SHIFTED = """\
import time
SHIFT = {shift}
real, real_ns = time.time, time.time_ns
time.time = lambda: real() + SHIFT
time.time_ns = lambda: real_ns() + int(SHIFT * 1e9)
import sys
from turnout import cli
sys.argv[0] = "turnout"
cli.main()
"""

SCRIPT = """\
import time
real, shift = time.time, 0.0
time.time = lambda: real() + shift
import turnout

run = turnout.Run.get_context()
for value in range(300):
    if value % 100 == 50:
        shift -= 86400.0
    if value == 250:
        shift = 3600.0
    run.log("value", value)
    run.log("other", -value)
run.tag("last", "first")
shift = -5 * 86400.0
run.tag("last", "second")
with run.child_run("below") as child:
    child.log("b", 1)
"""

DAY = 86400.0


@pytest.fixture
def at(turnout):
    """Carry out a command line with its clock shifted."""

    def carry_out(shift: float, *words: str):
        command = turnout.command
        turnout.command = [sys.executable, "-c", SHIFTED.format(shift=shift)]
        try:
            return turnout(*words)
        finally:
            turnout.command = command

    return carry_out


def test_lists_sort_by_what_the_clock_said_and_then_by_id(turnout, at, home: Path) -> None:
    turnout.script("print('x')\n")
    submit = ("submit", "--environment", sys.executable, "--name")
    for shift, name in ((0, "today"), (-DAY, "set back"), (DAY, "set forward"), (0, "again")):
        at(shift, *submit, name, "train.py")
    for _ in range(2):
        listed = turnout.json("runs")
        assert [run["display_name"] for run in listed] == ["set forward", "again", "today", "set back"]
        assert {run["status"] for run in listed} == {"Completed"}
        turnout("reindex")
    for run in listed:
        shown = turnout.json("show", run["id"])
        assert shown["duration"] >= 0
    workspace = layout.Home(str(home)).workspace("default")
    for name in ("c", "a", "b"):
        make_run(workspace, name, created=5.0)
    ids = [run["id"] for run in turnout.json("runs")]
    assert ids[-3:] in (["a", "b", "c"], ["c", "b", "a"])


def test_what_a_script_logs_stays_in_order(turnout, home: Path) -> None:
    turnout.script(SCRIPT)
    turnout("submit", "--environment", sys.executable, "train.py")
    for _ in range(2):
        metrics = turnout.json("metrics", "@last")
        assert metrics["value"] == list(range(300))
        assert metrics["other"] == [-value for value in range(300)]
        points = turnout.json("metrics", "@last", "value")
        assert [point["value"] for point in points] == list(range(300))
        assert turnout.json("show", "@last")["tags"] == {"last": "second"}
        turnout("reindex")
    for run in turnout.json("runs", "--children"):
        assert turnout.json("show", run["id"])["duration"] >= 0
        assert run["status"] == "Completed"


def test_a_run_from_the_future_has_no_negative_duration(turnout, home: Path) -> None:
    turnout.script("print('x')\n")
    turnout("submit", "--environment", sys.executable, "train.py")
    workspace = layout.Home(str(home)).workspace("default")
    run = make_run(workspace, "future", state="Running", created=time.time() + DAY, type=None)
    records.write_json(run.lock, processes.identity())  # this process carries it out
    shown = turnout.json("show", "future")
    assert shown["status"] == "Running"
    assert shown["duration"] == 0
    (line,) = (line for line in turnout("runs").stdout.splitlines() if "future" in line)
    assert " 0.00 s " in line


@pytest.mark.parametrize("shift", [-DAY, DAY, -1.0, 1.0])
def test_a_changed_file_is_never_taken_for_unchanged(turnout, home: Path, monkeypatch, shift: float) -> None:
    from turnout.workspace import Workspace

    workspace = Workspace.from_config()
    path = turnout.script("print(1)\n")
    real = taking.time.time

    def snapshot(offset: float) -> str:
        monkeypatch.setattr(taking.time, "time", lambda: real() + offset)
        try:
            return taking.take(str(turnout.directory), workspace.home, workspace.layout).id
        finally:
            monkeypatch.setattr(taking.time, "time", real)

    seen = {snapshot(0), snapshot(shift)}
    assert len(seen) == 1
    for number in range(2, 8):
        times = os.stat(path)
        path.write_text(f"print({number})\n")  # the same size, and made to look as old as it was
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        seen.add(snapshot(shift if number % 2 else 0))
    assert len(seen) == 7
