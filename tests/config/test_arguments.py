"""What a script gets of the arguments and variables that were given."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.config.arguments import argument_strings, variable_strings, wire_values
from turnout.exceptions import RunConfigurationException


class Where:
    def __fspath__(self) -> str:
        return "some/where"


def test_strings_numbers_and_paths_may_be_mixed() -> None:
    given = ["--alpha", 0.4, "-n", 3, True, Path("data/in"), PurePosixPath("x"), Where(), ""]
    assert argument_strings(given) == ["--alpha", "0.4", "-n", "3", "True", "data/in", "x", "some/where", ""]


def test_numbers_of_numpy_are_taken_as_what_they_are() -> None:
    assert argument_strings([numpy.float64(0.1), numpy.int64(7)]) == ["0.1", "7"]
    assert wire_values([numpy.float64(0.1), numpy.int64(7)]) == [0.1, 7]
    assert [type(value) for value in wire_values([numpy.float64(0.1), numpy.int64(7)])] == [float, int]


@given(st.floats())
def test_a_float_reaches_the_script_exactly(value: float) -> None:
    (text,) = argument_strings([value])
    assert float(text) == value or value != value


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))))
def test_text_reaches_the_script_untouched(words: list[str]) -> None:
    assert argument_strings(words) == words
    assert wire_values(words) == words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--x", None], "^argument 2 is None; arguments are strings, numbers or paths$"),
        (["--x", ["a"]], r"^argument 2 is of the class list \(\['a'\]\); "),
        ([b"x"], "^argument 1 is of the class bytes"),
        ([object()], "^argument 1 is of the class object"),
        (["a\0b"], "^argument 1 holds a null character"),
        ("--x 1", "shlex.split"),
        ({"--x": 1}, "^arguments are a list"),
    ],
)
def test_what_a_script_can_not_be_given_is_named(arguments: Any, message: str) -> None:
    for function in (argument_strings, wire_values):
        with pytest.raises(RunConfigurationException, match=message):
            function(arguments)


def test_no_arguments_are_no_arguments() -> None:
    assert argument_strings(None) == argument_strings(()) == []


def test_variables_become_strings() -> None:
    assert variable_strings({"A": "x", "B": 2, "C": 0.5, "D": Path("p")}) == {"A": "x", "B": "2", "C": "0.5", "D": "p"}
    assert variable_strings(None) == {}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"A=B": "x"}, "'A=B' can't be the name"),
        ({"": "x"}, "'' can't be the name"),
        ({"A": None}, "the environment variable A must be a string or a number, not None"),
        ({"A": "x\0"}, "A holds a null character"),
    ],
)
def test_a_variable_that_no_process_can_have_is_named(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(RunConfigurationException, match=message):
        variable_strings(variables)
