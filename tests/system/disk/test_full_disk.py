"""A disk that fills up: at every page and every file of a submit, under a script that logs, and under the index."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

SUBMIT = ("submit", "--detach", "--environment", sys.executable, "train.py")
LIMITS = ("pages", "files")
MOST = 400
"""Pages and files that no submit needs."""


def things(home: Path) -> set[str]:
    """Everything that a submit may leave: all but whole objects, the shipped runtime, and the frame of an empty home."""
    found = {str(path.relative_to(home)) for path in home.rglob("*")}
    kept = {"objects", "runtime", "tools", "environments", "queue"}
    return {
        name
        for name in found
        if name.split("/")[0] not in kept
        or ".tmp" in name
        or name.startswith("objects/incoming/")
        or name.endswith(".new")
    }


def runs(home: Path) -> list[str]:
    try:
        return sorted(os.listdir(home / "workspaces/default/runs"))
    except FileNotFoundError:
        return []


@pytest.mark.parametrize("limit", LIMITS)
def test_a_submit_is_whole_or_not_there_wherever_the_disk_fills_up(turnout, disk, home, limit: str) -> None:
    turnout.script("print('first')\n")
    turnout("submit", "--environment", sys.executable, "train.py")
    for free in range(MOST):
        (turnout.directory / "data.bin").write_bytes(os.urandom(9000))
        before, known = things(home), runs(home)
        disk.leave(**{limit: free})
        done = turnout.any(*SUBMIT)
        disk.make_room()
        if done.returncode == 0:
            break
        assert done.returncode == 2
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        assert "TURNOUT_HOME" in lines[0]
        assert runs(home) == known
        new = things(home) - before
        assert {name for name in new if "/changes/" not in name} == set(), lines
    assert free > 4, "the first submits should not have fitted"
    assert turnout("wait", runs(home)[-1]).returncode == 0
    assert {run["status"] for run in turnout.json("runs")} == {"Completed"}
    assert len(runs(home)) == 2


@pytest.mark.parametrize("limit", LIMITS)
def test_the_first_use_of_a_home_needs_room_and_says_so(turnout, disk, home, limit: str) -> None:
    turnout.script("print('first')\n")
    for free in [*range(2, 12), *range(12, MOST, 17)]:
        disk.leave(**{limit: free})
        done = turnout.any(*SUBMIT)
        disk.make_room()
        if done.returncode == 0:
            break
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert str(home) in done.stderr
        assert runs(home) == []
        assert [name for name in things(home) if ".tmp" in name or ".new" in name] == []
    assert len(runs(home)) == 1
    turnout("wait", "@last")


LOGGING = """\
import os, sys
from turnout import Run, RecordException

run = Run.get_context()
run.log("value", 0)
print("before", flush=True)
limit = os.path.join(os.environ["TURNOUT_HOME"], "filler")
with open(limit, "wb", buffering=0) as filler:
    try:
        while filler.write(b"x" * 4096):
            pass
    except OSError:
        pass
logged = refused = 1
try:
    for logged in range(1, 100000):
        run.log("value", logged)
except RecordException as error:
    assert "no space left" in str(error), error
    refused = logged
for call in (
    lambda: run.upload_file("model.bin", __file__),
    lambda: run.tag("full", "x" * 5000),
    lambda: run.child_run("below"),
):
    try:
        call()
    except RecordException as error:
        assert "\\n" not in str(error)
    else:
        sys.exit("it should not have fitted")
try:
    print("x" * 10000, flush=True)
except OSError:
    pass
os.unlink(limit)
run.log("refused", refused)
run.log("value", -1)
run.upload_file("model.bin", __file__)
run.tag("after", "yes")
print("after", flush=True)
"""


def test_a_script_loses_nothing_that_a_call_returned_from_while_the_disk_is_full(turnout, disk, home) -> None:
    turnout.script(LOGGING)
    disk.leave(pages=3000)
    done = turnout("submit", "--environment", sys.executable, "train.py")
    assert "before\n" in done.stdout
    assert done.stdout.endswith("after\n")
    run = turnout.json("show", "@last")
    assert run["status"] == "Completed"
    metrics = turnout.json("metrics", "@last")
    refused = metrics["refused"]
    assert refused > 1
    assert metrics["value"] == [*range(refused), -1]
    assert run["tags"] == {"after": "yes"}
    assert "model.bin" in str(turnout.json("files", "@last"))
    assert run["unreadable_events"] <= 2
    leftovers = [path for path in home.rglob("*") if path.name.endswith(".tmp")]
    assert leftovers == []


def test_lists_go_on_with_a_full_disk_and_the_index_is_never_left_broken(turnout, many, disk, home) -> None:
    turnout.script("import turnout\nturnout.Run.get_context().log('a', 1)\n")
    for _ in range(3):
        turnout("submit", "--environment", sys.executable, "train.py")
    expected = [run["id"] for run in turnout.json("runs")]
    index = home / "workspaces/default/index.sqlite"
    for limit in LIMITS:
        for remove in (True, False):
            for free in (0, 1, 3):
                if remove:
                    for path in index.parent.glob("index.sqlite*"):
                        path.unlink()
                turnout("tag", "@last", f"{limit}=x{free}")
                disk.leave(**{limit: free})
                answers = many(["runs", "--json"], ["metrics", "@last", "--json"])
                disk.make_room()
                assert [answer[0] for answer in answers] == [0, 0], answers
                listed, shown = (json.loads(answer[1]) for answer in answers)
                assert [run["id"] for run in listed] == expected, (limit, remove, free)
                assert listed[0]["tags"][limit] == f"x{free}"
                assert shown == {"a": 1}
                assert list(index.parent.glob("*.tmp")) == []
    assert [run["id"] for run in turnout.json("runs")] == expected
    assert turnout.json("reindex")["runs"] == 3
    assert [run["id"] for run in turnout.json("runs")] == expected
