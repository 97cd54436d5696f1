from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime import events

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text().filter(lambda key: key != "$float"), inner, max_size=4)
    ),
    max_leaves=10,
)


def metric(name: str, kind: str, value: Any, t: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"t": t, "e": "metric", "name": name, "kind": kind, "value": events.encode_value(value), **more}


def write(directory: Path, name: str, *values: Any) -> None:
    directory.mkdir(exist_ok=True)
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    (directory / name).write_text("".join(line + "\n" for line in lines))


def same(one: Any, other: Any) -> bool:
    """Compare as `==`, but NaN equals NaN."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other) and type(one) is type(other)


@given(VALUES)
def test_values_come_back_through_strict_json(value: Any) -> None:
    text = json.dumps(events.encode_value(value), allow_nan=False)
    assert same(events.decode_value(json.loads(text)), value)


def test_events_of_all_writers_are_merged_by_time(tmp_path: Path) -> None:
    write(tmp_path / "events", "a.jsonl", {"t": 1, "n": "a1"}, {"t": 4, "n": "a4"})
    write(tmp_path / "events", "b.jsonl", {"t": 2, "n": "b2"}, {"t": 3, "n": "b3"})
    write(tmp_path / "events", "notes.txt", {"t": 0, "n": "no writer"})
    found, skipped = events.read_all(str(tmp_path / "events"))
    assert [event["n"] for event in found] == ["a1", "b2", "b3", "a4"]
    assert skipped == 0


def test_events_can_be_read_without_the_metrics(tmp_path: Path) -> None:
    compact = [
        '{"t":1.0,"e":"metric","name":"m","kind":"scalar","value":1}',
        json.dumps({"t": 2.0, "e": "tag", "key": "k", "value": '"e":"metric"'}, separators=(",", ":")),
    ]
    write(tmp_path / "events", "a.jsonl", *compact)
    [event] = events.read_all(str(tmp_path / "events"), metrics=False)[0]
    assert event["value"] == '"e":"metric"'
    assert len(events.read_all(str(tmp_path / "events"))[0]) == 2


def test_a_clock_that_is_set_back_does_not_reorder_a_writer(tmp_path: Path) -> None:
    write(tmp_path / "events", "a.jsonl", {"t": 10, "n": 1}, {"t": 5, "n": 2}, {"t": 11, "n": 4})
    write(tmp_path / "events", "b.jsonl", {"t": 10.5, "n": 3})
    assert [event["n"] for event in events.read_all(str(tmp_path / "events"))[0]] == [1, 2, 3, 4]


def test_torn_lines_are_counted_and_unfinished_ones_waited_for(tmp_path: Path) -> None:
    write(tmp_path / "events", "a.jsonl", {"t": 1}, '{"t": 2, "e', {"t": 3})
    with open(tmp_path / "events" / "a.jsonl", "a") as stream:
        stream.write('{"t": 4')
    found, skipped = events.read_all(str(tmp_path / "events"))
    assert [event["t"] for event in found] == [1, 3]
    assert skipped == 1


def test_a_run_without_events_reads_as_empty(tmp_path: Path) -> None:
    assert events.read_all(str(tmp_path / "none")) == ([], 0)
    os.mkdir(tmp_path / "empty")
    assert events.read_all(str(tmp_path / "empty")) == ([], 0)


@pytest.mark.parametrize(
    ("reported", "shaped"),
    [
        ([("scalar", 1)], 1),
        ([("scalar", 1), ("scalar", 2.5), ("scalar", "a")], [1, 2.5, "a"]),
        ([("list", [1, 2]), ("list", [3])], [1, 2, 3]),
        ([("list", [7])], 7),
        ([("scalar", 1), ("list", [2, 3])], [1, 2, 3]),
        ([("scalar", None), ("scalar", 1)], [None, 1]),
        ([("row", {"x": 1, "y": "a"})], {"x": 1, "y": "a"}),
        ([("row", {"x": 1}), ("row", {"x": 2})], {"x": [1, 2]}),
        ([("table", {"x": [1, 2], "y": [3, 4]}), ("row", {"x": 5, "y": 6})], {"x": [1, 2, 5], "y": [3, 4, 6]}),
        ([("table", {"x": [1], "y": [2]})], {"x": 1, "y": 2}),
        ([("image", {"$artifact": "a.png"})], "prefix/a.png"),
        ([("residuals", {"$artifact": "r"}), ("residuals", {"$artifact": "s"})], ["prefix/r", "prefix/s"]),
    ],
)
def test_metrics_have_v1s_shape(reported: list[tuple[str, Any]], shaped: Any) -> None:
    found = events.metrics([metric("m", kind, value) for kind, value in reported], "prefix/")
    assert found == {"m": shaped}


@pytest.mark.parametrize("reported", [[("scalar", None)], [("list", [])], [("list", [None, None])]])
def test_metrics_without_a_value_are_left_out(reported: list[tuple[str, Any]]) -> None:
    assert events.metrics([metric("m", kind, value) for kind, value in reported]) == {}


def test_other_events_are_no_metrics() -> None:
    reported = [{"e": "tag", "key": "m", "value": 1}, {"e": "metric", "name": 3, "kind": "scalar", "value": 1}]
    assert events.metrics(reported) == {}
    assert events.points(reported[:1]) == []


def test_points_keep_time_and_step() -> None:
    [point] = events.points([metric("m", "scalar", math.inf, t=2.5, step=3)])
    assert point == {"t": 2.5, "name": "m", "kind": "scalar", "value": math.inf, "step": 3}
    assert events.points([metric("m", "scalar", 1)])[0]["step"] is None


def test_the_last_tag_stands_and_the_first_property() -> None:
    reported = [
        {"e": "tag", "key": "a", "value": "1"},
        {"e": "tag", "key": "a", "value": "2"},
        {"e": "tag", "key": "none", "value": None},
        {"e": "untag", "key": "given"},
        {"e": "untag", "key": "never there"},
        {"e": "property", "key": "p", "value": "1"},
        {"e": "property", "key": "p", "value": "2"},
        {"e": "property", "key": "given", "value": "changed"},
    ]
    assert events.tags({"given": "0", "kept": "0"}, reported) == {"kept": "0", "a": "2", "none": None}
    assert events.properties({"given": "0"}, reported) == {"given": "0", "p": "1"}


def test_settings_children_and_the_last_error() -> None:
    reported = [
        {"e": "set", "key": "description", "value": "old"},
        {"e": "set", "key": "description", "value": "new"},
        {"e": "child", "id": "one"},
        {"e": "error", "code": "A", "message": "first"},
        {"e": "child", "id": "two"},
        {"e": "error", "code": "B", "message": "last"},
    ]
    assert events.settings(reported) == {"description": "new"}
    assert events.children(reported) == ["one", "two"]
    assert events.last_error(reported) == {"code": "B", "message": "last"}
    assert events.last_error([]) is None
