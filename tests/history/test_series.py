import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.history.index import Index
from turnout.history.reading import join, split
from turnout.runtime import events, states
from turnout.runtime.record import RunRecord
from turnout.testing.records import make_run, make_workspace, metric, write_events


def same(left, right):
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return type(left) is type(right) and left == right


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        1e308,
        -0.0,
        3,
        2**60 + 1,
        -(10**30),
        10**400,
        True,
        False,
        None,
        "text",
        "NaN",
        "",
        [1, [2.5]],
        {"a": None},
        float("nan"),
        float("inf"),
        float("-inf"),
    ],
)
def test_a_value_comes_back_exactly_as_it_was_logged(workspace, value):
    assert same(join(*split(value)), value)
    make_run(workspace, "a", events_by_writer={"w": [metric("m", value), metric("m", 1.5)]})
    index = Index(workspace)
    index.refresh()
    (series,) = index.metric_series("a", "m")
    assert same(series.values[0], value)
    assert series.values[1] == 1.5


def test_a_series_has_steps_and_times_as_they_were_given(workspace):
    make_run(
        workspace,
        "a",
        events_by_writer={
            "w": [metric("m", 1.0, t=10.0, step=0), metric("m", 2.0, t=11.0), metric("m", 3.0, t=12.0, step=20)]
        },
    )
    index = Index(workspace)
    index.refresh()
    (series,) = index.metric_series("a", "m")
    assert (series.times, series.steps, series.values) == ([10.0, 11.0, 12.0], [0, None, 20], [1.0, 2.0, 3.0])
    assert series.kind == "scalar"


def test_lists_rows_tables_and_images_are_taken_apart(workspace):
    make_run(
        workspace,
        "a",
        events_by_writer={
            "w": [
                metric("list", [1.0, 2.0], "list"),
                metric("list", [3.0], "list"),
                metric("row", {"x": 1, "y": 2.0}, "row"),
                metric("row", {"x": 3, "y": 4.0}, "row"),
                metric("table", {"x": [1.0, 2.0], "y": 7.0}, "table"),
                metric("image", {"$artifact": "a.png"}, "image"),
            ]
        },
    )
    index = Index(workspace)
    index.refresh()

    def columns(name):
        return {series.column: list(series.values) for series in index.metric_series("a", name)}

    assert columns("list") == {"": [1.0, 2.0, 3.0]}
    assert columns("row") == {"x": [1, 3], "y": [2.0, 4.0]}
    assert columns("table") == {"x": [1.0, 2.0], "y": [7.0]}
    assert columns("image") == {"": ["aml://artifactId/ExperimentRun/dcid.a/a.png"]}
    assert columns("none") == {}
    assert index.metric_series("no such run", "list") == []


def test_the_last_value_and_the_extremes_are_kept(workspace):
    run = make_run(
        workspace,
        "a",
        state=states.RUNNING,
        events_by_writer={"w": [metric("m", 3.0), metric("m", float("nan")), metric("m", 1.0)]},
    )
    index = Index(workspace)
    index.refresh()
    write_events(run, [metric("m", 2)], "w")
    index.refresh()
    (last,) = index.last_metrics("a")
    assert (last.name, last.column, last.count, last.last, last.low, last.high) == ("m", "", 4, 2, 1.0, 3.0)


def test_writers_are_merged_by_time_then_name_then_position(workspace):
    run = make_run(
        workspace,
        "a",
        state=states.RUNNING,
        events_by_writer={"b": [metric("m", "b1", t=2.0), metric("m", "b2", t=1.0), metric("m", "b3", t=5.0)]},
    )
    index = Index(workspace)
    index.refresh()
    write_events(run, [metric("m", "a1", t=2.0), metric("m", "a2", t=4.0)], "a")
    index.refresh()
    expected = ["a1", "b1", "b2", "a2", "b3"]  # b2's clock was set back: it stays behind b1
    assert list(index.metric_series("a", "m")[0].values) == expected == RunRecord(run.root).metrics()["m"]
    assert index.last_metrics("a")[0].last == "b3"


def test_a_line_longer_than_a_piece_is_read_whole(workspace, monkeypatch):
    from turnout.history import reading

    monkeypatch.setattr(reading.read_events, "__defaults__", (64, None))
    long = "x" * 1000
    run = make_run(workspace, "a", events_by_writer={"w": [metric("m", long), metric("m", 1), metric("n", [long] * 3)]})
    with open(run.events + "/w.jsonl", "ab") as stream:
        stream.write(b'{"e": "metric", "name": "torn"' + b" " * 500)
    index = Index(workspace)
    index.refresh()
    assert list(index.metric_series("a", "m")[0].values) == [long, 1]
    assert index.metric_series("a", "torn") == []


_VALUES = st.one_of(st.floats(), st.integers(-5, 5), st.text(max_size=3), st.booleans(), st.none())
_EVENTS = st.one_of(
    st.builds(metric, st.sampled_from("mn"), _VALUES, t=st.floats(0, 5)),
    st.builds(lambda value: metric("list", value, "list", t=1.0), st.lists(_VALUES, max_size=3)),
    st.builds(lambda value: metric("row", value, "row", t=2.0), st.dictionaries(st.sampled_from("xy"), _VALUES)),
    st.fixed_dictionaries(
        {
            "e": st.sampled_from([events.TAG, events.PROPERTY]),
            "key": st.sampled_from("kl"),
            "value": st.text(st.characters(codec="ascii"), max_size=2),
            "t": st.floats(0, 5),
        }
    ),
    st.fixed_dictionaries({"e": st.just(events.UNTAG), "key": st.sampled_from("kl"), "t": st.floats(0, 5)}),
)


@settings(max_examples=20, deadline=None)
@given(pieces=st.lists(st.tuples(st.sampled_from("ab"), st.lists(_EVENTS, max_size=4)), max_size=5))
def test_in_whatever_pieces_events_arrive_the_index_agrees_with_the_record(pieces, tmp_path_factory, dump):
    workspace = make_workspace(str(tmp_path_factory.mktemp("home")))
    run = make_run(workspace, "a", state=states.RUNNING, tags={"k": "defined"}, properties={"l": "defined"})
    index = Index(workspace)
    index.refresh()
    for writer, values in pieces:
        write_events(run, values, writer)
        index.refresh()
    record = RunRecord(run.root)
    (row,) = index.list_runs()
    assert row.tags == record.tags()
    (found,) = index.list_runs(properties=record.properties())
    assert found.id == "a"
    metrics = record.metrics()
    for name in ("m", "n", "list"):
        values = [value for series in index.metric_series("a", name) for value in series.values]
        expected = metrics.get(name)
        if expected is None:
            assert all(value is None for value in values)
        else:
            expected = expected if isinstance(expected, list) else [expected]
            assert len(values) == len(expected)
            assert all(map(same, values, expected))
    before = dump(workspace)
    index.reindex()
    assert repr(dump(workspace)) == repr(before)
