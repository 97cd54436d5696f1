"""The metric by which the trials of a sweep are compared, and which of two values is the better one. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, TypeVar

from turnout.sweeps.exceptions import HyperDriveConfigException

Item = TypeVar("Item")


class PrimaryMetricGoal(Enum):
    """Whether the primary metric is to be as large as can be, or as small."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> PrimaryMetricGoal:
        """Return the goal that a word means, in any case: maximize, minimize.

        Raises:
            HyperDriveConfigException: it means none.
        """
        try:
            return PrimaryMetricGoal[str(goal).upper()]
        except KeyError:
            raise HyperDriveConfigException(
                f"the goal of the primary metric is maximize or minimize, not {goal!r}"
            ) from None


class PrimaryMetric:
    """The metric's name, and an order of its values.

    Args:
        name: as the script logs it.
        goal: which end is the better one.
    """

    def __init__(self, name: str, goal: PrimaryMetricGoal) -> None:
        self.name = name
        self.goal = goal
        self.maximize = goal is PrimaryMetricGoal.MAXIMIZE

    def better(self, value: float, other: float) -> bool:
        """Say whether `value` is strictly better than `other`; whatever is no number (NaN) is worse than all numbers."""
        if math.isnan(value) or math.isnan(other):
            return math.isnan(other) and not math.isnan(value)
        return value > other if self.maximize else value < other

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best of the values, the first of those that are alike; None of none."""
        found: float | None = None
        for value in values:
            if found is None or self.better(value, found):
                found = value
        return found

    def best_first(self, items: Iterable[Item], score: Callable[[Item], float | None]) -> list[Item]:
        """Return items by their scores, the best first; then those that scored NaN, then those without a score.

        Items that are alike stay in their order.
        """
        sign = -1 if self.maximize else 1

        def place(item: Item) -> tuple[int, float]:
            value = score(item)
            if value is None:
                return 2, 0.0
            return (1, 0.0) if math.isnan(value) else (0, sign * value)

        return sorted(items, key=place)


def numbers(logged: Any) -> list[float]:
    """Return what of a metric's logged values counts: its numbers, in order. True and False are none."""
    found = logged if isinstance(logged, list) else [logged]
    return [_float(value) for value in found if isinstance(value, (int, float)) and not isinstance(value, bool)]


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number that no float is as large as
        return math.inf if value > 0 else -math.inf
