from __future__ import annotations

import json
from typing import Any

import numpy
import pytest

from turnout.sweeps import parameter_expressions as expressions
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.parameter_expressions import choice, randint


@pytest.mark.parametrize(
    ("made", "form"),
    [
        (choice(1, 2.5, "three"), ["choice", [[1, 2.5, "three"]]]),
        (choice([1, 2]), ["choice", [[1, 2]]]),
        (choice((1, 2)), ["choice", [[1, 2]]]),
        (choice(range(3)), ["choice", [[0, 1, 2]]]),
        (choice(n * n for n in (1, 2)), ["choice", [[1, 4]]]),
        (choice([1, 2], [3]), ["choice", [[[1, 2], [3]]]]),
        (choice("word"), ["choice", [["word"]]]),
        (choice({"a": 1}), ["choice", [[{"a": 1}]]]),
        (choice({7}), ["choice", [[7]]]),
        (choice(True, False), ["choice", [[True, False]]]),
        (choice(numpy.array([1, 2])), ["choice", [[1, 2]]]),
        (choice(numpy.array([[1, 2], [3, 4]])), ["choice", [[[1, 2], [3, 4]]]]),
        (choice(numpy.array(3)), ["choice", [[3]]]),
        (choice(numpy.float64(0.5), numpy.int32(3), numpy.bool_(True), numpy.str_("a")), ["choice", [[0.5, 3, True, "a"]]]),
        (choice(numpy.array([1, 2]), numpy.array([3])), ["choice", [[[1, 2], [3]]]]),
        (choice([numpy.float32(0.5), 1], 2), ["choice", [[[0.5, 1], 2]]]),
        (choice({"a": numpy.int64(1)}), ["choice", [[{"a": 1}]]]),
        (randint(5), ["randint", [5]]),
        (randint(numpy.int64(5)), ["randint", [5]]),
        (expressions.uniform(0.1, 1), ["uniform", [0.1, 1]]),
        (expressions.uniform(numpy.float32(0.5), numpy.float64(1.5)), ["uniform", [0.5, 1.5]]),
        (expressions.quniform(1, 10, 2), ["quniform", [1, 10, 2]]),
        (expressions.quniform(1, 10, 2.0), ["quniform", [1, 10, 2]]),
        (expressions.loguniform(-6, -1), ["loguniform", [-6, -1]]),
        (expressions.loguniform(-6, -6), ["loguniform", [-6, -6]]),
        (expressions.qloguniform(0, 3.5, 1), ["qloguniform", [0, 3.5, 1]]),
        (expressions.normal(10, 3), ["normal", [10, 3]]),
        (expressions.normal(10, 0), ["normal", [10, 0]]),
        (expressions.qnormal(10, 3, 2), ["qnormal", [10, 3, 2]]),
        (expressions.lognormal(0, 0.5), ["lognormal", [0, 0.5]]),
        (expressions.qlognormal(0, 0.5, 1), ["qlognormal", [0, 0.5, 1]]),
    ],
)  # fmt: skip
def test_an_expression_is_a_plain_list_that_json_keeps(made: Any, form: Any) -> None:
    # Compared as text: 1, 1.0 and True are three different arguments of a script.
    assert repr(made) == repr(form)
    assert repr(json.loads(json.dumps(made))) == repr(form)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("choice", (), "choice: give it at least one value"),
        ("choice", ([],), "choice: give it at least one value"),
        ("randint", (0,), "randint: upper must be a whole number above 0, not 0"),
        ("randint", (2.0,), "randint: upper must be a whole number above 0, not 2.0"),
        ("randint", (True,), "randint: upper must be a whole number above 0, not True"),
        ("uniform", (1, 1), "uniform: min_value 1 must be smaller than max_value 1"),
        ("uniform", (2, 1), "uniform: min_value 2 must be smaller than max_value 1"),
        ("uniform", ("0", 1), "uniform: min_value must be a finite number, not '0'"),
        ("uniform", (0, float("inf")), "uniform: max_value must be a finite number, not inf"),
        ("uniform", (float("nan"), 1), "uniform: min_value must be a finite number, not nan"),
        ("uniform", (False, 1), "uniform: min_value must be a finite number, not False"),
        ("uniform", (None, 1), "uniform: min_value must be a finite number, not None"),
        ("quniform", (0, 10, 0), "quniform: q must be a whole number above 0, not 0"),
        ("quniform", (0, 10, -1), "quniform: q must be a whole number above 0, not -1"),
        ("quniform", (0, 10, 0.5), "quniform: q must be a whole number above 0, not 0.5"),
        ("quniform", (10, 10, 1), "quniform: min_value 10 must be smaller than max_value 10"),
        ("loguniform", (1, 0), "loguniform: min_value 1 must be smaller than max_value 0"),
        ("qloguniform", (0, 1, "1"), "qloguniform: q must be a finite number, not '1'"),
        ("normal", (0, -1), "normal: sigma must not be negative, not -1"),
        ("normal", ("a", 1), "normal: mu must be a finite number, not 'a'"),
        ("qnormal", (0, 1, 1.5), "qnormal: q must be a whole number above 0, not 1.5"),
        ("lognormal", (0, -0.1), "lognormal: sigma must not be negative, not -0.1"),
        ("qlognormal", (0, 1, float("inf")), "qlognormal: q must be a finite number, not inf"),
    ],
)
def test_what_an_expression_cannot_take_is_named(name: str, arguments: Any, message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        expressions.EXPRESSIONS[name](*arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("bound", [10**400, numpy.array([1, 2])])
def test_a_bound_that_is_no_float_is_refused_like_any_other(bound: Any) -> None:
    with pytest.raises(HyperDriveConfigException, match="uniform: max_value must be a finite number, not"):
        expressions.uniform(0, bound)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: expressions.uniform(-1e308, 1e308),
            "uniform: the distance from -1e+308 to 1e+308 is no finite number",
        ),
        (
            lambda: expressions.quniform(-1e308, 1e308, 1),
            "quniform: the distance from -1e+308 to 1e+308 is no finite number",
        ),
        (
            lambda: expressions.normal(1e308, 1e307),
            "normal: mu 1e+308 and sigma 1e+307 reach beyond all finite numbers",
        ),
        (lambda: expressions.qnormal(0, 1e308, 1), "qnormal: mu 0 and sigma 1e+308 reach beyond all finite numbers"),
    ],
)
def test_what_would_draw_no_finite_number_is_refused(make: Any, message: str) -> None:
    with pytest.raises(HyperDriveConfigException) as caught:
        make()
    assert str(caught.value) == message


def test_there_are_the_ten_expressions_of_v1() -> None:
    names = "choice randint uniform quniform loguniform qloguniform normal qnormal lognormal qlognormal"
    assert list(expressions.EXPRESSIONS) == names.split()
