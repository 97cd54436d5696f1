from __future__ import annotations

from typing import Any

import pytest

from turnout import Experiment, Run, UserErrorException, Workspace
from turnout.runtime import states
from turnout.runtime.layout import RunLayout, WorkspaceLayout
from turnout.sweeps import HyperDriveRun
from turnout.sweeps.exceptions import HyperDriveException, HyperDriveNotImplementedException
from turnout.testing.records import make_run
from turnout.testing.sweeps import make_sweep, make_trial


@pytest.fixture
def sweep(layout: WorkspaceLayout, configured: Any) -> RunLayout:
    return make_sweep(layout, "HD_1", configured(), experiment="mine")


def test_a_sweep_is_found_by_its_class_or_by_its_id(sweep: RunLayout, workspace: Workspace) -> None:
    made = HyperDriveRun(Experiment(workspace, "mine"), "HD_1")
    found = Run.get(workspace, "HD_1")
    assert isinstance(found, HyperDriveRun)
    assert (made, made.type, made.hyperdrive_config) == (found, "hyperdrive", None)
    assert made.get_details()["target"] == "local"
    assert (made.settings.metric.name, made.settings.total, made.settings.seed) == ("score", 10, 1)


def test_a_run_that_is_no_sweep_is_refused(layout: WorkspaceLayout, workspace: Workspace) -> None:
    make_run(layout, "plain_1")
    with pytest.raises(UserErrorException) as caught:
        HyperDriveRun(Experiment(workspace, "mine"), "plain_1")
    assert str(caught.value) == "the run plain_1 is no sweep; Run.get(workspace, run_id) returns it"


def test_what_v1_never_carried_out_says_so(sweep: RunLayout, workspace: Workspace) -> None:
    run = HyperDriveRun(Experiment(workspace, "mine"), "HD_1")
    for method, words in ((run.get_diagnostics, "get_details"), (run.fail, "cancel")):
        with pytest.raises(HyperDriveNotImplementedException, match=words) as caught:
            method()
        assert isinstance(caught.value, HyperDriveException)


@pytest.mark.parametrize("top", [-1, 1.0, "1", True, None])
def test_how_many_trials_is_a_whole_number(sweep: RunLayout, workspace: Workspace, top: Any) -> None:
    run = HyperDriveRun(Experiment(workspace, "mine"), "HD_1")
    with pytest.raises(UserErrorException) as caught:
        run.get_children_sorted_by_primary_metric(top=top)
    assert str(caught.value) == f"top is a whole number of 0 or more, not {top!r}"


def test_a_metric_to_be_small_has_its_smallest_value_as_the_best(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any
) -> None:
    from turnout.sweeps import PrimaryMetricGoal

    run = make_sweep(layout, "HD_2", configured(primary_metric_goal=PrimaryMetricGoal.MINIMIZE))
    make_trial(run, 0, {"lr": 0.1}, [0.5, 0.2, 0.9])
    make_trial(run, 1, {"lr": 0.2}, [0.3])
    make_trial(run, 2, {"lr": 0.3}, [0.1], state=states.FAILED)
    found = Run.get(workspace, "HD_2")
    assert isinstance(found, HyperDriveRun)
    told = found.get_children_sorted_by_primary_metric(top=2)
    assert [(each["run_id"], each["best_primary_metric"]) for each in told] == [("HD_2_2", 0.1), ("HD_2_0", 0.2)]
    best = found.get_best_run_by_primary_metric(include_failed=False)
    assert (best and best.id) == "HD_2_0"
