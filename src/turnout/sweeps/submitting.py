"""One submit of a sweep: what all its trials have in common is found out once, and the controller's run is handed over."""

from __future__ import annotations

import contextlib
import json
import os
import secrets as random_numbers
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import turnout
from turnout import submission
from turnout.runtime import handed
from turnout.runtime.record import SWEEP_RUN
from turnout.runtime.script import ownership
from turnout.sweeps import resuming, samplers
from turnout.sweeps.settings import MEMBER
from turnout.targets.compute_target import LOCAL_TARGET

if TYPE_CHECKING:
    from turnout.experiment import Experiment
    from turnout.run import Run
    from turnout.sweeps.hyperdrive_config import HyperDriveConfig
    from turnout.sweeps.hyperdrive_run import HyperDriveRun

_OWN = ("id", "number", "created", "display_name", "parent", "root", "tags", handed.MEMBER)
"""What a trial has for itself."""
_OF_TRIALS = ("inputs", "outputs")
"""What a sweep itself neither reads nor leaves."""
_CONTROLLER = {"cpus": 0, "gpus": 0, "priority": 0}
"""A controller takes no slot."""


def submit(
    experiment: Experiment,
    config: HyperDriveConfig,
    tags: Mapping[str, str],
    run_id: str | None = None,
    display_name: str | None = None,
    report: Callable[[str], None] | None = None,
    parent: Run | None = None,
    on_submitted: Callable[[Run], None] | None = None,
    secrets: Mapping[str, str | None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    collect: int | None = None,
    **kwargs: Any,
) -> HyperDriveRun:
    """Submit a sweep; the arguments are those of `submission.submit`.

    Raises:
        UserErrorException: something in the configuration can't be used; nothing was recorded.
    """
    from turnout.sweeps.hyperdrive_run import HyperDriveRun

    submission.say_unused(kwargs)
    say = report or (lambda line: None)
    workspace = experiment.workspace
    identity = ownership.check_id(run_id or config.custom_run_id or f"HD_{uuid.uuid4()}")
    settings = config.serialize()
    seed = settings["generator_config"].get("properties", {}).get("seed", random_numbers.randbelow(2**31))
    samplers.make(config.sampling.name, config.sampling.space, config.primary_metric, seed)  # says what it lacks
    submission.require_locks(workspace.home)
    with contextlib.ExitStack() as kept:
        kept.enter_context(submission.recording(workspace.home, say))
        # The space is among the tags, so that a secret in it is refused like one in them.
        told = {**tags, "generator_config": json.dumps(settings["generator_config"])}
        plan = submission.prepare(experiment, config.run_config, told, identity, display_name, say, secrets)
        if collect is not None:
            plan.definition["collect"] = collect
        resumed = resuming.checked(workspace, config, plan.definition)
        given = _handed_over(plan)
        if _is_elsewhere(plan) and not plan.failure:
            from turnout import handover  # a local sweep needs none of it

            handover.bring(workspace, plan.definition, plan.files, plan.facts, plan.handed, say, progress)
        settings.update(resumed, seed=seed, installation=os.path.dirname(os.path.dirname(turnout.__file__)))
        definition = _definition(plan.definition, identity, settings, config, display_name, tags)
        definition["number"] = experiment.next_number()
        submission.belong_to(parent, definition, workspace.layout)
        sweep = submission.Plan(definition, given, plan.files, plan.notices)
        sweep.failure, sweep.failure_words = plan.failure, plan.failure_words
        if not plan.failure:
            definition[handed.MEMBER] = handed.new_name()
        run = workspace.layout.run(identity)
        submitted = HyperDriveRun(experiment, identity, config)
        tell = (lambda: None) if on_submitted is None else (lambda: on_submitted(submitted))
        submission.record_here(experiment, sweep, run, kept.close, tell)
    return submitted


def _is_elsewhere(plan: submission.Plan) -> bool:
    from turnout.targets.compute_target import is_local

    return not is_local(plan.definition["target"])


def _handed_over(plan: submission.Plan) -> handed.Handed:
    """Return what the controller is given: the submitter's variables, for itself or for trials here, and the trials' secrets."""
    if not _is_elsewhere(plan):
        return plan.handed
    from turnout.runtime import variables

    own = variables.inheritable(os.environ)
    told = {name: value for name, value in own.items() if name not in plan.handed.secrets}
    return handed.Handed(told, plan.handed.secrets, plan.handed.tools)


def _definition(
    trial: dict[str, Any],
    identity: str,
    settings: dict[str, Any],
    config: HyperDriveConfig,
    display_name: str | None,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the sweep's run.json.

    Args:
        trial: a trial's.
        identity: the sweep's id.
        settings: the content of its member `sweep`, but for the trial.
        config: what was submitted.
        display_name: a name for people.
        tags: the person's tags.
    """
    common = {name: value for name, value in trial.items() if name not in _OWN}
    size = config.sampling.space.size()
    properties = {
        **trial["properties"],
        "_azureml.ComputeTargetType": trial["target"]["type"],
        "primary_metric_config": json.dumps(settings["primary_metric_config"]),
        "resume_from": json.dumps(settings["resume_from"] or None),
        "runTemplate": "HyperDrive",
        "azureml.runsource": "hyperdrive",
        "platform": "AML",
        "space_size": "infinite_space_size" if size is None else str(size),
    }
    kept = {name: settings[name] for name in ("generator_config", "primary_metric_config", "policy_config")}
    limits = ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")
    return {
        **{name: value for name, value in common.items() if name not in _OF_TRIALS},
        "id": identity,
        "number": None,
        "created": time.time(),
        "display_name": display_name or identity,
        "type": SWEEP_RUN,
        "parent": None,
        "root": identity,
        "target": dict(LOCAL_TARGET),
        "resources": dict(_CONTROLLER),
        "environment": _environment(trial["environment"]),
        "tags": {
            **{name: json.dumps(value) for name, value in kept.items()},
            **{name: str(settings[name]) for name in limits},
            **{str(key): None if value is None else str(value) for key, value in tags.items()},
        },
        "properties": properties,
        "variables": {**trial["variables"], "configured": {}},
        MEMBER: {**settings, "trial": common},
    }


def _environment(trial: dict[str, Any]) -> dict[str, Any]:
    """Return the controller's environment: the interpreter that submits, with the definition of the trials' own."""
    from turnout.environments.kinds import existing

    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    lock = {"interpreter": os.path.abspath(sys.executable), "python": python, "platform": trial.get("platform") or ""}
    return {
        "name": trial.get("name"),
        "version": trial.get("version"),
        "kind": "existing",
        "key": existing.key(lock),
        "python": python,
        "platform": lock["platform"],
        "lock": lock,
        "variables": {},
        "definition": trial.get("definition"),
    }
