from __future__ import annotations

import argparse
import itertools
import math
import random
from statistics import NormalDist
from typing import Any

import pytest

from turnout.sweeps import parameter_expressions as expressions
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.parameter_expressions import choice, randint, uniform
from turnout.sweeps.space import Parameter, Space, arguments, flag

DRAWS = 20_000
NORMAL = NormalDist(2, 0.5)
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
DISTRIBUTIONS = {
    "uniform": (expressions.uniform(-3, 5), lambda share: -3 + 8 * share),
    "loguniform": (expressions.loguniform(-6, -1), lambda share: math.exp(-6 + 5 * share)),
    "normal": (expressions.normal(2, 0.5), NORMAL.inv_cdf),
    "lognormal": (expressions.lognormal(2, 0.5), lambda share: math.exp(NORMAL.inv_cdf(share))),
}
STEPPED = {
    "quniform": (expressions.quniform(-30, 50, 4), lambda x: (x + 30) / 80),
    "qloguniform": (expressions.qloguniform(1, 5, 3), lambda x: (math.log(x) - 1) / 4 if x > 0 else 0.0),
    "qnormal": (expressions.qnormal(20, 5, 2), NormalDist(20, 5).cdf),
    "qlognormal": (expressions.qlognormal(2, 0.5, 2), lambda x: NORMAL.cdf(math.log(x)) if x > 0 else 0.0),
}


def drawn(expression: Any, count: int = DRAWS) -> list[Any]:
    parameter, source = Parameter("x", expression), random.Random(7)
    return [parameter.draw(source) for _ in range(count)]


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_the_quantiles_of_many_draws_are_those_of_the_formula(kind: str) -> None:
    expression, quantile = DISTRIBUTIONS[kind]
    values = sorted(drawn(expression))
    for share in SHARES:
        below = sum(value <= quantile(share) for value in values) / DRAWS
        assert abs(below - share) < 0.015  # four standard errors of the median


@pytest.mark.parametrize("kind", STEPPED)
def test_stepped_draws_are_whole_multiples_with_the_mass_of_the_interval_around_each(kind: str) -> None:
    expression, cumulative = STEPPED[kind]
    step = expression[1][2]
    values = drawn(expression)
    assert {type(value) for value in values} == {int}
    assert all(value % step == 0 for value in values)
    counts = {value: values.count(value) / DRAWS for value in set(values)}
    for value, share in counts.items():
        low, high = (min(1.0, max(0.0, cumulative(value + way * step / 2))) for way in (-1, 1))
        assert abs(share - (high - low)) < 0.015, value
    assert len(counts) > 5


def test_bounded_draws_stay_inside() -> None:
    assert all(0.1 <= value <= 0.2 for value in drawn(expressions.uniform(0.1, 0.2), 1000))
    assert all(math.exp(-6) <= value <= math.exp(-1) for value in drawn(expressions.loguniform(-6, -1), 1000))
    assert drawn(expressions.loguniform(-2, -2), 2) == [math.exp(-2)] * 2
    assert drawn(expressions.normal(3, 0), 2) == [3.0, 3.0]
    assert all(math.isfinite(value) for value in drawn(expressions.lognormal(0, 700), 1000))


@pytest.mark.parametrize(("expression", "values"), [(choice("a", 1, 2.5), ["a", 1, 2.5]), (randint(4), [0, 1, 2, 3])])
def test_counted_draws_are_all_alike(expression: Any, values: list[Any]) -> None:
    found = drawn(expression)
    assert all(abs(found.count(value) / DRAWS - 1 / len(values)) < 0.015 for value in values)
    assert sum(found.count(value) for value in values) == DRAWS


def test_the_grid_is_every_combination_and_the_last_parameter_changes_fastest() -> None:
    space = Space({"kernel": choice("linear", "rbf"), "n": randint(2), "--penalty": choice(0.5, 1, 1.5)})
    assert space.size() == 12
    found = [tuple(space.nth(number).values()) for number in range(12)]
    assert found == list(itertools.product(("linear", "rbf"), (0, 1), (0.5, 1, 1.5)))
    assert list(space.nth(5)) == ["kernel", "n", "--penalty"]


def test_one_parameter_that_cannot_be_counted_makes_the_space_endless() -> None:
    assert Space({"a": choice(1, 2), "b": uniform(0, 1)}).size() is None
    assert Space({"a": randint(10**9), "b": randint(10**9)}).size() == 10**18


def test_values_become_arguments_that_argparse_reads_back() -> None:
    values = {"lr": 0.1, "--kernel": "rbf", "-n": 3, "layers": [64, [32, "ü"]], "tiny": 1e-07, "quick": True}
    words = arguments(values)
    assert words == [
        "--lr", "0.1", "--kernel", "rbf", "-n", "3", "--layers", '[64, [32, "ü"]]', "--tiny", "1e-07", "--quick", "True",
    ]  # fmt: skip
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("-n", type=int)
    known, _ = parser.parse_known_args(words)
    assert (known.lr, known.n) == (0.1, 3)


def test_a_mapping_becomes_json_and_a_text_stays_as_it_is() -> None:
    assert arguments({"x": {"a": [1, 2.5], "b": None}, "y": "two words", "z": ""}) == [
        "--x", '{"a": [1, 2.5], "b": null}', "--y", "two words", "--z", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "made"), [("lr", "--lr"), ("--lr", "--lr"), ("-l", "-l"), ("a-b", "--a-b")])
def test_a_name_gets_the_dashes_that_it_lacks(name: str, made: str) -> None:
    assert flag(name) == made


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e300, 5e-324, -0.0, 2**53 + 1.0])
def test_a_float_reaches_the_script_exactly(number: float) -> None:
    assert math.copysign(1, float(arguments({"x": number})[1])) == math.copysign(1, number)
    assert float(arguments({"x": number})[1]) == number


@pytest.mark.parametrize("parameters", [{}, None, [], "lr", [("lr", choice(1))]])
def test_an_empty_space_is_refused(parameters: Any) -> None:
    with pytest.raises(HyperDriveConfigException, match="the parameter space is empty: give it names and expressions"):
        Space(parameters)


@pytest.mark.parametrize("name", ["", "--", "two words", "a\0b", "tab\t", 3, None])
def test_a_name_that_cannot_be_an_argument_is_refused(name: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        Space({name: choice(1)})
    assert str(caught.value) == f"{name!r} can't be a parameter's name: it becomes an argument such as --lr"


def test_a_parameter_with_and_without_dashes_is_twice_the_same() -> None:
    with pytest.raises(HyperDriveConfigException, match="the parameter --lr is in the space twice"):
        Space({"lr": choice(1), "--lr": choice(2)})


@pytest.mark.parametrize(
    "expression",
    [0.1, None, "uniform", [0.1, 0.2], ["uniform"], ["uniform", 1], ["beta", [1, 2]], [[0.1], [0.2]], {"uniform": [0, 1]}],
)  # fmt: skip
def test_what_is_no_expression_is_refused_under_the_parameters_name(expression: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        Space({"--lr": expression})
    assert str(caught.value).startswith("the parameter --lr must be one of choice, randint, ")
    assert str(caught.value).endswith(f"not {expression!r}")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (["uniform", [0]], "the parameter --lr: uniform can't take [0]"),
        (["uniform", [0, 1, 2]], "the parameter --lr: uniform can't take [0, 1, 2]"),
        (["uniform", [1, 0]], "the parameter --lr: uniform: min_value 1 must be smaller than max_value 0"),
        (["choice", []], "the parameter --lr: choice: give it at least one value"),
        (["choice", [[]]], "the parameter --lr: choice: give it at least one value"),
        (
            ["loguniform", [0, 1000]],
            "the parameter --lr: loguniform takes logarithms, and exp(1000) is no finite number",
        ),
        (["lognormal", [800, 1]], "the parameter --lr: lognormal takes logarithms, and exp(800) is no finite number"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_under_the_parameters_name(expression: Any, message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        Space({"--lr": expression})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "value", [None, float("nan"), float("inf"), object(), b"bytes", 1j, [1, float("nan")], {"a": object()}, [{1, 2}]]
)
def test_a_choice_that_cannot_be_an_argument_is_refused_under_the_parameters_name(value: Any) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        Space({"--lr": ["choice", [[1, value]]]})
    words = "can't be an argument; choices are strings, numbers, and lists of them"
    assert str(caught.value) == f"the parameter --lr: {value!r} {words}"


def test_a_text_with_a_null_character_is_refused() -> None:
    with pytest.raises(HyperDriveConfigException, match=r"the parameter x: 'a\\x00b' holds a null character"):
        Space({"x": choice("a\0b")})
    with pytest.raises(HyperDriveConfigException, match="the parameter x: "):
        Space({"x": ["choice", [["fine", "\0"]]]})


def test_choices_are_kept_as_json_has_them() -> None:
    parameter = Space({"x": choice((1, 2), {"a": (3,)})}).parameters[0]
    assert parameter.arguments == [[1, 2], {"a": [3]}]
