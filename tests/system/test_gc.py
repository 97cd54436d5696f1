"""gc beside submits that don't pause, killed at random, and what a person sees of freeing space."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from turnout import Workspace
from turnout.runtime import gc, states
from turnout.snapshots.restore import restore

pytestmark = pytest.mark.system

SUBMITTERS = 6
TURNS = 10

COLLECT = """
import sys
from turnout import gc
while True:
    found = gc.collect(older_than=0.0)
    assert not found.problems, found.problems
    freed = found.freed.get("objects")
    print(freed.count if freed else 0, flush=True)
"""


def submitter(home, source, number):
    """Start a process that submits a tree of its own, changed each time, and prints what each snapshot holds."""
    code = """
import json, os, sys
from turnout import Experiment, ScriptRunConfig, Workspace
from turnout.runtime import deletion
source, number, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
workspace = Workspace.get("default")
experiment = Experiment(workspace, f"racing-{number}")
os.makedirs(source)
config = ScriptRunConfig(source_directory=source, script="train.py")
config.run_config.environment.python.user_managed_dependencies = True
config.run_config.environment.python.interpreter_path = sys.executable
ended = []
for turn in range(turns):
    # Contents come back after the runs that had them are gone: old objects are counted on while gc may free them.
    files = {"train.py": "print('ran')\\n", "all.txt": f"the same in every process, {turn % 2}\\n"}
    files |= {f"file_{each}.txt": f"{each}: {(turn + each) % 3} of {number}\\n" for each in range(3)}
    for name, text in files.items():
        with open(os.path.join(source, name + "~"), "w") as stream:
            stream.write(text)
        os.rename(os.path.join(source, name + "~"), os.path.join(source, name))
    run = experiment.submit(config)
    print(json.dumps([run.id, files]), flush=True)
    if turn % 3:
        ended.append(run)
    for run in list(ended):
        if turn + 1 == turns:
            run.wait_for_completion()
        if run.get_status() == "Completed":
            deletion.delete(run.layout)
            ended.remove(run)
            print(json.dumps([run.id, None]), flush=True)
"""
    command = [sys.executable, "-c", code, source, str(number), str(TURNS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_deleting_and_freeing_as_a_person_does(turnout, home):
    turnout.script("print('ran')")
    turnout("submit", "train.py")  # in an environment that is built for it
    turnout.script("print('ran too')", "other.py")
    turnout("submit", "other.py")
    assert turnout.json("gc", "--older-than", "0")["freed"] == {}
    first = turnout.json("runs")[1]["id"]
    assert "say --yes" in turnout("runs", "delete", first, code=2).stderr
    turnout("runs", "delete", first, "--yes")
    assert turnout.json("gc", "--older-than", "0")["freed"] == {}  # the other run has all of it
    turnout("runs", "delete", "@last", "--yes")
    assert turnout("runs", "-q").stdout == ""
    freed = turnout.json("gc", "--older-than", "0")["freed"]
    assert {kind: found["count"] for kind, found in freed.items()} == {"objects": 2, "environments": 1}
    assert os.listdir(home / "environments") == []
    assert turnout("submit", "train.py").stdout == "ran\n"


def test_gc_beside_submits_frees_nothing_that_a_run_needs(home, tmp_path):
    workspace = Workspace.create("default")
    submitters = [submitter(home, str(tmp_path / f"source_{number}"), number) for number in range(SUBMITTERS)]
    chance = random.Random(4)
    kills, collections = 0, []
    while any(process.poll() is None for process in submitters):
        with subprocess.Popen(
            [sys.executable, "-c", COLLECT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as collector:
            first = collector.stdout.readline()
            time.sleep(chance.uniform(0, 1))  # from here it may be anywhere
            collector.kill()
            out, err = collector.communicate()
            assert (collector.returncode, err) == (-signal.SIGKILL, "")
            kills += 1
            collections += [int(line) for line in [first, *out.split()]]
    contents, deleted = {}, set()
    for process in submitters:
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        for line in out.splitlines():
            run_id, files = json.loads(line)
            if files is None:
                deleted.add(run_id)
            else:
                contents[run_id] = files
    left = set(contents) - deleted
    assert len(contents) == SUBMITTERS * TURNS
    assert len(left) == SUBMITTERS * 4
    assert kills >= 3
    assert sum(collections) >= 1
    assert {name for name in os.listdir(workspace.layout.runs) if not name.startswith(".")} == left
    gc.collect(workspace.home, older_than=0.0)
    needed = {text for run_id in left for text in contents[run_id].values()}
    objects = [name for _, _, names in os.walk(workspace.home.objects) for name in names if len(name) == 62]
    assert len(objects) == len(needed)
    for run_id in left:
        run = workspace.get_run(run_id)
        details = run.wait_for_completion()
        assert details["status"] == states.COMPLETED, details
        restored = tmp_path / "restored" / run_id
        restore(run.layout, workspace.home, str(restored))
        assert {path.name: path.read_text() for path in restored.iterdir()} == contents[run_id]
    assert os.listdir(workspace.layout.trash) == []
