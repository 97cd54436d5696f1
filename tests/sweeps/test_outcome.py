from __future__ import annotations

import json
import math
from typing import Any

import pytest

from turnout import Run, Workspace
from turnout.runtime import states
from turnout.runtime.layout import RunLayout, WorkspaceLayout
from turnout.runtime.record import RunRecord
from turnout.sweeps import HyperDriveRun, PrimaryMetricGoal, outcome
from turnout.sweeps.primary_metric import PrimaryMetric
from turnout.sweeps.samplers import Known
from turnout.sweeps.trials import Trial
from turnout.testing.records import make_run, metric
from turnout.testing.sweeps import make_sweep, make_trial

UP = PrimaryMetric("score", PrimaryMetricGoal.MAXIMIZE)
DOWN = PrimaryMetric("score", PrimaryMetricGoal.MINIMIZE)


@pytest.fixture
def sweep(layout: WorkspaceLayout, configured: Any) -> RunLayout:
    return make_sweep(layout, "HD_1", configured(), state=states.RUNNING)


@pytest.fixture
def run(sweep: RunLayout, workspace: Workspace) -> HyperDriveRun:
    found = Run.get(workspace, sweep.run_id)
    assert isinstance(found, HyperDriveRun)
    return found


def ended(sweep: RunLayout, number: int, *logged: float) -> Trial:
    trial = Trial(number, RunRecord(make_trial(sweep, number, {"lr": number}, logged).root), {"lr": number}, "score")
    trial.take(states.COMPLETED, "")
    trial.read()
    return trial


def rows(run: HyperDriveRun) -> Any:
    return run.record.metrics().get(outcome.TABLE)


def test_each_trial_that_is_better_is_a_row(sweep: RunLayout, run: HyperDriveRun) -> None:
    best = outcome.Best(run, UP)
    for number, logged in enumerate([(0.5,), (), (math.nan,), (0.2, 0.4), (0.9, 0.1), (0.9,)]):
        best.take(ended(sweep, number, *logged))
    assert rows(run) == {"run_id": ["HD_1_0", "HD_1_4"], "metric_value": [0.5, 0.9], "final": [False, False]}
    best.conclude()
    assert rows(run)["run_id"] == ["HD_1_0", "HD_1_4", "HD_1_4"]
    assert rows(run)["final"] == [False, False, True]
    found = run.record.properties()
    assert (found["best_child_run_id"], found["score"], found["best_metric_status"]) == ("HD_1_4", "0.9", "Succeeded")


def test_of_alike_trials_the_first_is_the_best_in_whichever_order_they_end(
    sweep: RunLayout, run: HyperDriveRun
) -> None:
    # As get_best_run_by_primary_metric has it; also when another controller goes on from the record.
    trials = {number: ended(sweep, number, 0.9) for number in (1, 2, 10)}
    outcome.Best(run, UP).take(trials[2])
    outcome.Best(run, UP).take(trials[10])
    outcome.Best(run, UP).take(trials[1])
    outcome.Best(run, UP).take(trials[2])
    assert rows(run)["run_id"] == ["HD_1_2", "HD_1_1"]
    best = run.get_best_run_by_primary_metric()
    assert (best and best.id) == "HD_1_1"


def test_who_goes_on_from_the_record_adds_nothing_that_is_there(sweep: RunLayout, run: HyperDriveRun) -> None:
    outcome.Best(run, DOWN).take(ended(sweep, 0, 0.5))
    second = outcome.Best(run, DOWN)
    second.take(ended(sweep, 1, 0.7))
    second.conclude()
    before = rows(run)
    third = outcome.Best(run, DOWN)
    third.conclude()
    assert rows(run) == before == {"run_id": ["HD_1_0"] * 2, "metric_value": [0.5, 0.5], "final": [False, True]}


def test_without_a_result_nothing_is_said(sweep: RunLayout, run: HyperDriveRun) -> None:
    best = outcome.Best(run, UP)
    best.take(ended(sweep, 0))
    best.conclude()
    assert rows(run) is None
    assert "best_child_run_id" not in run.record.properties()


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_result_is_kept(sweep: RunLayout, run: HyperDriveRun, value: float) -> None:
    outcome.Best(run, UP).take(ended(sweep, 0, value))
    assert outcome.last_row(run.record) == ("HD_1_0", value, False)


def test_the_last_row_of_a_record_without_is_none(sweep: RunLayout) -> None:
    assert outcome.last_row(RunRecord(sweep.root)) == (None, None, False)


@pytest.mark.parametrize(
    ("text", "found"), [('{"lr": 0.1}', {"lr": 0.1}), ("{", {}), ("[1]", {}), (None, {}), ("", {})]
)
def test_parameters_are_read_from_a_tag(text: Any, found: Any) -> None:
    assert outcome.parsed(text) == found


def test_scores_are_what_was_logged_under_the_name(layout: WorkspaceLayout) -> None:
    logged = [
        metric("score", 0.5),
        metric("other", 9),
        metric("score", [0.7, "x"], "list"),
        metric("row", {"a": 1}, "row"),
    ]
    record = RunRecord(make_run(layout, "r", events_by_writer={"w": logged}).root)
    assert outcome.scores(record, UP) == [0.5, 0.7]
    assert outcome.scores(record, PrimaryMetric("row", PrimaryMetricGoal.MAXIMIZE)) == []
    assert outcome.scores(record, PrimaryMetric("none", PrimaryMetricGoal.MAXIMIZE)) == []


def test_what_earlier_sweeps_found_is_their_ended_trials_best(
    layout: WorkspaceLayout, sweep: RunLayout, configured: Any
) -> None:
    make_trial(sweep, 0, {"lr": 0.1}, [0.2, 0.6, 0.4])
    make_trial(sweep, 1, {"lr": 0.2}, [], state=states.FAILED)
    make_trial(sweep, 2, {"lr": 0.3}, [0.9], state=states.RUNNING)
    make_trial(sweep, 3, {"lr": 0.4}, [0.1], state=states.CANCELED)
    make_run(layout, "no_trial", parent=sweep.run_id)
    other = make_sweep(layout, "HD_2", configured())
    make_trial(other, 0, {"lr": 0.5}, [0.8])
    assert outcome.known_of(layout, ["HD_2", "HD_1", "HD_gone"], UP) == [
        Known({"lr": 0.5}, 0.8, True),
        Known({"lr": 0.1}, 0.6, True),
        Known({"lr": 0.2}, None, True),
        Known({"lr": 0.4}, 0.1, True),
    ]


def test_the_sweep_as_its_submitter_reads_it(sweep: RunLayout, run: HyperDriveRun) -> None:
    make_trial(sweep, 0, {"lr": 0.1}, [0.2, 0.6, 0.4])
    make_trial(sweep, 1, {"lr": 0.2}, [], state=states.FAILED)
    make_trial(sweep, 2, {"lr": 0.3}, [0.9], state=states.CANCELED)
    make_trial(sweep, 3, {"lr": 0.4}, [math.nan])
    make_trial(sweep, 4, {"lr": 0.5}, [0.6])
    # NaN is the worst result, and a result.
    ranked = run.get_children_sorted_by_primary_metric()
    assert [each["run_id"] for each in ranked] == ["HD_1_2", "HD_1_0", "HD_1_4", "HD_1_3", "HD_1_1"]
    assert ranked[0] == {
        "run_id": "HD_1_2",
        "hyperparameters": '{"lr": 0.3}',
        "best_primary_metric": 0.9,
        "status": "Canceled",
    }
    assert [each["run_id"] for each in run.get_children_sorted_by_primary_metric(top=1)] == ["HD_1_2"]
    worst = run.get_children_sorted_by_primary_metric(reverse=True)
    assert [each["run_id"] for each in worst] == ["HD_1_3", "HD_1_4", "HD_1_0", "HD_1_2", "HD_1_1"]
    measured = run.get_children_sorted_by_primary_metric(discard_no_metric=True)
    assert [each["run_id"] for each in measured] == ["HD_1_2", "HD_1_0", "HD_1_4", "HD_1_3"]
    best = run.get_best_run_by_primary_metric()
    without = run.get_best_run_by_primary_metric(include_canceled=False)
    assert (best and best.id, without and without.id) == ("HD_1_2", "HD_1_0")
    assert {key: json.loads(value) for key, value in run.get_hyperparameters().items()} == {
        f"HD_1_{number}": {"lr": (number + 1) / 10} for number in range(5)
    }
    assert run.get_metrics()["HD_1_0"] == {"score": [0.2, 0.6, 0.4]}


def test_a_sweep_without_results_has_no_best_run(sweep: RunLayout, run: HyperDriveRun) -> None:
    make_trial(sweep, 0, {"lr": 0.1}, [])
    assert run.get_best_run_by_primary_metric() is None


def test_the_best_run_may_be_one_of_a_sweep_that_this_one_goes_on_from(
    layout: WorkspaceLayout, sweep: RunLayout, workspace: Workspace, configured: Any
) -> None:
    make_trial(sweep, 0, {"lr": 0.1}, [0.9])
    later = make_sweep(layout, "HD_2", configured(), resume_from=["HD_1", "HD_gone"])
    make_trial(later, 0, {"lr": 0.2}, [0.5])
    run = Run.get(workspace, "HD_2")
    assert isinstance(run, HyperDriveRun)
    best, own = run.get_best_run_by_primary_metric(), run.get_best_run_by_primary_metric(include_resume_from_runs=False)
    assert (best and best.id, own and own.id) == ("HD_1_0", "HD_2_0")
