from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable
from typing import Any

import pytest

from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.parameter_expressions import choice, quniform, uniform
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.samplers import Known, Sampler, make
from turnout.sweeps.space import Space, Values

GOALS = {"maximize": PrimaryMetricGoal.MAXIMIZE, "minimize": PrimaryMetricGoal.MINIMIZE}
SPACE = {"x": uniform(-10, 10), "n": quniform(0, 100, 5), "kind": choice("good", "bad", "worse")}
FAR = {"good": 0.0, "bad": 50.0, "worse": 100.0}


def loss(values: Values) -> float:
    return float((values["x"] - 3) ** 2 + (values["n"] - 70) ** 2 / 100 + FAR[values["kind"]])


def sampler(
    space: dict[str, Any] | None = None, goal: str = "minimize", seed: int = 1, way: str = "Bayesian"
) -> Sampler:
    name = "BayesianOptimization" if way == "Bayesian" else "RANDOM"
    return make(name, Space(space or SPACE), PrimaryMetric("score", GOALS[goal]), seed)


def carried_out(
    made: Sampler, score: Callable[[Values], float], count: int, earlier: list[Known] | None = None
) -> list[Known]:
    known = list(earlier or [])
    for number in range(count):
        values = made.propose(number, known)
        assert values is not None
        known.append(Known(values, score(values), True))
    return known[len(earlier or []) :]


@pytest.mark.parametrize("goal", GOALS)
def test_it_learns(goal: str) -> None:
    sign = 1 if goal == "minimize" else -1
    medians = {}
    for way in ("Bayesian", "Random"):
        known = carried_out(sampler(goal=goal, way=way), lambda values: sign * loss(values), 60)
        medians[way] = statistics.median(loss(each.values) for each in known[-20:])
    assert medians["Bayesian"] < medians["Random"] / 5


def test_it_proposes_the_same_from_the_same_history() -> None:
    known = carried_out(sampler(), loss, 25)
    assert carried_out(sampler(), loss, 25) == known
    assert sampler().propose(25, known) == sampler().propose(25, known)
    assert sampler().propose(25, known) != sampler(seed=2).propose(25, known)
    assert sampler().propose(25, known) != sampler().propose(26, known)


def test_a_fresh_sampler_goes_on_where_the_last_one_was() -> None:
    known: list[Known] = []
    for number in range(25):
        values = sampler().propose(number, known)
        assert values is not None
        known.append(Known(values, loss(values), True))
    assert known == carried_out(sampler(), loss, 25)


def test_values_have_the_types_and_the_steps_of_the_space() -> None:
    space = {"q": quniform(5, 47, 7), "mixed": choice(1, 1.0, True, 2), "word": choice("a", "b"), "u": uniform(0.5, 2)}
    known = carried_out(sampler(space), lambda values: float(values["u"]), 40)
    kinds = {repr(each.values["mixed"]) for each in known}
    assert kinds == {"1", "1.0", "True", "2"}
    for each in known:
        assert list(each.values) == list(space)
        assert type(each.values["q"]) is int
        assert each.values["q"] in range(7, 50, 7)
        assert type(each.values["word"]) is str
        assert type(each.values["u"]) is float
        assert 0.5 <= each.values["u"] <= 2


def test_choices_that_are_equal_and_of_other_types_are_told_apart() -> None:
    space = {"flag": choice(1, True, 1.0, 0)}
    known = carried_out(sampler(space), lambda values: 0.0 if values["flag"] is True else 1.0, 50)
    assert sum(each.values["flag"] is True for each in known[-20:]) > 10


def test_what_earlier_sweeps_found_counts() -> None:
    earlier = carried_out(sampler(), loss, 60)
    first = [sampler(seed=seed).propose(0, earlier) for seed in range(15)]
    alone = [sampler(seed=seed).propose(0, []) for seed in range(15)]
    assert all(first)
    assert statistics.median(map(loss, first)) < statistics.median(map(loss, alone)) / 5  # type: ignore[arg-type]


def test_running_failed_and_unmeasured_trials_are_taken() -> None:
    known = carried_out(sampler(), loss, 20)
    other = dict(known[0].values)
    mixed = [
        *known,
        Known(other, None, False),
        Known(other, 5.0, False),
        Known(other, None, True),
        Known(other, math.nan, True),
        Known(other, math.inf, True),
        Known(other, -math.inf, True),
    ]
    values = sampler().propose(26, mixed)
    assert values is not None
    assert list(values) == list(SPACE)


def test_trials_that_run_at_a_time_differ() -> None:
    known = carried_out(sampler({"x": uniform(-10, 10)}), lambda values: (values["x"] - 3) ** 2, 30)
    made = sampler({"x": uniform(-10, 10)})
    for number in range(30, 40):
        values = made.propose(number, known)
        assert values is not None
        known.append(Known(values, None, False))
    assert len({each.values["x"] for each in known[30:]}) == 10


def test_a_running_trial_counts_as_a_bad_one_whatever_it_has_logged() -> None:
    known = carried_out(sampler({"x": uniform(-10, 10)}), lambda values: (values["x"] - 3) ** 2, 30)
    made = sampler({"x": uniform(-10, 10)})
    without = made.propose(30, known)
    assert without is not None
    silent, told = (made.propose(30, [*known, *[Known(without, score, False)] * 5]) for score in (None, -1000.0))
    assert silent == told
    assert silent != without


def test_a_trial_of_an_equal_space_counts_whatever_its_numbers_types_and_its_names_dashes() -> None:
    # As the trials of a sweep that this one goes on from, or runs again, may be: 1 for 1.0, --x for x.
    space = {"x": choice(1, 2), "y": uniform(0, 4)}
    found = [
        sampler(space).propose(5, [Known(values, 1.0, True)] * 12)
        for values in ({"x": 1, "y": 2.0}, {"--x": 1.0, "y": 2})
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "values", [{"x": 3, "q": 10, "y": 1.0}, {"x": 1, "q": 10, "y": 9.0}, {"x": 1, "q": 70, "y": 1.0}, {"x": 1, "q": 10}]
)
def test_a_trial_outside_the_space_is_passed_over(values: Values) -> None:
    made = sampler({"x": choice(1, 2), "q": quniform(0, 20, 5), "y": uniform(0, 4)})
    inside = [Known({"x": 1, "q": 10, "y": 2.0}, 1.0, True)] * 12
    assert made.propose(3, [*inside, Known(values, 0.5, True)]) == made.propose(3, inside)


def test_without_optuna_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(HyperDriveConfigException) as caught:
        sampler()
    assert str(caught.value) == (
        "Bayesian sampling needs Optuna, which is not installed here: pip install 'turnout[sweeps]', or sample at random"
    )
