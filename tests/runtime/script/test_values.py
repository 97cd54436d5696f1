from __future__ import annotations

import decimal
import enum
import fractions
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime import events
from turnout.runtime.script import values
from turnout.runtime.script.exceptions import UserErrorException


def read_back(value: Any) -> Any:
    return events.decode_value(json.loads(values.scalar_text("m", value), parse_constant=_no_constants))


def _no_constants(word: str) -> Any:
    raise AssertionError(f"not strict JSON: {word}")


@given(st.one_of(st.floats(allow_nan=False), st.integers(-(10**600), 10**600), st.booleans(), st.text(), st.none()))
def test_plain_scalars_come_back_exactly(value: Any) -> None:
    found = read_back(value)
    assert found == value
    assert type(found) is type(value)


def test_nan_and_infinities_are_kept() -> None:
    assert math.isnan(read_back(float("nan")))
    assert read_back(float("inf")) == math.inf
    assert read_back(np.float32("-inf")) == -math.inf


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.int64(3), 3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(0.25), 0.25),
        (np.array([[4]]), 4),
        (decimal.Decimal("0.1"), 0.1),
        (fractions.Fraction(1, 4), 0.25),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
    ],
)
def test_scalars_of_other_kinds_become_plain_ones(given_value: Any, expected: Any) -> None:
    found = read_back(given_value)
    assert found == expected
    assert type(found) is type(expected)


class Tensor:
    """Like a tensor that has no `item`, only `numpy`."""

    dtype = "float32"
    shape = (1,)

    def numpy(self) -> Any:
        return np.array([1.5], dtype=np.float32)


def test_an_array_without_item_gives_its_element_through_numpy() -> None:
    assert read_back(Tensor()) == 1.5


@pytest.mark.parametrize("value", [[1], (1, 2), range(3), (i for i in [1]), {1}, np.array([1, 2]), np.array([])])
def test_collections_are_sent_to_log_list(value: Any) -> None:
    with pytest.raises(
        UserErrorException, match=r"'loss': run.log does not support \w+ type. Use run.log_list instead"
    ):
        values.scalar_text("loss", value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, "Use run.log_row or run.log_table instead"),
        (b"12", "is bytes"),
        (bytearray(b"1"), "is bytes"),
        (np.bytes_(b"1"), "is bytes"),
        (Path("x"), "Path"),
        (object(), "object"),
        (1 + 2j, "complex"),
        (np.complex64(1j), "complex"),
        (np.datetime64("2026-01-01"), "is a time"),
        (np.timedelta64(3, "ns"), "is a time"),
        (decimal.Decimal("1e400"), "Decimal"),
        (decimal.Decimal("sNaN"), "Decimal"),
        pytest.param(10**5000, "bits", id="huge"),
    ],
)
def test_what_has_no_value_is_refused_by_name(value: Any, words: str) -> None:
    with pytest.raises(UserErrorException, match=words) as caught:
        values.scalar_text("my metric", value)
    assert "my metric" in str(caught.value)


def some() -> Iterator[int]:
    yield 1
    yield 2


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ([1, 2.5, "a", None, True], [1, 2.5, "a", None, True]),
        ((1,), [1]),
        (range(3), [0, 1, 2]),
        (some(), [1, 2]),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (np.array([1, 2], dtype=np.int8), [1, 2]),
        ([np.float32(0.5), decimal.Decimal(2)], [0.5, 2.0]),
        ([], []),
        (np.array([]), []),
    ],
)
def test_sequences_become_lists(given_value: Any, expected: list[Any]) -> None:
    found = values.sequence("log_list", "metric 'm'", given_value)
    assert found == expected
    assert [type(item) for item in found] == [type(item) for item in expected]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("abc", "is a str"),
        (b"abc", "is a bytes"),
        ({"a": 1}, "is a dict"),
        (3, "is a int"),
        (None, "NoneType"),
        (np.zeros((2, 3)), "array of 2 dimensions"),
        (np.array(3), "array of 0 dimensions"),
        ([1, [2]], "item 1"),
        ([b"x"], "item 0"),
    ],
)
def test_what_is_no_list_is_refused(value: Any, words: str) -> None:
    with pytest.raises(UserErrorException, match=words):
        values.sequence("log_list", "metric 'm'", value)


def test_table_takes_columns_of_one_length() -> None:
    found = values.table("t", {"x": [1, 2], "y": np.array([0.5, 1.5]), 3: range(2)})
    assert found == {"x": [1, 2], "y": [0.5, 1.5], "3": [0, 1]}


def test_table_of_scalars_is_one_row() -> None:
    assert values.table("t", {"x": 1, "y": "a"}) == {"x": [1], "y": ["a"]}


def test_uneven_columns_are_named_with_their_lengths() -> None:
    with pytest.raises(UserErrorException, match=r"x: 2, y: 1"):
        values.table("t", {"x": [1, 2], "y": [1]})


@pytest.mark.parametrize("value", [[1, 2], 3, "abc", None, {}])
def test_a_table_that_is_no_dict_of_columns_is_refused(value: Any) -> None:
    with pytest.raises(UserErrorException, match="dict of columns"):
        values.table("t", value)


def test_a_row_refuses_a_list_and_names_the_column() -> None:
    with pytest.raises(UserErrorException, match=r"column 'x'.*run.log_row does not support list type"):
        values.row("r", {"x": [1]})


def test_a_row_without_columns_is_refused() -> None:
    with pytest.raises(UserErrorException, match="no columns"):
        values.row("r", {})


def test_a_column_that_means_something_else_in_the_record_is_refused() -> None:
    with pytest.raises(UserErrorException, match="can't be called"):
        values.row("r", {"$float": "x"})


@pytest.mark.parametrize(("given_value", "expected"), [(3, 3), (np.int64(4), 4), (2.0, 2), (True, 1)])
def test_steps_are_integers(given_value: Any, expected: int) -> None:
    assert values.step("m", given_value) == expected


@pytest.mark.parametrize("value", [1.5, "a", float("nan")])
def test_other_steps_are_refused(value: Any) -> None:
    with pytest.raises(UserErrorException, match="step"):
        values.step("m", value)


@pytest.mark.parametrize("name", ["", None, 3, b"a"])
def test_metric_names_are_strings_that_are_not_empty(name: Any) -> None:
    with pytest.raises(UserErrorException, match="metric's name"):
        values.metric_name(name)
