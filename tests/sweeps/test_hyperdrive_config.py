from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from turnout import RunConfiguration, ScriptRunConfig
from turnout.exceptions import NotYetException
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.hyperdrive_config import HyperDriveConfig, HyperDriveRunConfig
from turnout.sweeps.parameter_expressions import choice, uniform
from turnout.sweeps.policy import BanditPolicy
from turnout.sweeps.primary_metric import PrimaryMetricGoal
from turnout.sweeps.sampling import BayesianParameterSampling, GridParameterSampling, RandomParameterSampling

RANDOM = RandomParameterSampling({"--lr": uniform(0, 1)}, {"seed": 3})
UP, DOWN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


class Estimator:
    """What v1's estimators have: a source directory, and a run configuration with the script and its arguments."""

    def __init__(self, *arguments: Any) -> None:
        self.source_directory = "project"
        self.run_config = RunConfiguration()
        self.run_config.script = "train.py"
        self.run_config.target = "gpu-box"
        self.run_config.arguments = list(arguments)


def script() -> ScriptRunConfig:
    return ScriptRunConfig("project", "train.py", arguments=["--lr", 1])


def config(**changed: Any) -> HyperDriveConfig:
    settings: dict[str, Any] = {
        "hyperparameter_sampling": RANDOM,
        "primary_metric_name": "score",
        "primary_metric_goal": UP,
        "max_total_runs": 40,
        "run_config": script(),
    }
    return HyperDriveConfig(**{**settings, **changed})


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "turnout")
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_defaults_are_v1s() -> None:
    assert config().serialize() == {
        "generator_config": {
            "name": "RANDOM",
            "parameter_space": {"--lr": ["uniform", [0, 1]]},
            "properties": {"seed": 3},
        },
        "policy_config": {"name": "Default"},
        "primary_metric_config": {"name": "score", "goal": "maximize"},
        "max_total_jobs": 40,
        "max_concurrent_jobs": 40,
        "max_duration_minutes": 10080,
    }


def test_the_arguments_come_in_v1s_order() -> None:
    run_config = script()
    made = HyperDriveConfig(
        RANDOM, "loss", DOWN, 20, 4, 60, BanditPolicy(slack_factor=0.1), None, run_config, "a", ["b"]
    )
    assert made.serialize()["policy_config"] == BanditPolicy(slack_factor=0.1).to_json()
    assert made.serialize()["primary_metric_config"] == {"name": "loss", "goal": "minimize"}
    limits = [made.serialize()[name] for name in ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")]
    assert limits == [20, 4, 60]
    assert made.run_config is run_config
    assert (made.resumed_sweeps, made.resumed_trials) == (["a"], ["b"])
    assert (made.estimator, made.pipeline, made.source_directory) == (None, None, "project")


def test_a_run_configuration_keeps_an_argument_that_the_space_has_too(warned: Callable[[], list[str]]) -> None:
    # As in v1: the sampled one stands behind it, and argparse takes the last.
    assert config().run_config.arguments == ["--lr", 1]
    assert warned() == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"run_config": None}, "HyperDriveConfig: give either run_config or estimator"),
        ({"estimator": Estimator()}, "HyperDriveConfig: give either run_config or estimator"),
        ({"run_config": RunConfiguration()}, "run_config is a ScriptRunConfig, not of the class RunConfiguration"),
        ({"run_config": None, "estimator": "e"}, "'e' is no estimator; give run_config, a ScriptRunConfig"),
        (
            {"hyperparameter_sampling": {"lr": uniform(0, 1)}},
            "hyperparameter_sampling is a sampling such as RandomParameterSampling(…), not {'lr': ['uniform', [0, 1]]}",
        ),
        ({"policy": "bandit"}, "policy is a policy such as BanditPolicy(…), not 'bandit'"),
        ({"primary_metric_name": ""}, "primary_metric_name is the name of a metric that the script logs, not ''"),
        ({"primary_metric_name": None}, "primary_metric_name is the name of a metric that the script logs, not None"),
        (
            {"primary_metric_goal": "MAXIMIZE"},
            "primary_metric_goal is PrimaryMetricGoal.MAXIMIZE or PrimaryMetricGoal.MINIMIZE, not 'MAXIMIZE'",
        ),
        ({"max_total_runs": 0}, "max_total_runs is a whole number of 1 or more, not 0"),
        ({"max_total_runs": "4"}, "max_total_runs is a whole number of 1 or more, not '4'"),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs is a whole number of 1 or more, not 0"),
        ({"max_concurrent_runs": 1.5}, "max_concurrent_runs is a whole number of 1 or more, not 1.5"),
        (
            {"max_concurrent_runs": 41},
            "max_concurrent_runs 41 is more than max_total_runs 40; lower it, or leave it out",
        ),
        ({"max_duration_minutes": 0}, "max_duration_minutes is a number above 0, not 0"),
        ({"max_duration_minutes": float("inf")}, "max_duration_minutes is a number above 0, not inf"),
        ({"max_duration_minutes": None}, "max_duration_minutes is a number above 0, not None"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        config(**changed)
    assert str(caught.value) == message


def test_a_pipeline_is_not_carried_out() -> None:
    with pytest.raises(NotYetException, match="a sweep of pipelines is not carried out; give run_config"):
        config(run_config=None, pipeline=object())


def test_a_week_is_the_longest_without_a_warning(warned: Callable[[], list[str]]) -> None:
    config(max_duration_minutes=10080)
    assert warned() == []
    assert config(max_duration_minutes=10081).serialize()["max_duration_minutes"] == 10081
    assert warned() == ["max_duration_minutes 10081 is more than v1's limit of 10080; it is kept"]


def test_bayesian_sampling_warns_of_few_runs_and_of_many_at_a_time(warned: Callable[[], list[str]]) -> None:
    sampling = BayesianParameterSampling({"a": uniform(0, 1), "b": choice(1, 2)})
    config(hyperparameter_sampling=sampling, max_total_runs=40, max_concurrent_runs=20)
    assert warned() == []
    config(hyperparameter_sampling=sampling, max_total_runs=39, max_concurrent_runs=21)
    assert warned() == [
        "Bayesian sampling over these parameters does best with 40 runs or more, not 39",
        "with 21 runs at a time Bayesian sampling learns little; max_concurrent_runs of at most 20 is better",
    ]


def test_other_sampling_does_not_warn(warned: Callable[[], list[str]]) -> None:
    config(hyperparameter_sampling=GridParameterSampling({"a": choice(1, 2)}), max_total_runs=1)
    config(max_total_runs=1000)
    assert warned() == []


def test_an_estimators_script_and_settings_are_taken() -> None:
    estimator = Estimator("--epochs", 3)
    made = config(run_config=None, estimator=estimator)
    assert made.estimator is estimator
    assert made.source_directory == "project"
    resolved = made.run_config.resolve()
    assert (resolved.script, resolved.target, resolved.arguments) == ("train.py", "gpu-box", ["--epochs", 3])


def test_what_an_estimator_and_the_space_both_have_is_left_out_with_a_warning(warned: Callable[[], list[str]]) -> None:
    sampling = RandomParameterSampling({"lr": uniform(0, 1), "--shift": uniform(0, 1), "--quick": choice("", "x")})
    estimator = Estimator("--lr", 0.5, "--epochs", 3, "--shift", -1, "--quick", "--shift=2", ["a"], "data")
    made = config(run_config=None, estimator=estimator, hyperparameter_sampling=sampling)
    assert made.run_config.resolve().arguments == ["--epochs", 3, ["a"], "data"]
    assert warned() == [
        f"the estimator's argument {word} is left out: the search space has it"
        for word in ("--lr", "--shift", "--quick", "--shift")
    ]
    assert len(estimator.run_config.arguments) == 10


def test_v1s_older_name_takes_the_estimator_first() -> None:
    estimator = Estimator("--epochs", 3)
    made = HyperDriveRunConfig(estimator, RANDOM, "loss", DOWN, 30, 3, 90, BanditPolicy(slack_amount=1))
    assert isinstance(made, HyperDriveConfig)
    assert made.estimator is estimator
    assert made.serialize() == config(
        primary_metric_name="loss", primary_metric_goal=DOWN, max_total_runs=30, max_concurrent_runs=3,
        max_duration_minutes=90, policy=BanditPolicy(slack_amount=1),
    ).serialize()  # fmt: skip


def test_one_resumed_run_or_several_may_be_given() -> None:
    assert config(resume_from="one").resumed_sweeps == ["one"]
    assert config(resume_from=("one", "two")).resumed_sweeps == ["one", "two"]
    assert config().resumed_sweeps == []
    assert config(custom_run_id="mine").custom_run_id == "mine"


def test_a_configuration_shows_what_it_is() -> None:
    assert "maximize 'score', max_total_runs=40, max_concurrent_runs=40" in repr(config())
