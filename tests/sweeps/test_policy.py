from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from turnout.sweeps import policy as policies
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.policy import (
    AshaPolicy,
    BanditPolicy,
    EarlyTerminationPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)


@pytest.mark.parametrize(
    ("policy", "name", "properties"),
    [
        (
            BanditPolicy(slack_factor=0.1), "Bandit",
            {"evaluation_interval": 1, "delay_evaluation": 0, "slack_factor": 0.1},
        ),
        (
            BanditPolicy(2, slack_amount=0.2, delay_evaluation=5), "Bandit",
            {"evaluation_interval": 2, "delay_evaluation": 5, "slack_amount": 0.2},
        ),
        (BanditPolicy(slack_factor=0), "Bandit", {"evaluation_interval": 1, "delay_evaluation": 0, "slack_factor": 0}),
        (MedianStoppingPolicy(), "MedianStopping", {"evaluation_interval": 1, "delay_evaluation": 0}),
        (MedianStoppingPolicy(3, 6), "MedianStopping", {"evaluation_interval": 3, "delay_evaluation": 6}),
        (
            TruncationSelectionPolicy(20), "TruncationSelection",
            {"evaluation_interval": 1, "delay_evaluation": 0, "truncation_percentage": 20, "exclude_finished_jobs": False},
        ),
        (
            TruncationSelectionPolicy(99, 2, 4, exclude_finished_jobs=True), "TruncationSelection",
            {"evaluation_interval": 2, "delay_evaluation": 4, "truncation_percentage": 99, "exclude_finished_jobs": True},
        ),
        (AshaPolicy(), "ASHA", {"reduction_factor": 3, "min_intervals": 1}),
        (AshaPolicy(4, 10), "ASHA", {"reduction_factor": 4, "min_intervals": 10}),
    ],
)  # fmt: skip
def test_a_policy_is_v1s_json_and_comes_back(
    policy: EarlyTerminationPolicy, name: str, properties: dict[str, Any]
) -> None:
    data = policy.to_json()
    assert data == {"name": name, "properties": properties}
    back = policies.from_json(json.loads(json.dumps(data)))
    assert type(back) is type(policy)
    assert back.to_json() == data
    assert policy.name == policy.POLICY_NAME == name  # type: ignore[attr-defined]


def test_no_policy_is_v1s_default() -> None:
    assert NoTerminationPolicy().to_json() == {"name": "Default"}
    assert isinstance(policies.from_json({"name": "Default"}), NoTerminationPolicy)


def test_settings_are_read_as_in_v1() -> None:
    bandit = BanditPolicy(2, 0.1, delay_evaluation=3)
    assert (bandit.evaluation_interval, bandit.slack_factor, bandit.slack_amount, bandit.delay_evaluation) == (
        2,
        0.1,
        None,
        3,
    )
    assert BanditPolicy(slack_amount=1).slack_factor is None
    truncation = TruncationSelectionPolicy(20, 2, 3)
    assert (truncation.truncation_percentage, truncation.evaluation_interval, truncation.delay_evaluation) == (20, 2, 3)


def test_what_to_json_gave_is_a_copy() -> None:
    policy = MedianStoppingPolicy()
    policy.to_json()["properties"]["evaluation_interval"] = 7
    assert policy.evaluation_interval == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BanditPolicy(), "BanditPolicy: give either slack_factor or slack_amount"),
        (
            lambda: BanditPolicy(slack_factor=0.1, slack_amount=0.1),
            "BanditPolicy: give either slack_factor or slack_amount",
        ),
        (lambda: BanditPolicy(slack_factor=-0.1), "slack_factor is a number of 0 or more, not -0.1"),
        (lambda: BanditPolicy(slack_factor="0.1"), "slack_factor is a number of 0 or more, not '0.1'"),
        (lambda: BanditPolicy(slack_amount=True), "slack_amount is a number of 0 or more, not True"),
        (lambda: BanditPolicy(slack_amount=float("nan")), "slack_amount is a number of 0 or more, not nan"),
        (lambda: BanditPolicy(slack_amount=float("inf")), "slack_amount is a number of 0 or more, not inf"),
        (lambda: BanditPolicy(0, 0.1), "evaluation_interval is a whole number of 1 or more, not 0"),
        (lambda: BanditPolicy(1.0, 0.1), "evaluation_interval is a whole number of 1 or more, not 1.0"),
        (lambda: BanditPolicy(1, 0.1, delay_evaluation=-1), "delay_evaluation is a whole number of 0 or more, not -1"),
        (lambda: MedianStoppingPolicy(True), "evaluation_interval is a whole number of 1 or more, not True"),
        (lambda: MedianStoppingPolicy(1, 0.5), "delay_evaluation is a whole number of 0 or more, not 0.5"),
        (lambda: TruncationSelectionPolicy(0), "truncation_percentage is a whole number from 1 to 99, not 0"),
        (lambda: TruncationSelectionPolicy(100), "truncation_percentage is a whole number from 1 to 99, not 100"),
        (lambda: TruncationSelectionPolicy(0.2), "truncation_percentage is a whole number from 1 to 99, not 0.2"),
        (lambda: TruncationSelectionPolicy(20, "2"), "evaluation_interval is a whole number of 1 or more, not '2'"),
        (lambda: AshaPolicy(1), "reduction_factor is a whole number of 2 or more, not 1"),
        (lambda: AshaPolicy(3, 0), "min_intervals is a whole number of 1 or more, not 0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "there is no policy None; there is Bandit, MedianStopping, TruncationSelection, ASHA, Default"),
        ({"name": "bandit"}, "there is no policy 'bandit'; there is Bandit,"),
        ({"name": "MedianStopping", "properties": {"slack_factor": 0.1}}, "the policy MedianStopping can't take "),
        ({"name": "TruncationSelection", "properties": {}}, "the policy TruncationSelection can't take {}"),
        ({"name": "ASHA", "properties": [1]}, "the policy ASHA can't take [1]"),
        ({"name": "Bandit", "properties": {"slack_factor": -1}}, "slack_factor is a number of 0 or more, not -1"),
    ],
)
def test_json_that_describes_no_policy_is_refused(data: Any, message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        policies.from_json(data)
    assert str(caught.value).startswith(message)


def test_a_policy_shows_its_settings() -> None:
    assert repr(BanditPolicy(2, 0.1)) == "BanditPolicy(evaluation_interval=2, delay_evaluation=0, slack_factor=0.1)"
    assert repr(NoTerminationPolicy()) == "NoTerminationPolicy()"
