from __future__ import annotations

import os
from typing import Any

import pytest

from turnout import Run, Workspace
from turnout.runtime import runlock, states
from turnout.runtime.layout import WorkspaceLayout
from turnout.sweeps import (
    BayesianParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    resuming,
    uniform,
)
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.testing.records import make_run, make_workspace
from turnout.testing.sweeps import LOCAL, make_sweep, make_trial

TRIAL = {"target": LOCAL}
BOX = {"name": "box", "type": "remote", "reach": "ssh", "schedule": "process", "id": "b" * 32, "home": "/far/home"}
BAYESIAN = BayesianParameterSampling({"lr": uniform(0, 1)})


@pytest.fixture
def get(workspace: Workspace) -> Any:
    return lambda name: Run.get(workspace, name)


@pytest.fixture
def refused(workspace: Workspace) -> Any:
    """Return what is said of a configuration that can't go on from what it names."""

    def call(config: HyperDriveConfig, trial: dict[str, Any] = TRIAL) -> str:
        with pytest.raises(HyperDriveConfigException) as caught:
            resuming.checked(workspace, config, trial)
        return str(caught.value)

    return call


def test_a_sweep_that_resumes_nothing_says_so(workspace: Workspace, configured: Any) -> None:
    assert resuming.checked(workspace, configured(), TRIAL) == {"resume_from": [], "resume_child_runs": []}


def test_ended_sweeps_and_trials_are_kept_by_id(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any, get: Any
) -> None:
    first = make_sweep(layout, "HD_1", configured())
    second = make_sweep(layout, "HD_2", configured(), state=states.CANCELED)
    trials = [make_trial(first, 3, {"lr": 0.5}), make_trial(second, 0, {"lr": 0.1}, state=states.FAILED)]
    config = configured(resume_from=[get("HD_1"), get("HD_2")], resume_child_runs=[get("HD_1_3"), get("HD_2_0")])
    assert resuming.checked(workspace, config, TRIAL) == {
        "resume_from": ["HD_1", "HD_2"],
        "resume_child_runs": [
            {"id": run.run_id, "parameters": values, "arguments": ["--resume-from", os.path.join(run.code, "outputs")]}
            for run, values in zip(trials, ({"lr": 0.5}, {"lr": 0.1}), strict=True)
        ],
    }


def test_parameters_get_the_names_that_this_sweep_gives_them(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any, get: Any
) -> None:
    make_trial(make_sweep(layout, "HD_1", configured()), 0, {"lr": 0.5, "--n": 3})
    sampling = RandomParameterSampling({"n": choice(1, 2), "--lr": uniform(0, 1)})
    config = configured(hyperparameter_sampling=sampling, resume_child_runs=get("HD_1_0"))
    kept = resuming.checked(workspace, config, TRIAL)["resume_child_runs"]
    assert list(kept[0]["parameters"].items()) == [("n", 3), ("--lr", 0.5)]


@pytest.mark.parametrize("state", [states.RUNNING, states.FAILED, states.QUEUED])
def test_a_sweep_has_to_be_completed_or_canceled(
    layout: WorkspaceLayout, configured: Any, get: Any, refused: Any, state: str
) -> None:
    run = make_sweep(layout, "HD_1", configured(), state=state)
    runlock.acquire(run.lock)  # as if its supervisor lived
    said = refused(configured(resume_from=get("HD_1")))
    assert said == f"resume_from: HD_1 is {state}; it has to be Completed or Canceled"


def test_a_sweep_has_to_have_the_same_primary_metric(
    layout: WorkspaceLayout, configured: Any, get: Any, refused: Any
) -> None:
    make_sweep(layout, "HD_1", configured(primary_metric_goal=PrimaryMetricGoal.MINIMIZE))
    make_sweep(layout, "HD_2", configured(primary_metric_name="loss"))
    said = refused(configured(resume_from=get("HD_1")))
    assert said == "resume_from: HD_1 was to minimize 'score', which is another primary metric"
    said = refused(configured(resume_from=get("HD_2")))
    assert said == "resume_from: HD_2 was to maximize 'loss', which is another primary metric"


def test_only_bayesian_sampling_needs_the_same_space(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any, get: Any, refused: Any
) -> None:
    other = RandomParameterSampling({"lr": uniform(0, 2)})
    make_sweep(layout, "HD_1", configured(hyperparameter_sampling=other))
    make_sweep(layout, "HD_2", configured())
    assert resuming.checked(workspace, configured(resume_from=get("HD_1")), TRIAL)["resume_from"] == ["HD_1"]
    bayesian = configured(hyperparameter_sampling=BAYESIAN, max_total_runs=20, resume_from=get("HD_2"))
    assert resuming.checked(workspace, bayesian, TRIAL)["resume_from"] == ["HD_2"]
    said = refused(configured(hyperparameter_sampling=BAYESIAN, max_total_runs=20, resume_from=get("HD_1")))
    assert said == "resume_from: HD_1 has another parameter space, from which Bayesian sampling can't learn"


def test_at_most_five_sweeps_none_twice_and_a_thousand_runs(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any, get: Any, refused: Any
) -> None:
    for number in range(6):
        make_sweep(layout, f"HD_{number}", configured(max_total_runs=199))
    sweeps = [get(f"HD_{number}") for number in range(6)]
    assert refused(configured(resume_from=sweeps)) == "resume_from takes at most 5 sweeps, not 6"
    assert refused(configured(resume_from=[sweeps[0], sweeps[0]])) == "resume_from has HD_0 twice"
    assert resuming.checked(workspace, configured(max_total_runs=5, resume_from=sweeps[:5]), TRIAL)
    said = refused(configured(max_total_runs=6, resume_from=sweeps[:5]))
    assert said == "max_total_runs of this sweep and of those in resume_from come to 1001, more than 1000; lower it"


@pytest.mark.parametrize("what", ["resume_from", "resume_child_runs"])
def test_what_is_no_run_of_this_workspace_is_refused(
    layout: WorkspaceLayout, configured: Any, refused: Any, what: str
) -> None:
    assert refused(configured(**{what: "HD_1"})) == f"{what} takes runs, not 'HD_1'"
    assert refused(configured(**{what: [None, None]})) == f"{what} takes runs, not None"
    make_sweep(make_workspace(layout.home.root, "other"), "HD_9", configured())
    elsewhere = Run.get(Workspace(workspace_name="other"), "HD_9")
    assert refused(configured(**{what: elsewhere})) == f"{what}: HD_9 is not in the workspace 'default'"


def test_what_is_no_sweep_and_what_is_no_trial_is_refused(
    layout: WorkspaceLayout, configured: Any, get: Any, refused: Any
) -> None:
    make_run(layout, "plain_1")
    make_run(layout, "child_1", parent="plain_1")
    make_sweep(layout, "HD_1", configured(), parent="plain_1")
    assert refused(configured(resume_from=get("plain_1"))) == "resume_from: plain_1 is no sweep; give a HyperDriveRun"
    for name in ("plain_1", "child_1", "HD_1"):
        assert refused(configured(resume_child_runs=get(name))) == f"resume_child_runs: {name} is no trial of a sweep"


def test_trials_have_to_have_ended(layout: WorkspaceLayout, configured: Any, get: Any, refused: Any) -> None:
    trial = make_trial(make_sweep(layout, "HD_1", configured()), 0, {"lr": 0.5}, state=states.RUNNING)
    runlock.acquire(trial.lock)
    assert (
        refused(configured(resume_child_runs=get("HD_1_0")))
        == "resume_child_runs: HD_1_0 is Running; it has to have ended"
    )


def test_trials_have_to_have_the_parameters_of_the_space(
    layout: WorkspaceLayout, configured: Any, get: Any, refused: Any
) -> None:
    make_trial(make_sweep(layout, "HD_1", configured()), 0, {"lr": 0.5, "n": 3})
    said = refused(configured(resume_child_runs=get("HD_1_0")))
    assert said == "resume_child_runs: HD_1_0 and this sweep's space differ in --n"


def test_trials_are_at_most_as_many_as_there_are_to_be_none_twice_and_of_five_sweeps(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any, get: Any, refused: Any
) -> None:
    for number in range(6):
        make_trial(make_sweep(layout, f"HD_{number}", configured()), 0, {"lr": 0.5})
    trials = [get(f"HD_{number}_0") for number in range(6)]
    said = refused(configured(resume_child_runs=trials[:3], max_total_runs=2))
    assert said == "resume_child_runs: 3 are more than max_total_runs, 2"
    assert refused(configured(resume_child_runs=[trials[0], trials[0]])) == "resume_child_runs has HD_0_0 twice"
    said = refused(configured(resume_child_runs=trials))
    assert said == "resume_child_runs: they come from 6 sweeps; at most 5 can be"
    assert len(resuming.checked(workspace, configured(resume_child_runs=trials[:5]), TRIAL)["resume_child_runs"]) == 5


def test_outputs_lie_where_the_trials_run(
    layout: WorkspaceLayout, workspace: Workspace, configured: Any, get: Any, refused: Any
) -> None:
    here = make_sweep(layout, "HD_1", configured())
    make_trial(here, 0, {"lr": 0.5}, target=LOCAL)
    there = make_trial(here, 1, {"lr": 0.5}, target=BOX)
    config = configured(resume_child_runs=get("HD_1_1"))
    brought = resuming.checked(workspace, config, TRIAL)["resume_child_runs"][0]["arguments"]
    assert brought == ["--resume-from", os.path.join(there.code, "outputs")]
    far = resuming.checked(workspace, config, {"target": BOX})["resume_child_runs"][0]["arguments"][1]
    assert far.startswith("/far/home/")
    assert far.endswith("/runs/HD_1_1/code/outputs")
    said = refused(configured(resume_child_runs=get("HD_1_0")), {"target": BOX})
    assert said == (
        "resume_child_runs: HD_1_0 ran on local, and its outputs are not on box; give this sweep the target local"
    )
