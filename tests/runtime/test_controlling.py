"""When a controller is started again, and what becomes of the trials of one that isn't."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from turnout.runtime import closing, controlling, layout, processes, records
from turnout.runtime.record import RunRecord


def ended(code: int | None = None, number: int | None = None) -> closing.Outcome:
    outcome = closing.Outcome()
    outcome.exit_code, outcome.signal, outcome.ended = code, number, time.time()
    return outcome


def run_of(workspace: layout.WorkspaceLayout, run_id: str, **definition: object) -> layout.RunLayout:
    run = workspace.run(run_id)
    os.makedirs(run.events)
    records.write_json(run.definition, {"id": run_id, **definition})
    Path(run.journal).write_text(json.dumps({"t": 1.0, "state": "Running", "reason": ""}) + "\n")
    return run


@pytest.fixture
def workspace(tmp_path: Path) -> layout.WorkspaceLayout:
    found = layout.WorkspaceLayout(str(tmp_path / "home" / "workspaces" / "default"))
    os.makedirs(found.runs)
    return found


@pytest.mark.parametrize("code", [0, controlling.FAILED, controlling.CANCELED])
def test_a_controller_that_is_done_is_not_started_again(code: int) -> None:
    assert controlling.Restarts().reason(ended(code)) == ""


def test_one_that_was_killed_is_always_started_again() -> None:
    restarts = controlling.Restarts()
    for _ in range(20):
        assert restarts.reason(ended(number=9)) == "the controller was ended by SIGKILL and is started again"
    gone = closing.Outcome()  # with its keeper, or the machine: nothing is known of its end
    assert restarts.reason(gone) == "the controller was ended and is started again"


def test_one_that_ends_by_a_mistake_of_its_own_is_started_again_three_times() -> None:
    restarts = controlling.Restarts()
    told = [restarts.reason(ended(1)) for _ in range(4)]
    assert told[:3] == ["the controller ended with exit code 1 and is started again"] * 3
    assert told[3] == ""


def test_short_lives_are_followed_by_ever_longer_pauses() -> None:
    restarts = controlling.Restarts()
    pauses = []
    for _ in range(12):
        restarts.begun()
        until = restarts.pause()
        assert until is not None
        pauses.append(until - time.monotonic())
    assert pauses[0] == pytest.approx(0.1, abs=0.05)
    assert pauses[3] == pytest.approx(0.8, abs=0.05)
    assert pauses[-1] == pytest.approx(10.0, abs=0.05)


def test_the_trials_of_a_sweep_that_is_closed_are_asked_to_end(workspace: layout.WorkspaceLayout) -> None:
    sweep = run_of(workspace, "HD_1", type="hyperdrive")
    trials = [run_of(workspace, f"HD_1_{number}", type="azureml.scriptrun", parent="HD_1") for number in range(2)]
    with open(trials[1].journal, "a") as stream:
        stream.write(json.dumps({"t": 2.0, "state": "Completed", "reason": ""}) + "\n")
    told = [{"t": 1.0, "e": "child", "id": trial} for trial in ("HD_1_0", "HD_1_1", "HD_1_2")]
    Path(sweep.events, "w.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    controlling.end_trials(sweep, RunRecord(sweep.root).definition)
    request = RunRecord(trials[0].root).cancel_request()
    assert request is not None
    assert request["reason"] == "canceled: its sweep has ended"
    assert not os.path.exists(trials[1].cancel)
    controlling.end_trials(
        trials[0], RunRecord(trials[0].root).definition
    )  # no sweep: nothing happens, and nothing is raised


def test_whoever_closes_a_trial_wakes_the_controller(workspace: layout.WorkspaceLayout) -> None:
    sweep = run_of(workspace, "HD_1", type="hyperdrive")
    trial = run_of(workspace, "HD_1_0", parent="HD_1", sweep={"number": 0, "parameters": {}})
    other = run_of(workspace, "child", parent="HD_1")
    came: list[int] = []
    before = signal.signal(controlling.WAKES, lambda number, frame: came.append(number))
    try:
        controlling.wake_sweep_of(trial, RunRecord(trial.root).definition)  # there is no controller yet
        records.write_json(sweep.process, processes.identity())
        controlling.wake_sweep_of(other, RunRecord(other.root).definition)
        assert came == []
        controlling.wake_sweep_of(trial, RunRecord(trial.root).definition)
        assert came == [controlling.WAKES]
    finally:
        signal.signal(controlling.WAKES, before)


def test_a_trial_is_left_to_its_sweep_while_that_goes_on(workspace: layout.WorkspaceLayout) -> None:
    sweep = run_of(workspace, "HD_1", type="hyperdrive")
    trial = run_of(workspace, "HD_1_0", parent="HD_1", sweep={"number": 0, "parameters": {}})
    child = run_of(workspace, "child", parent="HD_1")
    assert RunRecord(trial.root).is_left_to_its_sweep()
    assert not RunRecord(child.root).is_left_to_its_sweep()
    assert not RunRecord(sweep.root).is_left_to_its_sweep()
    with open(sweep.journal, "a") as stream:
        stream.write(json.dumps({"t": 2.0, "state": "Canceled", "reason": ""}) + "\n")
    assert not RunRecord(trial.root).is_left_to_its_sweep()
