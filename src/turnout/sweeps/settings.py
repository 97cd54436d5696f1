"""A sweep as its record keeps it: the member `sweep` of run.json, read back. No I/O."""

from __future__ import annotations

from typing import Any

from turnout.sweeps import sampling
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.space import Space, Values

MEMBER = "sweep"
"""What run.json calls it, of the sweep and of each trial."""
HYPERPARAMETERS = "hyperparameters"
"""The tag of a trial that holds its parameters, as v1 has it."""


class Settings:
    """What a controller works from.

    Attributes:
        sampling: v1's name of the way trials are drawn.
        space: the search space.
        metric: the primary metric.
        policy: the policy in its JSON form.
        total: the most trials.
        concurrent: the most at a time.
        seconds: how long the sweep may take.
        seed: from which every draw follows.
        trial: what all trials have in common: a run.json without an id.
        resumed_from: the ids of the sweeps that it goes on from.
        resumed: the trials that are run again first: `id` of the old run, `parameters`, `arguments`.

    Args:
        definition: the content of the sweep's run.json.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        kept = definition[MEMBER]
        generator = kept["generator_config"]
        metric = kept["primary_metric_config"]
        self.sampling = str(generator["name"])
        self.space: Space = sampling.from_json(generator).space
        self.metric = PrimaryMetric(str(metric["name"]), PrimaryMetricGoal.from_str(metric["goal"]))
        self.policy: dict[str, Any] = kept["policy_config"]
        self.total = int(kept["max_total_jobs"])
        self.concurrent = int(kept["max_concurrent_jobs"])
        self.seconds = float(kept["max_duration_minutes"]) * 60
        self.seed = int(kept["seed"])
        self.trial: dict[str, Any] = kept["trial"]
        self.resumed_from: list[str] = list(kept.get("resume_from") or [])
        self.resumed: list[dict[str, Any]] = list(kept.get("resume_child_runs") or [])


def trial_id(sweep: str, number: int) -> str:
    """Return the id of a sweep's trial, counted from 0 (v1's form)."""
    return f"{sweep}_{number}"


def number_of(run_id: str) -> int:
    """Return a trial's number from its id."""
    return int(run_id.rpartition("_")[2])


def parameters_of(definition: dict[str, Any]) -> Values:
    """Return the parameters of a trial from its run.json; none for a run that is no trial."""
    return dict((definition.get(MEMBER) or {}).get("parameters") or {})
