"""File systems without file locks or without hard links: the kernel refuses the calls, to everything that is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

LINKLESS = [
    pytest.param({"link": "EPERM"}, id="as FAT"),
    pytest.param({"link": "EPERM", "renameat2": "EINVAL"}, id="as an old FUSE"),
    pytest.param({"link": "EOPNOTSUPP", "renameat2": "ENOSYS"}, id="as an old kernel"),
]

SCRIPT = """\
import turnout

run = turnout.Run.get_context()
run.log("a", 1)
run.upload_file("kept/train.py", __file__)
run.upload_file("kept/train.py", __file__)
with run.child_run("below") as child:
    child.log("b", 2)
"""

FIRST_USE = """\
import sys
from turnout import Environment, Workspace
sys.stdin.read(1)
ws = Workspace.from_config()
env = Environment("mine")
env.python.user_managed_dependencies = True
print(ws.id, env.register(ws).version)
"""


@pytest.mark.parametrize("refused", LINKLESS)
def test_without_hard_links_everything_works(turnout, without, home: Path, refused) -> None:
    without(**refused)
    turnout.script(SCRIPT)
    turnout("submit", "--environment", sys.executable, "train.py")
    run = turnout.json("show", "@last")
    assert run["status"] == "Completed"
    assert "kept/train.py" in json.dumps(turnout.json("files", "@last"))
    assert {one["status"] for one in turnout.json("runs", "--children")} == {"Completed"}


@pytest.mark.parametrize("refused", LINKLESS)
def test_without_hard_links_the_first_of_several_still_wins(turnout, without, home: Path, refused) -> None:
    words = without(**refused)
    starters = [
        subprocess.Popen(
            [*words, sys.executable, "-c", FIRST_USE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=turnout.directory,
        )
        for _ in range(6)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write(b"x")
        starter.stdin.flush()
    answers = [starter.communicate(timeout=60) for starter in starters]
    assert [said for _, said in answers] == [b""] * 6
    assert len({tuple(out.split()) for out, _ in answers}) == 1  # one workspace id, one version
    assert [path for path in home.rglob("*") if path.suffix in (".tmp", ".new")] == []


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_without_file_locks_what_ran_can_be_read_and_a_submit_says_why_not(
    turnout, many, without, home: Path, error: str
) -> None:
    turnout.script(SCRIPT)
    turnout("submit", "--environment", sys.executable, "train.py")
    run_id = turnout.json("runs")[0]["id"]
    before = sorted(os.listdir(home / "workspaces/default/runs"))
    without(flock=error)
    reading = [["runs", "--json"], ["show", "@last"], ["metrics", run_id], ["logs", run_id], ["tag", run_id, "a=b"]]
    for words, (code, _, said) in zip(reading, many(*reading), strict=True):
        assert (code, said) == (0, ""), words
    refused = turnout.any("submit", "--environment", sys.executable, "train.py")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "flock" in refused.stderr
    assert "TURNOUT_HOME" in refused.stderr
    assert sorted(os.listdir(home / "workspaces/default/runs")) == before
    findings = {one["what"]: one for one in turnout.json("doctor", code=1)["findings"]}
    assert findings["locks"]["state"] == "broken"


INTERACTIVE = """\
from turnout import Environment, Experiment, RecordException, Run, Workspace

ws = Workspace.from_config()
with Experiment(ws, "e").start_logging(snapshot_directory=None) as run:
    run.log("a", 1)
    with run.child_run() as child:
        child.log("b", 2)
assert run.get_status() == "Completed", run.get_status()
offline = Run.get_context()
offline.log("c", 3)
offline.complete()
assert offline.get_status() == "Completed"
env = Environment("mine")
env.python.user_managed_dependencies = True
env = env.register(ws)
try:
    Environment.label(ws, "mine", env.version, ["prod"])
except RecordException as error:
    assert "flock" in str(error), error
else:
    raise SystemExit("labels need a lock")
"""


def test_without_file_locks_a_process_can_still_log_what_it_does_itself(turnout, without, home: Path) -> None:
    words = without(flock="ENOLCK")
    done = subprocess.run(
        [*words, sys.executable, "-W", "error", "-c", INTERACTIVE],
        cwd=turnout.directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
