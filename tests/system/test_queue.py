"""The queue through the real command line."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import dispatching, layout, members, processes

pytestmark = pytest.mark.system
CURRENT = ("--environment", os.path.realpath(sys.executable))
GATED = "import os, sys, time\nprint('begun', sys.argv[1:], flush=True)\nwhile not os.path.exists('{gate}'): time.sleep(0.01)\n"


@pytest.fixture
def gate(turnout: Any) -> Path:
    path: Path = turnout.directory / "gate"
    turnout.script(GATED.format(gate=path))
    turnout("target", "update", "local", "--slots", "2")
    return path


def submit(turnout: Any, *words: str) -> str:
    run_id: str = json.loads(turnout("submit", "--json", "--detach", *CURRENT, *words).stdout)["id"]
    return run_id


def test_runs_wait_for_slots_and_start_in_their_turn(turnout: Any, gate: Path, until: Any) -> None:
    first = submit(turnout, "--cpus", "2", "train.py")
    wide = submit(turnout, "--cpus", "2", "train.py")
    narrow = submit(turnout, "train.py")
    urgent = submit(turnout, "--priority", "1", "train.py")
    until(lambda: turnout.json("show", urgent)["status"] == "Queued")
    queue = turnout.json("queue")
    assert [row["id"] for row in queue["started"]] == [first]
    assert [row["id"] for row in queue["waiting"]] == [urgent, wide, narrow]
    shown = turnout.json("show", wide)
    assert shown["status"] == "Queued"
    assert shown["reason"] == "waiting for 2 CPU slots (free: 0 of 2 CPU slots); 1 before it"
    listed = {row["id"]: row["status"] for row in turnout.json("runs")}
    assert listed == {first: "Running", wide: "Queued", narrow: "Queued", urgent: "Queued"}
    gate.touch()
    started = {}
    for run_id in (first, wide, narrow, urgent):
        turnout("wait", run_id)
        started[run_id] = turnout.json("show", run_id)["started"]
    assert sorted(started, key=lambda run_id: started[run_id]) == [first, urgent, wide, narrow]
    assert turnout.json("queue")["started"] == []


def test_a_cluster_has_no_more_runs_at_once_than_its_nodes(turnout: Any, gate: Path, until: Any) -> None:
    turnout("target", "alias", "small", "local", "--at-most", "1")
    assert turnout.json("target", "alias") == [{"name": "small", "target": "local", "vm_size": None}]
    first = submit(turnout, "--target", "small", "train.py")
    second = submit(turnout, "--target", "small", "train.py")
    beside = submit(turnout, "train.py")  # the other slot is free for it
    until(lambda: turnout.json("show", beside)["status"] == "Running")
    until(lambda: turnout.json("show", second)["status"] == "Queued")
    assert turnout.json("show", first)["status"] == "Running"
    assert turnout.json("show", second)["reason"] == "waiting for one of the 1 nodes of the cluster small"
    gate.touch()
    for run_id in (first, second, beside):
        turnout("wait", run_id)
    assert turnout.json("show", second)["started"] >= turnout.json("show", first)["ended"]


def test_a_person_who_waits_is_told_what_for(turnout: Any, gate: Path, until: Any) -> None:
    first = submit(turnout, "--cpus", "2", "train.py")
    until(lambda: turnout.json("show", first)["status"] == "Running")
    process = turnout.start("submit", *CURRENT, "train.py", "x")
    line = ""
    while "Queued" not in line:
        line = process.stderr.readline().decode()
    assert "waiting for 1 CPU slot" in line
    gate.touch()
    out, _ = process.communicate(timeout=60)
    assert out == b"begun ['x']\n"


def test_a_queued_run_is_canceled_at_once_and_never_starts(turnout: Any, gate: Path, until: Any) -> None:
    first = submit(turnout, "--cpus", "2", "train.py")
    queued = submit(turnout, "train.py")
    until(lambda: turnout.json("show", queued)["status"] == "Queued")
    turnout("cancel", queued)
    turnout("wait", queued, code=125)
    assert turnout.json("show", queued)["status"] == "Canceled"
    gate.touch()
    turnout("wait", first)
    assert turnout("logs", queued).stdout == ""


def test_a_build_is_stopped_by_a_cancel(turnout: Any, until: Any, home: Path) -> None:
    """The package's own build waits for ever; nothing of it may go on."""
    package = turnout.directory / "slow"
    package.mkdir()
    marker = turnout.directory / "building"
    (package / "pyproject.toml").write_text(
        "[project]\nname = 'slow'\nversion = '1'\n[build-system]\nrequires = []\nbuild-backend = 'build'\nbackend-path = ['.']\n"
    )
    (package / "build.py").write_text(
        "import os, time\n"
        "def _metadata(directory):\n"
        "    os.makedirs(directory + '/slow-1.dist-info', exist_ok=True)\n"
        "    open(directory + '/slow-1.dist-info/METADATA', 'w').write('Metadata-Version: 2.1\\nName: slow\\nVersion: 1\\n')\n"
        "    return 'slow-1.dist-info'\n"
        "def prepare_metadata_for_build_wheel(directory, settings=None): return _metadata(directory)\n"
        f"def build_wheel(directory, settings=None, metadata=None):\n    open({str(marker)!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\n"
    )
    (turnout.directory / "requirements.txt").write_text("./slow\n")
    turnout.script("print(1)")
    run_id = json.loads(
        turnout("submit", "--json", "--detach", "--environment", "requirements.txt", "train.py").stdout
    )["id"]
    builder = int(until(lambda: marker.exists() and marker.read_text()))
    shown = turnout.json("show", run_id)
    assert shown["status"] == "Preparing"
    assert shown["reason"] == "building slow"
    turnout("cancel", run_id)
    turnout("wait", run_id, code=125)
    until(lambda: processes.start_time(builder) is None)
    assert not list((home / "environments").glob("*/pyvenv.cfg")), "nothing half-built is left"


def test_the_queue_moves_on_when_its_dispatcher_is_killed_and_someone_looks(
    turnout: Any, gate: Path, until: Any, home: Path
) -> None:
    first = submit(turnout, "--cpus", "2", "train.py")
    second = submit(turnout, "train.py")
    until(lambda: turnout.json("show", second)["status"] == "Queued")
    queue = layout.Home(str(home)).queue_here
    holder = dispatching.dispatcher(queue)
    assert holder is not None
    assert members.is_runtime(holder["pid"])
    os.kill(holder["pid"], signal.SIGKILL)
    until(lambda: processes.state(holder) == processes.GONE)
    assert turnout.json("show", second)["status"] == "Queued"
    gate.touch()
    turnout("wait", second)
    turnout("wait", first)


def test_more_than_the_machine_has_is_refused_at_once(turnout: Any, gate: Path, home: Path) -> None:
    for words, said in ((["--cpus", "3"], "3 CPU slots"), (["--gpus", "1"], "1 GPU")):
        done = turnout("submit", *CURRENT, *words, "train.py", code=2)
        assert said in done.stderr
        assert "turnout target update local" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not list((home / "workspaces" / "default" / "runs").iterdir())


def test_a_script_submits_a_run_and_waits_for_it(turnout: Any) -> None:
    """Both need a slot, or the parent takes none."""
    turnout.script("print('the child')", "child.py")
    turnout.script(
        "import sys\nfrom turnout import Run, ScriptRunConfig, Workspace\n"
        "run = Run.get_context()\nws = Workspace.from_config()\n"
        "from turnout.run import Run as Full\n"
        "config = ScriptRunConfig('.', script='child.py')\n"
        "config.run_config.environment.python.user_managed_dependencies = True\n"
        "config.run_config.environment.python.interpreter_path = sys.executable\n"
        "child = Full.get(ws, run.id).submit_child(config)\n"
        "print(child.wait_for_completion()['status'])\n"
    )
    turnout("target", "update", "local", "--slots", "1")
    done = turnout("submit", "--environment", sys.executable, "--cpus", "0", "train.py")
    assert done.stdout == "Completed\n"
    rows = turnout.json("runs", "--children")
    assert [row["status"] for row in rows] == ["Completed", "Completed"]


def test_a_script_that_waits_for_what_its_own_run_holds_is_told_so(turnout: Any, until: Any) -> None:
    turnout.script("print('the child')\n", "child.py")
    turnout.script(
        "import sys\nfrom turnout import Run, ScriptRunConfig\n"
        "config = ScriptRunConfig('.', script='child.py')\n"
        "config.run_config.environment.python.user_managed_dependencies = True\n"
        "config.run_config.environment.python.interpreter_path = sys.executable\n"
        "print(Run.get_context().submit_child(config).wait_for_completion()['status'])\n"
    )
    turnout("target", "update", "local", "--slots", "1")
    words = ("--json", "--detach", "--environment", sys.executable)
    parent = json.loads(turnout("submit", *words, "train.py").stdout)["id"]
    until(lambda: f"its parent {parent} holds 1 CPU slot: more slots" in turnout("logs", parent).stdout)
    turnout("target", "update", "local", "--slots", "2")
    turnout("wait", parent)
    assert turnout("logs", parent).stdout.splitlines()[-1] == "Completed"
