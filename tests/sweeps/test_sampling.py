from __future__ import annotations

import json
from typing import Any

import numpy
import pytest

from turnout.sweeps import sampling as samplings
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.parameter_expressions import choice, loguniform, normal, quniform, randint, uniform
from turnout.sweeps.sampling import (
    BayesianParameterSampling,
    GridParameterSampling,
    HyperParameterSampling,
    RandomParameterSampling,
)

ALL = (RandomParameterSampling, GridParameterSampling, BayesianParameterSampling)


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (
            RandomParameterSampling({"--lr": loguniform(-6, -1), "n": choice(1, 2)}),
            {"name": "RANDOM", "parameter_space": {"--lr": ["loguniform", [-6, -1]], "n": ["choice", [[1, 2]]]}},
        ),
        (
            RandomParameterSampling({"lr": normal(0, 1)}, properties={"seed": 7}),
            {"name": "RANDOM", "parameter_space": {"lr": ["normal", [0, 1]]}, "properties": {"seed": 7}},
        ),
        (
            GridParameterSampling({"layers": choice([64], [64, 32])}),
            {"name": "GRID", "parameter_space": {"layers": ["choice", [[[64], [64, 32]]]]}},
        ),
        (
            BayesianParameterSampling({"a": choice("x", "y"), "b": uniform(0, 1), "c": quniform(1, 9, 2)}),
            {
                "name": "BayesianOptimization",
                "parameter_space": {"a": ["choice", [["x", "y"]]], "b": ["uniform", [0, 1]], "c": ["quniform", [1, 9, 2]]},
            },
        ),
    ],
)  # fmt: skip
def test_a_sampling_is_v1s_json_and_comes_back(made: HyperParameterSampling, data: dict[str, Any]) -> None:
    assert made.to_json() == data
    assert list(made.to_json()["parameter_space"]) == list(data["parameter_space"])
    back = samplings.from_json(json.loads(json.dumps(data)))
    assert type(back) is type(made)
    assert back.to_json() == data


def test_a_sampling_shows_its_space() -> None:
    assert repr(GridParameterSampling({"a": choice(1)})) == "GridParameterSampling({'a': ['choice', [[1]]]})"


@pytest.mark.parametrize("make", ALL)
def test_an_empty_space_is_refused(make: Any) -> None:
    with pytest.raises(HyperDriveConfigException, match="the parameter space is empty"):
        make({})


@pytest.mark.parametrize("expression", [randint(3), uniform(0, 1), quniform(0, 9, 1), normal(0, 1)])
def test_a_grid_takes_choices_only(expression: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        GridParameterSampling({"a": choice(1), "--b": expression})
    assert str(caught.value) == f"the parameter --b is {expression[0]}, and GRID sampling takes choice only"


@pytest.mark.parametrize("expression", [randint(3), loguniform(0, 1), normal(0, 1), ["qnormal", [0, 1, 1]]])
def test_bayesian_sampling_takes_three_expressions_only(expression: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        BayesianParameterSampling({"--b": expression})
    words = "and BayesianOptimization sampling takes choice, uniform, quniform only"
    assert str(caught.value) == f"the parameter --b is {expression[0]}, {words}"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (quniform(0.5, 9, 1), "quniform takes whole bounds under Bayesian sampling, not 0.5 and 9"),
        (quniform(0, 100_001, 1), "quniform has more than 100,000 values; take a larger q"),
        (choice(1, "a"), "under Bayesian sampling the choices are all strings or none is"),
        (choice([1, 2], [3]), "under Bayesian sampling choices are strings or numbers"),
    ],
)
def test_bayesian_sampling_has_v1s_limits(expression: Any, message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        BayesianParameterSampling({"--b": expression})
    assert str(caught.value) == f"the parameter --b: {message}"


def test_bayesian_sampling_takes_what_is_just_inside_v1s_limits() -> None:
    BayesianParameterSampling({"a": quniform(0, 100_000, 1), "b": quniform(-2.0, 9, 3), "c": choice(1, 2.5)})


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"sed": 1}, "sampling has no property 'sed'; it has seed"),
        ({"seed": "1"}, "the seed of a sampling is a whole number, not '1'"),
        ({"seed": 1.0}, "the seed of a sampling is a whole number, not 1.0"),
        ({"seed": True}, "the seed of a sampling is a whole number, not True"),
        ({"seed": None}, "the seed of a sampling is a whole number, not None"),
        (5, "the properties of a sampling are names and values such as {'seed': 1}, not 5"),
        ([1], "the properties of a sampling are names and values such as {'seed': 1}, not [1]"),
    ],
)
def test_a_property_that_cannot_be_used_is_named(properties: Any, message: str) -> None:
    for make in ALL:
        with pytest.raises(HyperDriveConfigException) as caught:
            make({"a": choice(1)}, properties)
        assert str(caught.value) == message


def test_a_seed_may_be_numpys() -> None:
    made = RandomParameterSampling({"a": choice(1)}, {"seed": numpy.int64(3)})
    assert json.loads(json.dumps(made.to_json()))["properties"] == {"seed": 3}


@pytest.mark.parametrize("name", [None, "random", "SOBOL"])
def test_json_that_names_no_sampling_is_refused(name: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        samplings.from_json({"name": name, "parameter_space": {"a": choice(1)}})
    assert str(caught.value) == f"there is no sampling {name!r}; there is RANDOM, GRID, BayesianOptimization"
