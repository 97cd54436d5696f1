"""When trials are ended early, as a person configures it: v1's policies, and ASHA. `termination` has their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from turnout.sweeps.exceptions import HyperDriveConfigException


class EarlyTerminationPolicy:
    """A rule that ends trials; use one of the subclasses.

    Each time that a trial logs the primary metric is an interval. A policy looks at a trial at the intervals that are
    multiples of `evaluation_interval` and not below `delay_evaluation`.

    Args:
        name: v1's name of the rule.
        properties: its settings.
    """

    def __init__(self, name: str, properties: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._properties = dict(properties or {})

    @property
    def name(self) -> str:
        """V1's name of the rule."""
        return self._name

    def to_json(self) -> dict[str, Any]:
        """Return it as data, in v1's form: name, properties."""
        return {"name": self._name, "properties": dict(self._properties)} if self._properties else {"name": self._name}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in self._properties.items())})"


class _Periodic(EarlyTerminationPolicy):
    """One that looks every so many intervals."""

    POLICY_NAME: ClassVar[str]

    def __init__(
        self, evaluation_interval: int, delay_evaluation: int, further: Mapping[str, Any] | None = None
    ) -> None:
        settings = {
            "evaluation_interval": _whole("evaluation_interval", evaluation_interval, 1),
            "delay_evaluation": _whole("delay_evaluation", delay_evaluation, 0),
        }
        super().__init__(self.POLICY_NAME, {**settings, **(further or {})})

    @property
    def evaluation_interval(self) -> int:
        """Every how many intervals it looks."""
        return int(self._properties["evaluation_interval"])

    @property
    def delay_evaluation(self) -> int:
        """Before which interval it doesn't."""
        return int(self._properties["delay_evaluation"])


class BanditPolicy(_Periodic):
    """Ends a trial whose best value lies too far behind the best one of all trials.

    Args:
        evaluation_interval: every how many intervals it looks.
        slack_factor: the allowed distance as a share: with 0.2, a trial below best / 1.2 ends.
        slack_amount: the allowed distance itself.
        delay_evaluation: before which interval it doesn't look.

    Raises:
        HyperDriveConfigException: none or both slacks; a setting that is no number, or negative.
    """

    POLICY_NAME: ClassVar[str] = "Bandit"

    def __init__(
        self,
        evaluation_interval: int = 1,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        delay_evaluation: int = 0,
    ) -> None:
        given = {"slack_factor": slack_factor, "slack_amount": slack_amount}
        slack = {name: _not_negative(name, value) for name, value in given.items() if value is not None}
        if len(slack) != 1:
            raise HyperDriveConfigException("BanditPolicy: give either slack_factor or slack_amount")
        super().__init__(evaluation_interval, delay_evaluation, slack)

    @property
    def slack_factor(self) -> float | None:
        """The allowed distance as a share; None when it is an amount."""
        return self._properties.get("slack_factor")

    @property
    def slack_amount(self) -> float | None:
        """The allowed distance; None when it is a share."""
        return self._properties.get("slack_amount")


class MedianStoppingPolicy(_Periodic):
    """Ends a trial whose best value is worse than the median of the running averages of all trials.

    Args:
        evaluation_interval: every how many intervals it looks.
        delay_evaluation: before which interval it doesn't.

    Raises:
        HyperDriveConfigException: a setting that is no whole number, or too small.
    """

    POLICY_NAME: ClassVar[str] = "MedianStopping"

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        super().__init__(evaluation_interval, delay_evaluation)


class TruncationSelectionPolicy(_Periodic):
    """Ends the trials of the lowest percent each time it looks.

    Args:
        truncation_percentage: how many percent, 1 to 99.
        evaluation_interval: every how many intervals it looks.
        delay_evaluation: before which interval it doesn't.
        exclude_finished_jobs: whether trials that have ended are left out of the comparison.

    Raises:
        HyperDriveConfigException: a setting that is no whole number, or out of its range.
    """

    POLICY_NAME: ClassVar[str] = "TruncationSelection"

    def __init__(
        self,
        truncation_percentage: int,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
        exclude_finished_jobs: bool = False,
    ) -> None:
        percentage = _whole("truncation_percentage", truncation_percentage, 1, 99)
        further = {"truncation_percentage": percentage, "exclude_finished_jobs": bool(exclude_finished_jobs)}
        super().__init__(evaluation_interval, delay_evaluation, further)

    @property
    def truncation_percentage(self) -> int:
        """How many percent of the trials end each time."""
        return int(self._properties["truncation_percentage"])


class AshaPolicy(EarlyTerminationPolicy):
    """Asynchronous successive halving: at each rung only the best 1 / `reduction_factor` of those that reached it go on.

    Beyond v1. The rungs are the intervals min_intervals, min_intervals * reduction_factor, … (Li et al., "A System for
    Massively Parallel Hyperparameter Tuning", 2020, in the form that stops trials instead of pausing them).

    Args:
        reduction_factor: one of how many goes on; 2 or more.
        min_intervals: the first rung.

    Raises:
        HyperDriveConfigException: a setting that is no whole number, or too small.
    """

    POLICY_NAME: ClassVar[str] = "ASHA"

    def __init__(self, reduction_factor: int = 3, min_intervals: int = 1) -> None:
        super().__init__(
            self.POLICY_NAME,
            {
                "reduction_factor": _whole("reduction_factor", reduction_factor, 2),
                "min_intervals": _whole("min_intervals", min_intervals, 1),
            },
        )


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Lets every trial go to its end."""

    POLICY_NAME: ClassVar[str] = "Default"

    def __init__(self) -> None:
        super().__init__(self.POLICY_NAME)


POLICIES: dict[str, type[Any]] = {
    each.POLICY_NAME: each
    for each in (BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy, AshaPolicy, NoTerminationPolicy)
}
"""Each policy by its name."""


def from_json(data: Mapping[str, Any]) -> EarlyTerminationPolicy:
    """Return what `to_json` described.

    Raises:
        HyperDriveConfigException: there is no such policy, or a setting can't be used.
    """
    made = POLICIES.get(str(data.get("name")))
    if made is None:
        raise HyperDriveConfigException(f"there is no policy {data.get('name')!r}; there is {', '.join(POLICIES)}")
    try:
        policy: EarlyTerminationPolicy = made(**(data.get("properties") or {}))
    except TypeError:
        raise HyperDriveConfigException(
            f"the policy {data.get('name')} can't take {data.get('properties')!r}"
        ) from None
    return policy


def _whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise HyperDriveConfigException(f"{name} is a whole number {bounds}, not {value!r}")
    return value


def _not_negative(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise HyperDriveConfigException(f"{name} is a number of 0 or more, not {value!r}")
    return value
