"""The rules of the early termination policies: which trial ends at which interval, and why. No I/O.

v1's formulas, for a metric to maximise (Azure ML SDK v1, `azureml.train.hyperdrive`, and its how-to): Bandit ends a run
whose best value Y so far has Y * (1 + slack_factor) < best, or Y < best - slack_amount; median stopping, one whose best
value so far is worse than the median of the running averages of all runs; truncation selection, the lowest X %. Where v1
left a rule open, it is chosen here:

- minimise: the mirror, Y > best * (1 + slack_factor) and Y > best + slack_amount.
- values below zero: the slack is measured from |best|, so that the best run never ends itself. For values above zero that is
  v1's formula.
- compared are, at interval N, the runs that have logged N values and those that ended before; each with what it had logged
  up to N. Bandit also counts what younger runs have logged: their best at N can only be better.
- ties go on; a value that is no number (NaN) is worse than every number, and a running average that is none isn't counted.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from turnout.sweeps.primary_metric import PrimaryMetric


class Series:
    """What one trial has logged of the primary metric.

    Attributes:
        values: in order; value N is interval N, from 1.
        ended: whether nothing follows.
    """

    __slots__ = ("ended", "values")

    def __init__(self, values: list[float], ended: bool = False) -> None:
        self.values = values
        self.ended = ended

    def reached(self, interval: int) -> bool:
        """Say whether it can be compared at an interval."""
        return len(self.values) >= interval or (self.ended and bool(self.values))


class Rule:
    """One policy's rule.

    Args:
        metric: the primary metric.
        properties: the policy's settings.
    """

    def __init__(self, metric: PrimaryMetric, properties: Mapping[str, Any]) -> None:
        self.metric = metric
        self.interval = int(properties.get("evaluation_interval", 1))
        self.delay = int(properties.get("delay_evaluation", 0))

    def looks_at(self, interval: int) -> bool:
        """Say whether trials are looked at when they reach an interval."""
        return interval % self.interval == 0 and interval >= self.delay

    def decide(self, trial: Series, interval: int, all_trials: Iterable[Series]) -> str:
        """Return why a trial ends at an interval that it has reached; empty when it goes on.

        Args:
            trial: which one.
            interval: from 1.
            all_trials: of the sweep, this one among them.
        """
        raise NotImplementedError

    def best(self, trial: Series, interval: int) -> float:
        """Return a trial's best value up to an interval."""
        found = self.metric.best(trial.values[:interval])
        return math.nan if found is None else found


class Bandit(Rule):
    """Too far behind the best."""

    def __init__(self, metric: PrimaryMetric, properties: Mapping[str, Any]) -> None:
        super().__init__(metric, properties)
        self.factor: float | None = properties.get("slack_factor")
        self.amount = float(properties.get("slack_amount") or 0.0)

    def decide(self, trial: Series, interval: int, all_trials: Iterable[Series]) -> str:
        """Compare with the best value of all trials up to this interval."""
        own = self.best(trial, interval)
        best = self.metric.best(self.best(other, interval) for other in all_trials)
        if best is None or not self.metric.better(best, own):
            return ""
        if math.isnan(own):
            return f"bandit: best nan, and {_shown(best)} of another, at interval {interval}"
        if self.metric.better(self.limit(best), own):
            sign = "<" if self.metric.maximize else ">"
            return f"bandit: best {_shown(own)} {sign} {self.spoken(best)} at interval {interval}"
        return ""

    def limit(self, best: float) -> float:
        """Return the worst value that goes on."""
        if self.factor is None:
            return best - self.amount if self.metric.maximize else best + self.amount
        if self.metric.maximize:
            return best / (1 + self.factor) if best >= 0 else best * (1 + self.factor / (1 + self.factor))
        return best * (1 + self.factor) if best >= 0 else best * (1 - self.factor)

    def spoken(self, best: float) -> str:
        """Return the limit as a person reads it: `0.93 / 1.2`."""
        if self.factor is None:
            return f"{_shown(best)} {'-' if self.metric.maximize else '+'} {_shown(self.amount)}"
        if best < 0:
            return f"{_shown(self.limit(best))} ({_shown(best)} with a slack of {_shown(self.factor)})"
        return f"{_shown(best)} {'/' if self.metric.maximize else '*'} {_shown(1 + self.factor)}"


class Median(Rule):
    """Worse than the median of the running averages."""

    def decide(self, trial: Series, interval: int, all_trials: Iterable[Series]) -> str:
        """Compare with the averages over 1..interval of the trials that have reached it, or ended before."""
        averages = [_average(other.values[:interval]) for other in all_trials if other.reached(interval)]
        averages = [average for average in averages if not math.isnan(average)]
        if not averages:
            return ""
        median = statistics.median(averages)
        own = self.best(trial, interval)
        if not self.metric.better(median, own):
            return ""
        sign = "<" if self.metric.maximize else ">"
        compared = f"median {_shown(median)} of {len(averages)} averages"
        return f"median stopping: best {_shown(own)} {sign} {compared} at interval {interval}"


class Truncation(Rule):
    """Among the worst percent."""

    def __init__(self, metric: PrimaryMetric, properties: Mapping[str, Any]) -> None:
        super().__init__(metric, properties)
        self.percentage = int(properties["truncation_percentage"])
        self.excludes_ended = bool(properties.get("exclude_finished_jobs"))

    def decide(self, trial: Series, interval: int, all_trials: Iterable[Series]) -> str:
        """Rank the bests up to this interval; the whole number of trials that the percentage comes to, rounded down, ends."""
        own = self.best(trial, interval)
        field = [
            self.best(other, interval)
            for other in all_trials
            if other.reached(interval) and not (other.ended and self.excludes_ended and other is not trial)
        ]
        lowest = len(field) * self.percentage // 100
        ahead = sum(self.metric.better(value, own) for value in field)
        if not lowest or ahead < len(field) - lowest:
            return ""
        return (
            f"truncation selection: best {_shown(own)} is among the worst {self.percentage} % "
            f"of {len(field)} trials at interval {interval}"
        )


class Asha(Rule):
    """Not among the best at a rung."""

    def __init__(self, metric: PrimaryMetric, properties: Mapping[str, Any]) -> None:
        super().__init__(metric, {})
        self.factor = int(properties["reduction_factor"])
        self.first = int(properties["min_intervals"])

    def looks_at(self, interval: int) -> bool:
        """Say whether an interval is a rung."""
        rung = self.first
        while rung < interval:
            rung *= self.factor
        return rung == interval

    def decide(self, trial: Series, interval: int, all_trials: Iterable[Series]) -> str:
        """Rank the bests of those that have reached the rung; one of `reduction_factor`, at least one, goes on."""
        own = self.best(trial, interval)
        field = [self.best(other, interval) for other in all_trials if len(other.values) >= interval]
        kept = max(1, len(field) // self.factor)
        ahead = sum(self.metric.better(value, own) for value in field)
        if ahead < kept:
            return ""
        return f"ASHA: best {_shown(own)} is not among the best {kept} of {len(field)} trials that reached interval {interval}"


RULES: dict[str, type[Rule]] = {
    "Bandit": Bandit,
    "MedianStopping": Median,
    "TruncationSelection": Truncation,
    "ASHA": Asha,
}
"""Each policy's name → its rule; `Default` has none."""


def rule_for(policy: Mapping[str, Any], metric: PrimaryMetric) -> Rule | None:
    """Return the rule of a policy in its JSON form; None where every trial goes to its end."""
    made = RULES.get(str(policy.get("name")))
    return None if made is None else made(metric, policy.get("properties") or {})


def _average(values: list[float]) -> float:
    """Return the mean of values, of which there is one at least; NaN where there is none, as between two infinities."""
    try:
        return statistics.fmean(values)
    except (OverflowError, ValueError):  # a sum beyond the floats, or one of two infinities
        endless = {value for value in values if math.isinf(value)}
        if endless:
            return endless.pop() if len(endless) == 1 and not any(map(math.isnan, values)) else math.nan
        return math.fsum(value / len(values) for value in values)


def _shown(value: float) -> str:
    return f"{value:.4g}"
