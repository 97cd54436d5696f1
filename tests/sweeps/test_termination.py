"""The rules against a reference that is written from the formulas: exact, in fractions, and without a helper of theirs."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from turnout.sweeps.policy import (
    AshaPolicy,
    BanditPolicy,
    EarlyTerminationPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.termination import Rule, Series, rule_for

GOALS = {"maximize": PrimaryMetricGoal.MAXIMIZE, "minimize": PrimaryMetricGoal.MINIMIZE}
NAN = math.nan

Trial = tuple[list[float], bool]
"""What it logged, and whether it has ended."""


def rule(policy: EarlyTerminationPolicy, goal: str = "maximize") -> Rule:
    found = rule_for(policy.to_json(), PrimaryMetric("score", GOALS[goal]))
    assert found is not None
    return found


def decided(policy: EarlyTerminationPolicy, goal: str, trials: list[Trial], which: int, interval: int) -> str:
    series = [Series(list(values), ended) for values, ended in trials]
    return rule(policy, goal).decide(series[which], interval, series)


# The reference. A goal of minimize is a goal of maximize of the negated values, which is how it is stated nowhere else.


def best_so_far(trial: Trial, interval: int) -> Fraction | None:
    """Return the largest number among the first `interval` values; None when there is none."""
    found = [Fraction(value) for value in trial[0][:interval] if value == value]
    return max(found) if found else None


def by_bandit(
    trials: list[Trial], which: int, interval: int, factor: Fraction | None, amount: Fraction, up: bool
) -> bool:
    bests = [best for best in (best_so_far(trial, interval) for trial in trials) if best is not None]
    own = best_so_far(trials[which], interval)
    if not bests or own is None:
        return bool(bests)  # no number against one
    best = max(bests)
    if factor is None:
        slack = amount
    elif up:  # best / (1 + f), which is best less this share of it
        slack = abs(best) * factor / (1 + factor)
    else:
        slack = abs(best) * factor
    assume(own == best or not 0 < abs(best - slack - own) < Fraction(1, 10**9))  # where a float may round
    if best - slack == own:
        assume(factor is None or factor.denominator == 1)
    return own < best - slack


def by_median(trials: list[Trial], which: int, interval: int) -> bool:
    averages = []
    for values, ended in trials:
        compared = values[:interval]
        if (len(values) >= interval or ended) and compared and all(value == value for value in compared):
            averages.append(sum(map(Fraction, compared)) / len(compared))
    averages.sort()
    own = best_so_far(trials[which], interval)
    if not averages:
        return False
    middle = len(averages) // 2
    median = averages[middle] if len(averages) % 2 else (averages[middle - 1] + averages[middle]) / 2
    if own is None:
        return True
    assume(median == own or abs(median - own) > Fraction(1, 10**9))
    return own < median


def by_truncation(trials: list[Trial], which: int, interval: int, percentage: int, exclude: bool) -> bool:
    compared = [
        best_so_far(trial, interval)
        for place, trial in enumerate(trials)
        if trial[0] and (len(trial[0]) >= interval or trial[1]) and (place == which or not (trial[1] and exclude))
    ]
    own = best_so_far(trials[which], interval)
    ended = math.floor(Fraction(percentage, 100) * len(compared))
    worst_first = sorted(compared, key=lambda best: (best is not None, best if best is not None else 0))
    # Ties go on: it ends when even the best of the places that its value has is among those that end.
    last_place = max(place for place, best in enumerate(worst_first) if best == own)
    return last_place < ended


def by_asha(trials: list[Trial], which: int, interval: int, factor: int) -> bool:
    compared = [best_so_far(trial, interval) for trial in trials if len(trial[0]) >= interval]
    go_on = max(1, len(compared) // factor)
    best_first = sorted(compared, key=lambda best: (best is None, -best if best is not None else 0))
    return best_first.index(best_so_far(trials[which], interval)) >= go_on


VALUES = st.one_of(st.integers(-12, 12).map(lambda n: n / 2), st.just(NAN))


@st.composite
def races(draw: st.DrawFn) -> tuple[list[Trial], int, int]:
    """Trials, which of them is looked at, and an interval that this one has reached."""
    own = draw(st.lists(VALUES, min_size=1, max_size=6))
    others = draw(st.lists(st.tuples(st.lists(VALUES, max_size=6), st.booleans()), max_size=8))
    which = draw(st.integers(0, len(others)))
    trials = [*others[:which], (own, False), *others[which:]]
    return trials, which, draw(st.integers(1, len(own)))


def upwards(goal: str, trials: list[Trial]) -> list[Trial]:
    return trials if goal == "maximize" else [([-value for value in values], ended) for values, ended in trials]


@pytest.mark.parametrize("goal", GOALS)
@given(race=races(), factor=st.sampled_from([0, 0.25, 0.5, 1, 3]))
def test_bandit_with_a_factor_is_the_formula(goal: str, race: Any, factor: float) -> None:
    trials, which, interval = race
    expected = by_bandit(upwards(goal, trials), which, interval, Fraction(factor), Fraction(0), goal == "maximize")
    assert bool(decided(BanditPolicy(slack_factor=factor), goal, trials, which, interval)) == expected


@pytest.mark.parametrize("goal", GOALS)
@given(race=races(), amount=st.sampled_from([0, 0.5, 1.5, 4]))
def test_bandit_with_an_amount_is_the_formula(goal: str, race: Any, amount: float) -> None:
    trials, which, interval = race
    expected = by_bandit(upwards(goal, trials), which, interval, None, Fraction(amount), goal == "maximize")
    assert bool(decided(BanditPolicy(slack_amount=amount), goal, trials, which, interval)) == expected


@pytest.mark.parametrize("goal", GOALS)
@given(race=races())
def test_median_stopping_is_the_formula(goal: str, race: Any) -> None:
    trials, which, interval = race
    expected = by_median(upwards(goal, trials), which, interval)
    assert bool(decided(MedianStoppingPolicy(), goal, trials, which, interval)) == expected


@pytest.mark.parametrize("goal", GOALS)
@given(race=races(), percentage=st.integers(1, 99), exclude=st.booleans())
def test_truncation_selection_is_the_formula(goal: str, race: Any, percentage: int, exclude: bool) -> None:
    trials, which, interval = race
    policy = TruncationSelectionPolicy(percentage, exclude_finished_jobs=exclude)
    expected = by_truncation(upwards(goal, trials), which, interval, percentage, exclude)
    assert bool(decided(policy, goal, trials, which, interval)) == expected


@pytest.mark.parametrize("goal", GOALS)
@given(race=races(), factor=st.integers(2, 5))
def test_asha_is_the_formula(goal: str, race: Any, factor: int) -> None:
    trials, which, interval = race
    expected = by_asha(upwards(goal, trials), which, interval, factor)
    assert bool(decided(AshaPolicy(factor), goal, trials, which, interval)) == expected


POLICIES = [
    BanditPolicy(slack_factor=0.1),
    BanditPolicy(slack_factor=0),
    BanditPolicy(slack_amount=0.2),
    BanditPolicy(slack_amount=0),
    MedianStoppingPolicy(),
    TruncationSelectionPolicy(99),
    AshaPolicy(2),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(race=races(), goal=st.sampled_from(list(GOALS)))
def test_the_best_trial_never_ends(policy: EarlyTerminationPolicy, race: Any, goal: str) -> None:
    trials, _, interval = race
    reached = [place for place, trial in enumerate(trials) if len(trial[0]) >= interval]
    bests = [best_so_far(trial, interval) for trial in upwards(goal, trials)]
    numbers = [best for best in bests if best is not None]
    for place in reached:
        if numbers and bests[place] == max(numbers):
            assert decided(policy, goal, trials, place, interval) == ""


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("goal", GOALS)
def test_alike_trials_all_go_on_and_so_does_one_alone(policy: EarlyTerminationPolicy, goal: str) -> None:
    for value in (0.3, -0.3, 0.0, NAN):
        assert decided(policy, goal, [([value], False)] * 5, 2, 1) == ""
        assert decided(policy, goal, [([value], False)], 0, 1) == ""


EDGES = st.lists(st.sampled_from([math.inf, -math.inf, NAN, 1e308, -1e308, 5e-324, 0.0, 1.0]), min_size=1, max_size=4)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(trials=st.lists(EDGES, min_size=1, max_size=5), goal=st.sampled_from(list(GOALS)))
@example(trials=[[math.inf, -math.inf, 1e308, 1e308]], goal="maximize")
@example(trials=[[math.inf, 1e308, 1e308]], goal="maximize")
def test_numbers_at_the_edge_are_decided_too(
    policy: EarlyTerminationPolicy, trials: list[list[float]], goal: str
) -> None:
    race = [(values, False) for values in trials]
    reason = decided(policy, goal, race, 0, len(trials[0]))
    assert reason == "" or f"at interval {len(trials[0])}" in reason or "reached interval" in reason


def test_infinite_averages_are_compared() -> None:
    diverged = ([math.inf, 1.0], False)
    assert decided(MedianStoppingPolicy(), "minimize", [diverged, ([0.5, 0.5], False), ([0.5, 0.4], False)], 0, 2) == (
        "median stopping: best 1 > median 0.5 of 3 averages at interval 2"
    )


@pytest.mark.parametrize(
    ("policy", "goal", "trials", "which", "interval", "reason"),
    [
        (
            BanditPolicy(slack_factor=0.2), "maximize", [([0.5, 0.6, 0.7, 0.71], False), ([0.9, 0.93, 0.92], False)], 0, 4,
            "bandit: best 0.71 < 0.93 / 1.2 at interval 4",
        ),
        (BanditPolicy(slack_factor=0.2), "maximize", [([0.667], False), ([0.8], False)], 0, 1, ""),
        (
            BanditPolicy(slack_factor=0.2), "maximize", [([0.66], False), ([0.8], True)], 0, 1,
            "bandit: best 0.66 < 0.8 / 1.2 at interval 1",
        ),
        (
            BanditPolicy(slack_amount=0.1), "maximize", [([0.5, 0.5], False), ([0.4, 0.75], False)], 0, 2,
            "bandit: best 0.5 < 0.75 - 0.1 at interval 2",
        ),
        # What the other comes to later doesn't count yet.
        (BanditPolicy(slack_amount=0.1), "maximize", [([0.5], False), ([0.4, 0.75], False)], 0, 1, ""),
        (
            BanditPolicy(slack_factor=0.5), "minimize", [([2.0], False), ([1.0], False)], 0, 1,
            "bandit: best 2 > 1 * 1.5 at interval 1",
        ),
        (
            BanditPolicy(slack_amount=0.5), "minimize", [([2.0], False), ([1.0], False)], 0, 1,
            "bandit: best 2 > 1 + 0.5 at interval 1",
        ),
        (
            BanditPolicy(slack_factor=1), "maximize", [([-4.0], False), ([-2.0], False)], 0, 1,
            "bandit: best -4 < -3 (-2 with a slack of 1) at interval 1",
        ),
        (
            BanditPolicy(slack_factor=0.5), "minimize", [([-0.5], False), ([-2.0], False)], 0, 1,
            "bandit: best -0.5 > -1 (-2 with a slack of 0.5) at interval 1",
        ),
        (
            BanditPolicy(slack_factor=0.5), "minimize", [([NAN], False), ([2.0], False)], 0, 1,
            "bandit: best nan, and 2 of another, at interval 1",
        ),
        (
            MedianStoppingPolicy(), "maximize",
            [([0.1, 0.2], False), ([0.4, 0.6], False), ([0.8], True), ([0.9], False), ([], True)], 0, 2,
            "median stopping: best 0.2 < median 0.5 of 3 averages at interval 2",
        ),
        (
            MedianStoppingPolicy(), "minimize", [([3.0], False), ([1.0], False), ([2.0], False), ([2.5], True)], 0, 1,
            "median stopping: best 3 > median 2.25 of 4 averages at interval 1",
        ),
        (
            TruncationSelectionPolicy(20), "maximize", [([float(n)], False) for n in range(10)], 1, 1,
            "truncation selection: best 1 is among the worst 20 % of 10 trials at interval 1",
        ),
        (TruncationSelectionPolicy(20), "maximize", [([float(n)], False) for n in range(10)], 2, 1, ""),
        (TruncationSelectionPolicy(20), "maximize", [([float(n)], False) for n in range(4)], 0, 1, ""),
        (
            TruncationSelectionPolicy(50), "minimize", [([3.0], False), ([1.0], True), ([2.0], False)], 0, 1,
            "truncation selection: best 3 is among the worst 50 % of 3 trials at interval 1",
        ),
        (
            TruncationSelectionPolicy(50, exclude_finished_jobs=True), "minimize",
            [([3.0], False), ([1.0], True), ([2.0], True)], 0, 1, "",
        ),
        (
            AshaPolicy(3), "maximize", [([0.1], False), ([0.2], False), ([0.3], True)], 1, 1,
            "ASHA: best 0.2 is not among the best 1 of 3 trials that reached interval 1",
        ),
        (AshaPolicy(3), "maximize", [([0.1], False), ([0.2], False), ([0.3], True)], 2, 1, ""),
    ],
)  # fmt: skip
def test_examples_by_hand(
    policy: EarlyTerminationPolicy, goal: str, trials: list[Trial], which: int, interval: int, reason: str
) -> None:
    assert decided(policy, goal, trials, which, interval) == reason


def test_asha_counts_who_reached_the_rung_and_lets_ties_go_on() -> None:
    # At interval 2 the bests are 1, 2, 2 and 5; the one that ended before it isn't there.
    trials = [([1, 4.0], False), ([2, 3.0], False), ([0.5], True), ([9, 2.0], False), ([9, 5.0], True)]
    ends = [bool(decided(AshaPolicy(2), "minimize", trials, which, 2)) for which in (0, 1, 3, 4)]
    assert ends == [False, False, False, True]


@pytest.mark.parametrize(("every", "delay"), [(1, 0), (2, 0), (3, 5), (4, 4), (5, 3), (2, 100)])
def test_it_looks_at_multiples_of_the_interval_from_the_delay_on(every: int, delay: int) -> None:
    policies: list[EarlyTerminationPolicy] = [
        BanditPolicy(every, 0.1, delay_evaluation=delay),
        MedianStoppingPolicy(every, delay),
        TruncationSelectionPolicy(10, every, delay),
    ]
    for policy in policies:
        found = [interval for interval in range(1, 121) if rule(policy).looks_at(interval)]
        assert found == [interval for interval in range(every, 121, every) if interval >= delay]


def test_asha_looks_at_its_rungs() -> None:
    assert [n for n in range(1, 300) if rule(AshaPolicy(3, 1)).looks_at(n)] == [1, 3, 9, 27, 81, 243]
    assert [n for n in range(1, 100) if rule(AshaPolicy(2, 5)).looks_at(n)] == [5, 10, 20, 40, 80]


def test_without_a_policy_there_is_no_rule() -> None:
    assert rule_for(NoTerminationPolicy().to_json(), PrimaryMetric("score", GOALS["maximize"])) is None
