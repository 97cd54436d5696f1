from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.sweep import start
from turnout.sweeps import HyperDriveConfig

METRIC = ("--maximize", "score")
LR = ("--choice", "lr=0.1,0.01")


@pytest.fixture
def configured(workspace):
    """Read a command line up to the configuration of the sweep; return it, the experiment's name, and the tags."""

    def call(*arguments: str) -> tuple[HyperDriveConfig, str, dict[str, str]]:
        context = start.command.make_context("start", list(arguments))
        with context:
            given = {**context.params}
            for name in ("wait", "as_json", "secrets"):
                del given[name]
            return start._configuration(context.meta.get("turnout.space") or {}, given.pop("what"), given)

    return call


@pytest.fixture
def file(workspace):
    """Write a sweep's file; return its name."""

    def write(text: str, name: str = "sweep.yaml") -> str:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
        return name

    return write


@pytest.fixture
def refused(bad_input, workspace):
    """Carry out a `sweep start` that is refused; return why. Nothing was recorded."""

    def call(*arguments: str) -> str:
        said = bad_input("sweep", "start", *arguments)
        assert os.listdir(workspace.runs) == []
        return said.removeprefix("turnout: ").rstrip("\n")

    return call


def space(config: HyperDriveConfig) -> dict[str, Any]:
    return config.serialize()["generator_config"]["parameter_space"]


def test_the_space_the_metric_and_the_policy_are_read_from_options(configured):
    config, experiment, tags = configured(
        "--choice", "lr=0.1,0.01", "--uniform", "dropout=0,0.5", "--policy", "bandit", "--slack-factor", "0.2", *METRIC,
        "--max-total-runs", "20", "--max-concurrent-runs", "4", "--max-duration", "30", "--seed", "7",
        "--tag", "who=me", "train.py", "--epochs", "3",
    )  # fmt: skip
    assert config.serialize() == {
        "generator_config": {
            "name": "RANDOM",
            "parameter_space": {"lr": ["choice", [[0.1, 0.01]]], "dropout": ["uniform", [0, 0.5]]},
            "properties": {"seed": 7},
        },
        "policy_config": {
            "name": "Bandit",
            "properties": {"evaluation_interval": 1, "delay_evaluation": 0, "slack_factor": 0.2},
        },
        "primary_metric_config": {"name": "score", "goal": "maximize"},
        "max_total_jobs": 20,
        "max_concurrent_jobs": 4,
        "max_duration_minutes": 30.0,
    }
    assert (config.run_config.script, config.run_config.arguments) == ("train.py", ["--epochs", "3"])
    assert (experiment, tags) == ("here", {"who": "me"})


def test_a_finite_space_is_had_whole_and_at_most_a_week(configured):
    config, _, _ = configured(
        "--choice", "a=1,2,3", "--choice", "b=x,y", "--sampling", "grid", "--minimize", "loss", "train.py"
    )
    told = config.serialize()
    assert (told["generator_config"]["name"], told["max_total_jobs"], told["max_concurrent_jobs"]) == ("GRID", 6, 6)
    assert (told["max_duration_minutes"], told["policy_config"]) == (10080, {"name": "Default"})
    assert told["primary_metric_config"] == {"name": "loss", "goal": "minimize"}


@pytest.mark.parametrize(
    ("words", "expression"),
    [
        (("--choice", "x=1,2.5,rbf,1e-3,"), ["choice", [[1, 2.5, "rbf", 0.001, ""]]]),
        (("--choice", "x=2024_01,1_0,nan,inf,-inf"), ["choice", [["2024_01", "1_0", "nan", "inf", "-inf"]]]),
        (("--choice", "x=-1,true,a=b"), ["choice", [[-1, "true", "a=b"]]]),
        (("--choice", "--x=1"), ["choice", [[1]]]),
        (("--randint", "x=5"), ["randint", [5]]),
        (("--uniform", "x=-1,1"), ["uniform", [-1, 1]]),
        (("--quniform", "x=1,9,2"), ["quniform", [1, 9, 2]]),
        (("--loguniform", "x=-6,-1"), ["loguniform", [-6, -1]]),
        (("--qloguniform", "x=0,3,1"), ["qloguniform", [0, 3, 1]]),
        (("--normal", "x=0,1"), ["normal", [0, 1]]),
        (("--qnormal", "x=10,2,5"), ["qnormal", [10, 2, 5]]),
        (("--lognormal", "x=0,0.5"), ["lognormal", [0, 0.5]]),
        (("--qlognormal", "x=0,0.5,1"), ["qlognormal", [0, 0.5, 1]]),
    ],
)
def test_each_expression_has_an_option(configured, words, expression):
    config, _, _ = configured(*words, *METRIC, "--max-total-runs", "3", "train.py")
    assert repr(next(iter(space(config).values()))) == repr(expression)


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        (("--policy", "BanditPolicy", "--slack-amount", "0.5"), ("Bandit", {"slack_amount": 0.5})),
        (("--policy", "median", "--evaluation-interval", "2", "--delay-evaluation", "5"), ("MedianStopping", {})),
        (("--policy", "truncation", "--truncation-percentage", "20"), ("TruncationSelection", {"truncation_percentage": 20})),
        (("--policy", "asha", "--reduction-factor", "4", "--min-intervals", "2"), ("ASHA", {"reduction_factor": 4})),
        (("--policy", "none"), ("Default", {})),
    ],
)  # fmt: skip
def test_each_policy_has_its_settings(configured, words, policy):
    config, _, _ = configured(*LR, *METRIC, *words, "train.py")
    told = config.serialize()["policy_config"]
    assert told["name"] == policy[0]
    assert policy[1].items() <= told.get("properties", {}).items()


FILE = """
script: train.py
arguments: [--epochs, 3]
experiment: mine
seed: 5
sampling:
  type: random
  parameter_space:
  - {name: --lr, expression: choice, values: [0.1, 0.2]}
  - {name: units, expression: choice, values: [8, 16]}
policy: {type: BanditPolicy, slack_factor: 0.2, evaluation_interval: 2}
primary_metric_name: score
primary_metric_goal: Maximize
max_total_runs: 3
max_concurrent_runs: 2
max_duration_minutes: 100
"""


def test_a_file_says_all_of_it(configured, file):
    config, experiment, _ = configured(file(FILE))
    told = config.serialize()
    assert told["generator_config"]["properties"] == {"seed": 5}
    assert space(config) == {"--lr": ["choice", [[0.1, 0.2]]], "units": ["choice", [[8, 16]]]}
    limits = [told[name] for name in ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")]
    assert (limits, experiment) == ([3, 2, 100], "mine")
    assert (config.run_config.script, config.run_config.arguments) == ("train.py", ["--epochs", 3])


def test_options_win_over_the_file(configured, file):
    config, experiment, _ = configured(
        "--choice", "lr=1,2", "--choice", "more=7", "--sampling", "grid", "--seed", "6", "--minimize", "loss",
        "--max-total-runs", "4", "--max-concurrent-runs", "1", "--max-duration", "5", "--slack-amount", "0.1",
        "--experiment", "other", file(FILE), "other.py", "--quick",
    )  # fmt: skip
    told = config.serialize()
    assert list(space(config).items()) == [
        ("--lr", ["choice", [[1, 2]]]), ("units", ["choice", [[8, 16]]]), ("more", ["choice", [[7]]]),
    ]  # fmt: skip
    assert (told["generator_config"]["name"], told["generator_config"]["properties"]) == ("GRID", {"seed": 6})
    assert told["policy_config"]["properties"] == {"slack_amount": 0.1, "evaluation_interval": 2, "delay_evaluation": 0}
    assert told["primary_metric_config"] == {"name": "loss", "goal": "minimize"}
    limits = [told[name] for name in ("max_total_jobs", "max_concurrent_jobs", "max_duration_minutes")]
    assert (limits, experiment) == ([4, 1, 5], "other")
    assert (config.run_config.script, config.run_config.arguments) == ("other.py", ["--quick"])


def test_a_policy_that_is_typed_takes_the_place_of_the_files(configured, file):
    config, _, _ = configured("--policy", "median", file(FILE))
    assert config.serialize()["policy_config"]["name"] == "MedianStopping"


def test_a_seed_in_a_file_counts_for_a_space_that_is_typed(configured, file):
    config, _, _ = configured(*LR, *METRIC, file("seed: 5\nscript: train.py\n"))
    assert config.serialize()["generator_config"]["properties"] == {"seed": 5}


def test_paths_in_a_file_start_at_the_file(configured, file):
    name = file(FILE + "source_directory: project\nenvironment: requirements.txt\n", "below/sweep.yml")
    Path("below/requirements.txt").write_text("")
    config, _, _ = configured(name)
    assert config.source_directory == os.path.join("below", "project")
    plain, experiment, _ = configured(file(FILE.replace("experiment: mine", ""), "below/plain.yml"))
    assert (plain.source_directory, experiment) == ("below", "below")
    typed, _, _ = configured("below/plain.yml", "mine.py")
    assert (typed.source_directory, typed.run_config.script) == (".", "mine.py")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            (*METRIC, "train.py"),
            "the search space is empty: give it a parameter, such as --choice lr=0.1,0.01 or --uniform dropout=0,0.5",
        ),
        ((*LR, "train.py"), "say by which metric trials are compared: --maximize METRIC or --minimize METRIC"),
        ((*LR, *METRIC, "--minimize", "loss", "train.py"), "--maximize and --minimize exclude each other"),
        (
            ("--uniform", "lr=0,1", *METRIC, "train.py"),
            "this space has no end; say how many trials there are to be with --max-total-runs",
        ),
        (("--choice", "lr", *METRIC, "train.py"), "--choice is written NAME=V,V,…, not 'lr'"),
        (("--choice", "=1", *METRIC, "train.py"), "--choice is written NAME=V,V,…, not '=1'"),
        ((*LR, *LR, *METRIC, "train.py"), "the parameter lr is given twice"),
        ((*LR, "--uniform", "--lr=0,1", *METRIC, "train.py"), "the parameter --lr is given twice"),
        (("--uniform", "lr=0", *METRIC, "train.py"), "the parameter lr: uniform can't take [0]"),
        (("--uniform", "lr=1,0", *METRIC, "train.py"), "the parameter lr: uniform: min_value 1 must be smaller than max_value 0"),
        (("--uniform", "lr=0,a", *METRIC, "train.py"), "the parameter lr: uniform: max_value must be a finite number, not 'a'"),
        (("--randint", "n=2.5", *METRIC, "train.py"), "the parameter n: randint: upper must be a whole number above 0, not 2.5"),
        (("--choice", "two words=1", *METRIC, "train.py"), "'two words' can't be a parameter's name: it becomes an argument"),
        (
            ("--uniform", "lr=0,1", "--sampling", "grid", *METRIC, "train.py"),
            "the parameter lr is uniform, and GRID sampling takes choice only",
        ),
        ((*LR, *METRIC, "--sampling", "sobol", "train.py"), "Invalid value for '--sampling': 'sobol' is not one of"),
        (
            (*LR, *METRIC, "--policy", "hyperband", "train.py"),
            "the type of the policy is bandit, median, truncation, asha or none, not 'hyperband'",
        ),
        ((*LR, *METRIC, "--policy", "bandit", "train.py"), "BanditPolicy: give either slack_factor or slack_amount"),
        (
            (*LR, *METRIC, "--policy", "median", "--slack-factor", "1", "train.py"),
            "the policy MedianStopping can't take {'slack_factor': 1.0}",
        ),
        ((*LR, *METRIC, "--slack-factor", "1", "train.py"), "--slack-factor belongs to a policy; name it with --policy"),
        ((*LR, *METRIC, "--max-total-runs", "0", "train.py"), "max_total_runs is a whole number of 1 or more, not 0"),
        ((*LR, *METRIC, "--max-concurrent-runs", "0", "train.py"), "max_concurrent_runs is a whole number of 1 or more, not 0"),
        ((*LR, *METRIC, "--max-duration", "0", "train.py"), "max_duration_minutes is a number above 0, not 0.0"),
        (
            (*LR, *METRIC, "--max-concurrent-runs", "3", "train.py"),
            "max_concurrent_runs 3 is more than max_total_runs 2; lower it, or leave it out",
        ),
        ((*LR, *METRIC, "none.yaml"), "none.yaml can't be read: No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_said_in_one_line(refused, words, message):
    assert refused(*words).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("script: train.py", ""),
            "sweep.yaml names no script; give one behind it: turnout sweep start sweep.yaml train.py",
        ),
        (("max_total_runs: 3", "max_total_runs: 0"), "max_total_runs is a whole number of 1 or more, not 0"),
        (("max_total_runs: 3", "max_total_runs: many"), "max_total_runs is a whole number of 1 or more, not 'many'"),
        (("max_duration_minutes: 100", "max_duration_minutes: 0"), "max_duration_minutes is a number above 0, not 0"),
        (("[--epochs, 3]", "--epochs 3"), "sweep.yaml: arguments is a list such as [--epochs, 3], not '--epochs 3'"),
        (("experiment: mine", "experiment: [1]"), "sweep.yaml: experiment is a text, not [1]"),
        (("script: train.py", "script: {a: 1}"), "sweep.yaml: script is a text, not {'a': 1}"),
        (("goal: Maximize", "goal: best"), "the goal of the primary metric is maximize or minimize, not 'best'"),
        (
            ("primary_metric_goal: Maximize", ""),
            "sweep.yaml names no primary_metric_goal; give maximize or minimize there, or type --maximize score",
        ),
        (
            ("primary_metric_name: score", ""),
            "say by which metric trials are compared: --maximize METRIC or --minimize",
        ),
        (("type: random", "type: sobol"), "sweep.yaml: the type of sampling is random, grid or bayesian, not 'sobol'"),
    ],
)
def test_what_a_file_lacks_is_said_in_one_line(refused, file, change, message):
    assert change[0] in FILE
    assert refused(file(FILE.replace(*change))).startswith(message)


def test_the_help_names_every_expression(turnout):
    out = turnout("sweep", "start", "--help").out
    assert all(f"--{kind} NAME=" in out for kind in start.EXPRESSIONS)
