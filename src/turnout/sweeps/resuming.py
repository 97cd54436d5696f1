"""Warm start: what a sweep takes over from earlier ones, checked by v1's rules when it is submitted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from turnout.runtime import states
from turnout.runtime.record import SWEEP_RUN
from turnout.sweeps import space
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.settings import MEMBER, parameters_of

if TYPE_CHECKING:
    from turnout.sweeps.hyperdrive_config import HyperDriveConfig
    from turnout.workspace import Workspace

MOST_PARENTS = 5
MOST_RUNS = 1000
"""Of all sweeps together that one goes on from, as far as their configurations say."""


def checked(workspace: Workspace, config: HyperDriveConfig, trial: dict[str, Any]) -> dict[str, Any]:
    """Return what the record of a sweep keeps of what it takes over: `resume_from` and `resume_child_runs`.

    Args:
        workspace: where the earlier runs must be.
        config: the sweep's configuration.
        trial: the run.json that its trials have in common.

    Raises:
        HyperDriveConfigException: something doesn't fit; the message names the run.
    """
    sweeps = [_sweep(workspace, config, run) for run in config.resumed_sweeps]
    ids = [run.id for run in config.resumed_sweeps]
    _refuse_twice("resume_from", ids)
    if len(ids) > MOST_PARENTS:
        raise HyperDriveConfigException(f"resume_from takes at most {MOST_PARENTS} sweeps, not {len(ids)}")
    total = sum(int(sweep["max_total_jobs"]) for sweep in sweeps) + int(config.serialize()["max_total_jobs"])
    if sweeps and total > MOST_RUNS:
        raise HyperDriveConfigException(
            f"max_total_runs of this sweep and of those in resume_from come to {total}, more than {MOST_RUNS}; lower it"
        )
    return {"resume_from": ids, "resume_child_runs": _trials(workspace, config, trial)}


def _sweep(workspace: Workspace, config: HyperDriveConfig, run: Any) -> dict[str, Any]:
    """Return the settings of an earlier sweep. Raises HyperDriveConfigException when it doesn't fit."""
    record = _record(workspace, "resume_from", run)
    if record.definition.get("type") != SWEEP_RUN:
        raise HyperDriveConfigException(f"resume_from: {run.id} is no sweep; give a HyperDriveRun")
    state = run.get_status()
    if state not in (states.COMPLETED, states.CANCELED):
        raise HyperDriveConfigException(f"resume_from: {run.id} is {state}; it has to be Completed or Canceled")
    settings: dict[str, Any] = record.definition[MEMBER]
    mine = config.serialize()
    if settings["primary_metric_config"] != mine["primary_metric_config"]:
        theirs = settings["primary_metric_config"]
        raise HyperDriveConfigException(
            f"resume_from: {run.id} was to {theirs['goal']} {theirs['name']!r}, which is another primary metric"
        )
    name = config.sampling.name
    same = settings["generator_config"]["parameter_space"] == mine["generator_config"]["parameter_space"]
    if name == "BayesianOptimization" and not same:
        raise HyperDriveConfigException(
            f"resume_from: {run.id} has another parameter space, from which Bayesian sampling can't learn"
        )
    return settings


def _trials(workspace: Workspace, config: HyperDriveConfig, trial: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the trials that are to run again: their old ids, parameters and further arguments."""
    runs = config.resumed_trials
    records = [_record(workspace, "resume_child_runs", run) for run in runs]
    _refuse_twice("resume_child_runs", [run.id for run in runs])
    most = int(config.serialize()["max_total_jobs"])
    if len(runs) > most:
        raise HyperDriveConfigException(f"resume_child_runs: {len(runs)} are more than max_total_runs, {most}")
    found, parents = [], set()
    for run, record in zip(runs, records, strict=True):
        definition = record.definition
        parents.add(definition.get("parent"))
        state = run.get_status()
        if not definition.get(MEMBER) or not definition.get("parent") or definition.get("type") == SWEEP_RUN:
            raise HyperDriveConfigException(f"resume_child_runs: {run.id} is no trial of a sweep")
        if not states.is_final(state):
            raise HyperDriveConfigException(f"resume_child_runs: {run.id} is {state}; it has to have ended")
        theirs = {space.flag(name): value for name, value in parameters_of(definition).items()}
        mine = {space.flag(each.name): each.name for each in config.sampling.space.parameters}
        unknown = mine.keys() ^ theirs.keys()
        if unknown:
            raise HyperDriveConfigException(
                f"resume_child_runs: {run.id} and this sweep's space differ in {', '.join(sorted(unknown))}"
            )
        values = {name: theirs[each] for each, name in mine.items()}
        further = ["--resume-from", _outputs(workspace, run, definition, trial)]
        found.append({"id": run.id, "parameters": values, "arguments": further})
    if len(parents) > MOST_PARENTS:
        raise HyperDriveConfigException(
            f"resume_child_runs: they come from {len(parents)} sweeps; at most {MOST_PARENTS} can be"
        )
    return found


def _outputs(workspace: Workspace, run: Any, definition: dict[str, Any], trial: dict[str, Any]) -> str:
    """Return where the earlier trial's outputs lie on the machine of this sweep's trials."""
    from turnout.targets.compute_target import directory, is_local

    mine, theirs = trial["target"], definition["target"]
    if is_local(mine):
        return os.path.join(run.layout.code, "outputs")  # brought here when it ended, wherever it ran
    if theirs.get("id") != mine.get("id"):
        raise HyperDriveConfigException(
            f"resume_child_runs: {run.id} ran on {theirs.get('name')}, and its outputs are not on {mine.get('name')}; "
            f"give this sweep the target {theirs.get('name')}"
        )
    return os.path.join(directory(theirs, workspace.id, run.layout), "code", "outputs")


def _record(workspace: Workspace, what: str, run: Any) -> Any:
    from turnout.run import Run

    if not isinstance(run, Run):
        raise HyperDriveConfigException(f"{what} takes runs, not {run!r}")
    if run.layout.workspace.root != workspace.layout.root or not run.record.exists():
        raise HyperDriveConfigException(f"{what}: {run.id} is not in the workspace {workspace.name!r}")
    return run.record


def _refuse_twice(what: str, ids: list[str]) -> None:
    for place, run_id in enumerate(ids):
        if run_id in ids[:place]:
            raise HyperDriveConfigException(f"{what} has {run_id} twice")
