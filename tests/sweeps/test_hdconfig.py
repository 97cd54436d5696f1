from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout.sweeps import hdconfig
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.policy import (
    AshaPolicy,
    BanditPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)

V1 = """
# hdconfig.yml
sampling:
    type: random  # random, grid or bayesian
    parameter_space:  # a name|expression|values tuple for each parameter
    - name: --penalty
      expression: choice
      values:
      - 0.5
      - 1
      - 1.5
    - name: --lr
      expression: loguniform
      values: [-6, -1]
    - name: units
      expression: randint
      values: 64
policy:
    type: BanditPolicy
    evaluation_interval: 1
    slack_factor: 0.2
primary_metric_name: Accuracy
primary_metric_goal: Maximize
max_total_runs: 8
max_concurrent_runs: 2
max_duration_minutes: 100
"""


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def write_and_load(text: str) -> dict[str, Any]:
        path = tmp_path / "sweep.yml"
        path.write_text(text)
        return hdconfig.load(path)

    return write_and_load


@pytest.fixture
def refused(load: Any, tmp_path: Path) -> Any:
    """Load a file that can't be used; return what is said after its name."""

    def call(text: str) -> str:
        with pytest.raises(HyperDriveConfigException) as caught:
            load(text)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path / 'sweep.yml'}")
        return message.removeprefix(f"{tmp_path / 'sweep.yml'}")

    return call


def sampling(space: str, kind: str = "random") -> str:
    return f"sampling: {{type: {kind}, parameter_space: {space}}}"


def test_v1s_file_is_read_as_it_stands(load: Any) -> None:
    found = load(V1)
    assert found.pop("sampling").to_json() == {
        "name": "RANDOM",
        "parameter_space": {
            "--penalty": ["choice", [[0.5, 1, 1.5]]],
            "--lr": ["loguniform", [-6, -1]],
            "units": ["randint", [64]],
        },
    }
    assert found.pop("policy").to_json() == BanditPolicy(slack_factor=0.2).to_json()
    assert found == {
        "primary_metric_name": "Accuracy",
        "primary_metric_goal": "Maximize",
        "max_total_runs": 8,
        "max_concurrent_runs": 2,
        "max_duration_minutes": 100,
    }


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("random Random RANDOM RandomParameterSampling", "RANDOM"),
        ("grid Grid GridParameterSampling", "GRID"),
        ("bayesian Bayesian BayesianParameterSampling BayesianOptimization", "BayesianOptimization"),
    ],
)
def test_a_sampling_goes_by_several_names(load: Any, words: str, name: str) -> None:
    for word in words.split():
        assert load(sampling("{a: [1, 2]}", word))["sampling"].name == name


@pytest.mark.parametrize(
    ("section", "policy"),
    [
        (
            "{type: banditpolicy, slack_amount: 1, delay_evaluation: 5}",
            BanditPolicy(slack_amount=1, delay_evaluation=5),
        ),
        ("{type: Bandit, slack_factor: 0.1, evaluation_interval: 2}", BanditPolicy(2, 0.1)),
        ("{type: MedianStoppingPolicy, evaluation_interval: 3}", MedianStoppingPolicy(3)),
        ("{type: median_stopping}", MedianStoppingPolicy()),
        ("{type: median}", MedianStoppingPolicy()),
        ("{type: TruncationSelectionPolicy, truncation_percentage: 20}", TruncationSelectionPolicy(20)),
        (
            "{type: truncation, truncation_percentage: 20, exclude_finished_jobs: true}",
            TruncationSelectionPolicy(20, exclude_finished_jobs=True),
        ),
        ("{type: asha, reduction_factor: 4}", AshaPolicy(4)),
        ("{type: NoTerminationPolicy}", NoTerminationPolicy()),
        ("{type: none}", NoTerminationPolicy()),
        ("{type: Default}", NoTerminationPolicy()),
    ],
)
def test_a_policy_goes_by_its_class_or_a_short_name_in_any_case(load: Any, section: str, policy: Any) -> None:
    assert load(f"policy: {section}")["policy"].to_json() == policy.to_json()


def test_the_short_form_of_a_space_keeps_its_order(load: Any) -> None:
    found = load(
        sampling("{kernel: [linear, rbf], --lr: {uniform: [0.01, 0.1]}, n: {randint: 5}, layers: [[64], [64, 32]]}")
    )
    assert list(found["sampling"].to_json()["parameter_space"].items()) == [
        ("kernel", ["choice", [["linear", "rbf"]]]),
        ("--lr", ["uniform", [0.01, 0.1]]),
        ("n", ["randint", [5]]),
        ("layers", ["choice", [[[64], [64, 32]]]]),
    ]


def test_what_lies_beyond_v1_is_kept(load: Any) -> None:
    found = load(sampling("{a: [1]}") + "\nseed: 5\nscript: train.py\narguments: [--epochs, 3]\ntarget: gpu-box\n")
    assert found.pop("sampling").to_json()["properties"] == {"seed": 5}
    assert found == {"script": "train.py", "arguments": ["--epochs", 3], "target": "gpu-box"}


def test_a_seed_without_a_sampling_is_kept_for_the_one_that_is_typed(load: Any) -> None:
    assert load("seed: 5") == {"seed": 5}


def test_a_seed_may_stand_with_the_sampling(load: Any) -> None:
    found = load("sampling: {type: random, properties: {seed: 4}, parameter_space: {a: [1]}}")
    assert found["sampling"].to_json()["properties"] == {"seed": 4}


def test_no_policy_may_be_written_as_null(load: Any) -> None:
    assert load("policy:\n") == {"policy": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold names and values, not None"),
        ("- a\n- b\n", "must hold names and values, not ['a', 'b']"),
        ("max_runs: 3", "there is no 'max_runs' in a sweep; there is sampling, policy, primary_metric_name,"),
        ("sampling:", "sampling must hold names and values, not None"),
        ("sampling: random", "sampling must hold names and values, not 'random'"),
        ("sampling: {parameter_space: {a: [1]}}", "the type of sampling is random, grid or bayesian, not None"),
        (sampling("{a: [1]}", "sobol"), "the type of sampling is random, grid or bayesian, not 'sobol'"),
        ("sampling: {type: random, space: {a: [1]}}", "sampling has no 'space'; it has type and parameter_space"),
        (
            "sampling: {type: random, properties: [1], parameter_space: {a: [1]}}",
            "properties must hold names and values, not [1]",
        ),
        ("sampling: {type: random}", "parameter_space is empty: give it entries with name, expression and values"),
        (sampling("[]"), "parameter_space is empty: give it entries with name, expression and values"),
        (sampling("{}"), "the parameter space is empty: give it names and expressions"),
        (sampling("lr"), "parameter_space holds entries with name, expression and values, not 'lr'"),
        (sampling("[lr]"), "an entry of parameter_space must hold names and values, not 'lr'"),
        (
            sampling("[{expression: choice, values: [1]}]"),
            "an entry of parameter_space has no name: {'expression': 'choice', 'values': [1]}",
        ),
        (sampling("[{name: lr, values: [1]}]"), "the parameter lr has no expression; give it name, expression and values"),
        (sampling("[{name: lr, expression: beta, values: [1]}]"), "the parameter lr: there is no expression 'beta'; there is"),
        (
            sampling("[{name: lr, expression: choice, value: [1]}]"),
            "the parameter lr has no 'value'; it has name, expression and values",
        ),
        (sampling("[{name: lr, expression: choice}]"), "the parameter lr has no values; give it name, expression and values"),
        (sampling("[{name: lr, expression: uniform, values: [1]}]"), "the parameter lr: uniform can't take [1]"),
        (
            sampling("[{name: lr, expression: uniform, values: [2, 1]}]"),
            "the parameter lr: uniform: min_value 2 must be smaller than max_value 1",
        ),
        (
            sampling("[{name: lr, expression: choice, values: [1]}, {name: lr, expression: choice, values: [2]}]"),
            "the parameter lr is in the space twice",
        ),
        (
            sampling("[{name: lr, expression: choice, values: [1]}, {name: --lr, expression: choice, values: [2]}]"),
            "the parameter --lr is in the space twice",
        ),
        (sampling("{lr: [1, null]}"), "the parameter lr: None can't be an argument"),
        (sampling("{lr: [2020-01-01]}"), "the parameter lr: datetime.date(2020, 1, 1) can't be an argument"),
        (sampling("{lr: 0.1}"), "the parameter lr is a list of choices, or one expression such as {uniform: [0.01, 0.1]}"),
        (sampling("{lr: {uniform: [0, 1], choice: [1]}}"), "the parameter lr is a list of choices, or one expression"),
        (sampling("{lr: {beta: [0, 1]}}"), "the parameter lr: there is no expression 'beta'"),
        (sampling("{lr: []}"), "the parameter lr: choice: give it at least one value"),
        (sampling("{lr: {uniform: [0, 1]}}", "grid"), "the parameter lr is uniform, and GRID sampling takes choice only"),
        (sampling("{a: [1]}") + "\nseed: x", "the seed of a sampling is a whole number, not 'x'"),
        ("policy: bandit", "policy must hold names and values, not 'bandit'"),
        ("policy: {slack_factor: 1}", "the type of the policy is bandit, median, truncation, asha or none, not None"),
        ("policy: {type: hyperband}", "the type of the policy is bandit, median, truncation, asha or none, not 'hyperband'"),
        ("policy: {type: bandit}", "BanditPolicy: give either slack_factor or slack_amount"),
        ("policy: {type: median, slack: 1}", "the policy MedianStopping can't take {'slack': 1}"),
        ("policy: {type: bandit, slack_factor: a}", "slack_factor is a number of 0 or more, not 'a'"),
        ("a: [", "is no YAML: "),
        ("a: 1\na: 2", "is no YAML: "),
    ],
)  # fmt: skip
def test_an_error_names_the_file_and_what_is_wrong(refused: Any, text: str, message: str) -> None:
    said = refused(text)
    assert said.removeprefix(": ").removeprefix(" ").startswith(message)
    assert "\n" not in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        hdconfig.load(tmp_path / "none.yml")
    assert str(caught.value) == f"{tmp_path / 'none.yml'} can't be read: No such file or directory"
    (tmp_path / "latin.yml").write_bytes(b"script: caf\xe9\n")
    with pytest.raises(HyperDriveConfigException, match="is no YAML: 'utf-8' codec can't decode"):
        hdconfig.load(tmp_path / "latin.yml")
