from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.sweeps.parameter_expressions import choice, normal, quniform, randint, uniform
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.samplers import Known, make
from turnout.sweeps.samplers.by_chance import RandomSampler
from turnout.sweeps.space import Space

METRIC = PrimaryMetric("score", PrimaryMetricGoal.MAXIMIZE)
ENDLESS = {"lr": uniform(0, 1), "kind": choice("a", "b"), "n": quniform(0, 100, 5), "x": normal(0, 1)}


def sampler(space: dict[str, Any], seed: int = 1) -> RandomSampler:
    return RandomSampler(Space(space), METRIC, seed)


def proposed(made: RandomSampler, numbers: Any) -> list[str]:
    return [json.dumps(made.propose(number, [])) for number in numbers]


@pytest.mark.parametrize("space", [ENDLESS, {"a": choice(*range(30)), "b": randint(10)}])
def test_a_trial_follows_from_the_seed_and_its_number_alone(space: dict[str, Any]) -> None:
    first = proposed(sampler(space), range(50))
    backwards = proposed(sampler(space), reversed(range(50)))
    assert first == backwards[::-1]
    told = [Known({"lr": 0.5}, 0.9, True)] * 3
    assert json.dumps(sampler(space).propose(7, told)) == first[7]
    assert len(set(first)) == 50
    assert proposed(sampler(space, 2), range(50)) != first


def test_a_space_without_an_end_never_ends() -> None:
    assert sampler(ENDLESS).propose(10**6, []) is not None


def test_trials_of_neighbouring_numbers_and_seeds_are_independent() -> None:
    values = [
        sampler({"x": uniform(0, 1)}, seed).propose(number, [])["x"] for seed in range(20) for number in range(100)
    ]
    for distance in (1, 100):
        pairs = list(zip(values, values[distance:], strict=False))
        covariance = sum((left - 0.5) * (right - 0.5) for left, right in pairs) / len(pairs)
        assert abs(covariance * 12) < 0.1  # the correlation; four standard errors
    assert abs(sum(values) / len(values) - 0.5) < 0.03


def test_a_counted_space_is_had_whole_and_each_combination_once() -> None:
    space = {"kernel": choice("linear", "rbf", "poly"), "n": randint(5), "c": choice(0.5, 1)}
    found = proposed(sampler(space), range(30))
    assert set(found) == {json.dumps(Space(space).nth(number)) for number in range(30)}
    assert found != [json.dumps(Space(space).nth(number)) for number in range(30)]
    assert sampler(space).propose(30, []) is None


def test_the_first_trial_is_any_combination() -> None:
    space = {"n": randint(8)}
    firsts = [sampler(space, seed).propose(0, [])["n"] for seed in range(800)]
    assert all(50 < firsts.count(n) < 150 for n in range(8))


def test_no_combination_comes_twice_in_a_huge_space() -> None:
    space = {"a": randint(10**9), "b": randint(10**9), "c": choice("x", "y", "z")}
    found = proposed(sampler(space), range(3000))
    assert len(set(found)) == 3000
    numbers = [json.loads(each)["a"] for each in found]
    assert abs(sum(numbers) / len(numbers) / 1e9 - 0.5) < 0.03


@given(size=st.integers(1, 300), seed=st.integers(-(2**31), 2**31))
def test_the_shuffle_is_a_permutation(size: int, seed: int) -> None:
    made = sampler({"n": randint(size)}, seed)
    assert sorted(made._shuffled(number) for number in range(size)) == list(range(size))


@given(size=st.integers(2**20, 2**70), seed=st.integers(0, 2**31), data=st.data())
def test_the_shuffle_of_a_huge_range_is_one_to_one(size: int, seed: int, data: st.DataObject) -> None:
    made = sampler({"n": randint(size)}, seed)
    numbers = data.draw(st.sets(st.integers(0, size - 1), min_size=20, max_size=20))
    found = {made._shuffled(number) for number in numbers}
    assert len(found) == 20
    assert all(0 <= each < size for each in found)


def test_the_way_is_found_by_v1s_name() -> None:
    assert isinstance(make("RANDOM", Space(ENDLESS), METRIC, 1), RandomSampler)
