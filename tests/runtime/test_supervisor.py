"""Supervision with real processes: who dies when, and what the record then says."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from turnout.runtime import agent, layout, processes, records, runlock, runqueue
from turnout.runtime.bundle import ship
from turnout.runtime.record import RunRecord
from turnout.testing import living
from turnout.testing.runs import write_run
from turnout.workspace import Workspace


@pytest.fixture
def workspace_layout(home: object) -> layout.WorkspaceLayout:
    return Workspace.from_config().layout


def ask(run: layout.RunLayout, operation: str, **more: Any) -> dict[str, Any]:
    home = run.workspace.home
    request = {"operation": operation, "directory": run.root, "directories": [run.root], "runtime": ship(home), **more}
    return agent.handle(home, json.loads(json.dumps(request)))


def look(run: layout.RunLayout) -> tuple[str, str]:
    state, reason = ask(run, "look")["states"][run.run_id]
    return state, reason


def until(condition: Callable[[], Any]) -> Any:
    return living.until(condition, 20)


def final(run: layout.RunLayout) -> tuple[str, str]:
    return until(lambda: (found := look(run))[0] in ("Completed", "Failed", "Canceled") and found)


def running(run: layout.RunLayout) -> dict[str, Any]:
    """Wait until the script's process runs and return its supervisor."""
    until(lambda: os.path.exists(run.process) and RunRecord(run.root).status()[0] == "Running")
    holder = runlock.holder(run.lock)
    assert holder is not None
    return holder


GATED = """import os, sys, time
print('begun', flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
print('ended')
"""


def test_a_script_whose_supervisor_was_killed_is_adopted(
    workspace_layout: layout.WorkspaceLayout, tmp_path: Any
) -> None:
    gate = tmp_path / "gate"
    run = write_run(workspace_layout, GATED + "sys.exit(5)", [str(gate)])
    ask(run, "start")
    supervisor = running(run)
    script = records.read_json(run.process)
    os.kill(supervisor["pid"], signal.SIGKILL)
    until(lambda: processes.state(supervisor) == processes.GONE)
    assert look(run)[0] == "Running"
    assert processes.state(script) == processes.ALIVE
    assert runlock.holder_state(run.lock) == processes.ALIVE
    gate.touch()
    assert final(run)[0] == "Failed"
    result = RunRecord(run.root).result()
    assert (result["exit_code"], result["signal"]) == (5, None)
    with open(run.script_log) as stream:
        assert stream.read() == "begun\nended\n"


def test_one_look_closes_a_run_that_ended_unseen(workspace_layout: layout.WorkspaceLayout, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    run = write_run(workspace_layout, GATED, [str(gate)])
    ask(run, "start")
    supervisor = running(run)
    os.kill(supervisor["pid"], signal.SIGKILL)
    gate.touch()
    until(lambda: os.path.exists(run.exit))
    until(lambda: processes.state(supervisor) == processes.GONE)
    assert look(run) == ("Completed", "")


def test_a_run_of_which_nothing_lives_is_failed_with_that_reason(
    workspace_layout: layout.WorkspaceLayout, tmp_path: Any
) -> None:
    run = write_run(workspace_layout, GATED, [str(tmp_path / "never")])
    ask(run, "start")
    supervisor = running(run)
    script = records.read_json(run.process)
    os.kill(supervisor["pid"], signal.SIGKILL)
    until(lambda: processes.state(supervisor) == processes.GONE)
    os.kill(script["pid"], signal.SIGKILL)
    until(lambda: processes.state(script["keeper"]) == processes.GONE)  # it writes how the script ended, twice
    os.unlink(run.exit)  # as after a power cut
    state, reason = final(run)
    assert state == "Failed"
    assert "no exit code" in reason


def test_a_run_whose_dispatcher_was_never_woken_is_started_by_the_next_look(
    workspace_layout: layout.WorkspaceLayout,
) -> None:
    run = write_run(workspace_layout, "print('here')")
    runqueue.enqueue(workspace_layout.home, run.root, {}, ship(workspace_layout.home))
    assert final(run)[0] == "Completed"


def test_a_run_that_is_being_handed_over_is_left_to_its_submitter(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, "print('here')")
    state, reason = look(run)
    assert (state, "handed over" in reason) == ("NotStarted", True)
    ask(run, "start")
    assert final(run)[0] == "Completed"


def test_a_run_that_was_never_handed_over_ends_canceled(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, "print('here')")
    definition = records.read_json(run.definition)
    definition["submitter"]["start"] -= 1  # as if that process were another one, long gone
    records.write_json(run.definition, definition)
    state, reason = look(run)
    assert (state, "never handed over" in reason) == ("Canceled", True)
    assert os.listdir(workspace_layout.home.secrets) == []


def test_a_canceled_run_that_never_started_never_starts(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, "print('here')")
    ask(run, "cancel", by="me")
    ask(run, "start")
    state, reason = final(run)
    assert (state, reason) == ("Canceled", "canceled by me")
    assert not os.path.exists(run.script_log) or os.path.getsize(run.script_log) == 0


def test_a_damaged_snapshot_is_not_run(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, "print('here')")
    (name,) = [
        os.path.join(directory, file)
        for directory, _, files in os.walk(workspace_layout.home.objects)
        for file in files
        if os.path.getsize(os.path.join(directory, file)) == len("print('here')")
    ]
    os.chmod(name, 0o600)
    with open(name, "r+b") as stream:
        stream.write(b"P")
    ask(run, "start")
    state, reason = final(run)
    assert state == "Failed"
    assert "train.py" in reason


def test_unchanged_files_leave_the_working_directory_and_changed_ones_stay(
    workspace_layout: layout.WorkspaceLayout,
) -> None:
    run = write_run(workspace_layout, "open('outputs/a', 'w').write('x'); open('kept', 'w').write('y')")
    ask(run, "start")
    assert final(run)[0] == "Completed"
    left = sorted(os.path.relpath(os.path.join(d, f), run.code) for d, _, fs in os.walk(run.code) for f in fs)
    assert left == ["kept", "outputs/a"]


def test_the_journal_tells_each_state_once_and_in_order(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, "pass")
    ask(run, "start")
    final(run)
    told = [line["state"] for line in RunRecord(run.root).journal()]
    assert told == ["NotStarted", "Preparing", "Queued", "Starting", "Running", "Finalizing", "Completed"]


def test_a_second_supervisor_leaves_the_first_alone(workspace_layout: layout.WorkspaceLayout, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    run = write_run(workspace_layout, GATED, [str(gate)])
    ask(run, "start")
    first = running(run)
    ask(run, "start")
    gate.touch()
    final(run)
    assert runlock.holder(run.lock) == first


def test_the_time_limit_holds(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, "import time; time.sleep(600)", maxRunDurationSeconds=1)
    ask(run, "start")
    state, reason = final(run)
    assert state == "Canceled"
    assert "1 s" in reason
    assert RunRecord(run.root).result()["time_limit"] is True


TELLS = "import os; value = os.environ['TOKEN']\nraise ValueError('x' * 484 + ' ' + value)\n"


def test_the_reason_of_a_failure_quotes_no_secret(workspace_layout: layout.WorkspaceLayout) -> None:
    run = write_run(workspace_layout, TELLS, secrets={"TOKEN": "hunter2-hunter2"})
    ask(run, "start")
    state, reason = final(run)
    assert state == "Failed"
    assert reason.endswith("xxx ***")
    with open(run.script_log) as stream:
        assert "hunter2-hunter2" in stream.read()
    with open(run.result) as stream:
        assert "hun" not in stream.read()
    assert os.listdir(run.workspace.home.secrets) == []


def test_what_a_script_reports_of_its_failure_is_kept_without_secrets(workspace_layout: layout.WorkspaceLayout) -> None:
    script = "import os, sys\nfrom turnout import Run\nRun.get_context().fail('not ' + os.environ['TOKEN'], 'Mine')\nsys.exit(1)"
    run = write_run(workspace_layout, script, secrets={"TOKEN": "hunter2"})
    ask(run, "start")
    final(run)
    assert RunRecord(run.root).result()["error"] == {"code": "Mine", "message": "not ***"}


def test_a_supervisor_that_does_not_know_the_secrets_quotes_nothing(
    workspace_layout: layout.WorkspaceLayout, tmp_path: Any
) -> None:
    gate = tmp_path / "gate"
    run = write_run(workspace_layout, GATED + TELLS, [str(gate)], secrets={"TOKEN": "hunter2"})
    ask(run, "start")
    supervisor = running(run)
    os.kill(supervisor["pid"], signal.SIGKILL)
    until(lambda: processes.state(supervisor) == processes.GONE)
    gate.touch()
    assert final(run) == ("Failed", "the script ended with exit code 1")
