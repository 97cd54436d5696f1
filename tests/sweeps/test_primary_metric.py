from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal, numbers

HIGH = PrimaryMetric("accuracy", PrimaryMetricGoal.MAXIMIZE)
LOW = PrimaryMetric("loss", PrimaryMetricGoal.MINIMIZE)


@pytest.mark.parametrize("word", ["maximize", "MAXIMIZE", "Maximize"])
def test_a_goal_is_read_in_any_case(word: str) -> None:
    assert PrimaryMetricGoal.from_str(word) is PrimaryMetricGoal.MAXIMIZE
    assert PrimaryMetricGoal.from_str("minimize") is PrimaryMetricGoal.MINIMIZE


@pytest.mark.parametrize("word", ["maximise", "", "max", None, 1, "PrimaryMetricGoal.MAXIMIZE"])
def test_a_goal_that_is_misspelt_is_refused(word: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        PrimaryMetricGoal.from_str(word)
    assert str(caught.value) == f"the goal of the primary metric is maximize or minimize, not {word!r}"


def test_goals_have_v1s_values() -> None:
    assert [(goal.name, goal.value) for goal in PrimaryMetricGoal] == [
        ("MAXIMIZE", "MAXIMIZE"),
        ("MINIMIZE", "MINIMIZE"),
    ]


def test_better_is_strict_and_no_number_is_the_worst() -> None:
    assert HIGH.better(2, 1)
    assert LOW.better(1, 2)
    for metric in (HIGH, LOW):
        assert not metric.better(1, 1)
        assert not metric.better(math.nan, 1)
        assert metric.better(1, math.nan)
        assert not metric.better(math.nan, math.nan)
        assert metric.better(math.inf, math.nan)
        assert metric.better(-math.inf, math.nan)


@given(st.lists(st.floats(allow_infinity=True, allow_nan=True)))
def test_the_best_is_the_largest_or_smallest_number(values: list[float]) -> None:
    found = [value for value in values if not math.isnan(value)]
    if not found:
        assert all(
            best is None if not values else math.isnan(best or 0) for best in (HIGH.best(values), LOW.best(values))
        )
        return
    assert HIGH.best(values) == max(found)
    assert LOW.best(values) == min(found)


def test_of_alike_values_the_first_is_the_best() -> None:
    assert str(HIGH.best([0.0, -0.0])) == "0.0"
    assert str(LOW.best([-0.0, 0.0])) == "-0.0"


@pytest.mark.parametrize(
    ("logged", "found"),
    [
        (0.5, [0.5]),
        ([1, 2.5, 1], [1.0, 2.5, 1.0]),
        ([True, False, 1], [1.0]),
        (["0.5", None, [3], {"a": 4}, 2], [2.0]),
        ("0.5", []),
        (None, []),
        ([math.inf, 10**400, -(10**400)], [math.inf, math.inf, -math.inf]),
    ],
)
def test_what_counts_of_logged_values_are_the_numbers(logged: Any, found: list[float]) -> None:
    assert numbers(logged) == found
    assert {type(value) for value in numbers(logged)} <= {float}
