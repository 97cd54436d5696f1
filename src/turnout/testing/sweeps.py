"""Makes the records of sweeps and trials as a submitter, a controller and a script would leave them, without any of the three."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnout.runtime import events, states
from turnout.runtime.record import SWEEP_RUN, RunRecord
from turnout.sweeps.settings import HYPERPARAMETERS, MEMBER, trial_id
from turnout.testing.records import make_run, metric, write_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from turnout.runtime.layout import RunLayout, WorkspaceLayout
    from turnout.sweeps.hyperdrive_config import HyperDriveConfig

LOCAL = {"name": "local", "type": "local", "reach": "local", "schedule": "process"}


def make_sweep(
    workspace: WorkspaceLayout,
    run_id: str,
    config: HyperDriveConfig,
    *,
    seed: int = 1,
    target: Mapping[str, Any] = LOCAL,
    resume_from: Iterable[str] = (),
    **more: Any,
) -> RunLayout:
    """Make a sweep's record, without trials.

    Args:
        workspace: where.
        run_id: its id.
        config: what it was configured with.
        seed: from which its draws follow.
        target: of its trials.
        resume_from: the ids of the sweeps that it goes on from.
        **more: of `make_run`, such as `state`.
    """
    kept: dict[str, Any] = {
        **config.serialize(),
        "seed": seed,
        "resume_from": list(resume_from),
        "resume_child_runs": [],
        "trial": {"target": dict(target), "arguments": [], "configuration": {}, "variables": {}},
    }
    definition: dict[str, Any] = {"type": SWEEP_RUN, MEMBER: kept, **more}
    return make_run(workspace, run_id, **definition)


def make_trial(
    sweep: RunLayout,
    number: int,
    parameters: Mapping[str, Any],
    logged: Iterable[Any] = (),
    *,
    name: str = "score",
    **more: Any,
) -> RunLayout:
    """Make a trial's record, announced in that of its sweep.

    Args:
        sweep: the sweep.
        number: of the trial, from 0.
        parameters: its parameters.
        logged: what it has logged of the primary metric.
        name: the primary metric's name.
        **more: of `make_run`, such as `state`.
    """
    identity = trial_id(sweep.run_id, number)
    told = json.dumps(dict(parameters))
    write_events(
        sweep, [{"e": events.CHILD, "id": identity}, {"e": events.TAG, "key": identity, "value": told}], "controller"
    )
    definition: dict[str, Any] = {
        "parent": sweep.run_id,
        "root": RunRecord(sweep.root).definition["root"],
        "tags": {HYPERPARAMETERS: told},
        MEMBER: {"number": number, "parameters": dict(parameters)},
        "state": states.COMPLETED,
        "events_by_writer": {"script": [metric(name, value) for value in logged]},
        **more,
    }
    return make_run(sweep.workspace, identity, **definition)
