import json
import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from turnout.exceptions import RecordException
from turnout.history import schema
from turnout.history.index import Index
from turnout.runtime import events, records, states
from turnout.testing.records import make_run, mark_changed, metric, write_events, write_state


def ids(index, **filters):
    return [row.id for row in index.list_runs(**filters)]


def settle(workspace):
    """Make the runs directory look untouched for a while, so that only markers and live runs tell of changes."""
    past = time.time() - 60
    os.utime(workspace.runs, (past, past))


def test_runs_are_listed_newest_first_then_by_id(workspace):
    for run_id, created in (("a", 10.0), ("b", 30.0), ("d", 20.0), ("c", 20.0)):
        make_run(workspace, run_id, created=created)
    index = Index(workspace)
    index.refresh()
    assert ids(index) == ["b", "d", "c", "a"]
    assert ids(index, limit=2) == ["b", "d"]
    assert ids(index, limit=2, offset=1) == ["d", "c"]


def test_a_row_tells_what_the_record_says(workspace):
    make_run(
        workspace,
        "r1",
        state=states.FAILED,
        reason="the script ended with exit code 3",
        exit_code=3,
        created=1000.0,
        seconds=4.0,
        experiment="diabetes",
        number=7,
        display_name="first try",
        tags={"k": "v"},
        snapshot={"id": "ab" * 32, "files": 1, "bytes": 2},
        target={"name": "gpu-box", "type": "ssh"},
    )
    index = Index(workspace)
    index.refresh()
    (row,) = index.list_runs()
    assert (row.number, row.experiment, row.display_name, row.target) == (7, "diabetes", "first try", "gpu-box")
    assert (row.status, row.reason, row.exit_code) == ("Failed", "the script ended with exit code 3", 3)
    assert (row.created, row.started, row.ended) == (1000.0, 1000.5, 1004.5)
    assert (row.snapshot, row.tags, row.parent, row.type) == ("ab" * 32, {"k": "v"}, None, "azureml.scriptrun")


def test_filters_narrow_the_list(workspace):
    make_run(workspace, "a", created=1.0, experiment="one", tags={"k": "1", "only": "x"})
    make_run(workspace, "b", created=2.0, experiment="two", tags={"k": "2"}, state=states.FAILED)
    make_run(workspace, "c", created=3.0, experiment="two", properties={"p": "q"}, state=states.CANCELED)
    make_run(workspace, "b_0", created=4.0, experiment="two", parent="b", root="b", type=None)
    index = Index(workspace)
    index.refresh()
    assert ids(index) == ["c", "b", "a"]
    assert ids(index, include_children=True) == ["b_0", "c", "b", "a"]
    assert ids(index, experiment="two") == ["c", "b"]
    assert ids(index, status=["Failed", "Canceled"]) == ["c", "b"]
    assert ids(index, status="Failed") == ["b"]
    assert ids(index, tags={"k": None}) == ["b", "a"]
    assert ids(index, tags="only") == ["a"]
    assert ids(index, tags={"k": "2"}) == ["b"]
    assert ids(index, tags={"k": "1", "only": "y"}) == []
    assert ids(index, properties={"p": "q"}) == ["c"]
    assert ids(index, type="azureml.scriptrun", include_children=True) == ["c", "b", "a"]
    assert ids(index, status=[]) == []


def test_experiments_are_counted_without_child_runs(workspace):
    make_run(workspace, "a", created=1.0, experiment="one")
    make_run(workspace, "b", created=2.0, experiment="two")
    make_run(workspace, "c", created=3.0, experiment="one", state=states.RUNNING)
    make_run(workspace, "c_0", created=4.0, experiment="one", parent="c")
    index = Index(workspace)
    index.refresh()
    assert [(row.name, row.runs, row.live, row.latest) for row in index.experiments()] == [
        ("one", 2, 1, 3.0),
        ("two", 1, 0, 2.0),
    ]
    assert index.counts() == {"Completed": 2, "Running": 1}


def test_a_live_run_is_read_again_at_each_look_without_a_marker(workspace):
    run = make_run(workspace, "a", state=states.QUEUED)
    index = Index(workspace)
    index.refresh()
    settle(workspace)
    write_state(run, states.RUNNING, "started")
    write_events(run, [metric("loss", 0.5)])
    index.refresh()
    assert index.list_runs()[0].status == "Running"
    assert index.last_metrics("a")[0].last == 0.5
    write_state(run, states.COMPLETED)
    index.refresh()
    assert index.list_runs()[0].status == "Completed"


def test_a_live_run_is_judged_by_the_look_that_the_caller_gives(workspace):
    live = make_run(workspace, "live", state=states.RUNNING, created=2.0)
    make_run(workspace, "done", created=1.0)
    asked = []

    def look(run_id):
        asked.append(run_id)
        return "NotResponding", "its machine can't be reached"

    index = Index(workspace)
    index.refresh()
    index.refresh(look)
    assert asked == ["live"]
    assert next((row.status, row.reason) for row in index.list_runs()) == (
        "NotResponding",
        "its machine can't be reached",
    )

    def ends(run_id):
        write_state(live, states.FAILED, "its supervisor died")
        return "Running", "not what the journal says by now"

    index.refresh(ends)
    assert index.list_runs()[0].status == "Failed"


def test_an_ended_run_is_read_again_when_a_marker_says_so(workspace):
    run = make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    settle(workspace)
    index.refresh()
    write_events(run, [{"e": events.TAG, "key": "k", "value": "v"}], writer="client")
    index.refresh()
    assert index.list_runs()[0].tags == {}
    mark_changed(workspace, "a", "@client-17")
    index.refresh()
    assert index.list_runs()[0].tags == {"k": "v"}
    assert os.listdir(workspace.changes) == []


def test_a_run_without_a_marker_is_found_and_a_vanished_one_is_forgotten(workspace, dump):
    index = Index(workspace)
    index.refresh()
    make_run(workspace, "a", mark=False)
    gone = make_run(workspace, "b", mark=False, events_by_writer={"w": [metric("m", 1.0)]})
    index.refresh()
    assert sorted(ids(index)) == ["a", "b"]
    os.rename(gone.root, workspace.root + "/trash")
    index.refresh()
    assert ids(index) == ["a"]
    assert dump(workspace)["points"] == dump(workspace)["series"] == []


def test_a_marker_waits_for_a_run_that_is_not_there_yet(workspace):
    index = Index(workspace)
    mark_changed(workspace, "early")
    index.refresh()
    assert len(os.listdir(workspace.changes)) == 1
    make_run(workspace, "early", mark=False)
    settle(workspace)
    index.refresh()
    assert ids(index) == ["early"]
    assert os.listdir(workspace.changes) == []


def test_a_marker_of_a_run_that_never_came_goes_away(workspace):
    index = Index(workspace)
    mark_changed(workspace, "never")
    past = time.time() - 3600
    os.utime(os.path.join(workspace.changes, "never"), (past, past))
    index.refresh()
    assert os.listdir(workspace.changes) == []


def test_a_marker_written_while_its_run_is_read_stays(workspace, monkeypatch):
    from turnout.history.ingest import Ingest

    run = make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    settle(workspace)
    mark_changed(workspace, "a")
    take_in = Ingest.take_in

    def and_then_a_change(self, run_ids, portion):
        left = take_in(self, run_ids, portion)
        write_events(run, [{"e": events.TAG, "key": "late", "value": "v"}])
        mark_changed(workspace, "a")
        return left

    monkeypatch.setattr(Ingest, "take_in", and_then_a_change)
    index.refresh()
    monkeypatch.undo()
    assert os.listdir(workspace.changes) == ["a"]
    index.refresh()
    assert index.list_runs()[0].tags == {"late": "v"}


def test_a_refresh_reads_only_what_is_new(workspace, monkeypatch):
    run = make_run(
        workspace, "a", state=states.RUNNING, events_by_writer={"w": [metric("m", float(n)) for n in range(9)]}
    )
    index = Index(workspace)
    index.refresh()
    size = os.stat(os.path.join(run.events, "w.jsonl")).st_size
    write_events(run, [metric("m", 9.0)], writer="w")
    offsets = []
    read_lines = records.read_lines

    def spy(path, offset=0, limit=-1):
        if path.endswith("w.jsonl"):
            offsets.append(offset)
        return read_lines(path, offset, limit)

    monkeypatch.setattr(records, "read_lines", spy)
    index.refresh()
    index.refresh()
    assert offsets == [size]
    assert index.metric_series("a", "m")[0].values == [float(n) for n in range(10)]


def test_a_refresh_with_nothing_new_writes_nothing(workspace):
    make_run(workspace, "live", state=states.RUNNING)
    index = Index(workspace)
    index.refresh()
    settle(workspace)
    index.refresh()
    before = os.stat(workspace.index).st_mtime_ns
    index.refresh()
    assert os.stat(workspace.index).st_mtime_ns == before


def test_reindex_gives_the_same_content(workspace, dump):
    index = Index(workspace)
    for number in range(5):
        run = make_run(
            workspace,
            f"run-{number}",
            state=states.RUNNING if number == 4 else states.COMPLETED,
            tags={"a": "1", "b": "2"},
            properties={"p": "1"},
            events_by_writer={"x": [metric("m", 1.0 * number), metric("n", {"c": [1, 2]}, "table")]},
        )
        index.refresh()
        write_events(run, [{"e": events.TAG, "key": "a", "value": "9"}, {"e": events.UNTAG, "key": "b"}], "y")
        write_events(run, [{"e": events.PROPERTY, "key": "p", "value": "other"}], "z")
        write_events(run, [{"e": events.SET, "key": "display_name", "value": "named later"}], "z")
        write_events(run, [metric("m", float("nan"))], "x")
        mark_changed(workspace, run.run_id)
        index.refresh()
    before = dump(workspace)
    assert index.reindex().runs == 5
    assert dump(workspace) == before
    os.unlink(workspace.index)
    assert Index(workspace).list_runs()[0].display_name == "named later"
    assert dump(workspace) == before


def test_reindex_names_the_runs_that_can_not_be_read(workspace):
    make_run(workspace, "good")
    bad = make_run(workspace, "bad")
    with open(bad.definition, "w") as stream:
        stream.write("{")
    index = Index(workspace)
    index.refresh()
    rebuilt = index.reindex()
    assert (rebuilt.runs, rebuilt.unreadable) == (1, ["bad"])


def test_a_broken_definition_does_not_remove_what_is_known(workspace):
    run = make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    with open(run.definition, "w") as stream:
        stream.write("{")
    mark_changed(workspace, "a")
    index.refresh()
    assert ids(index) == ["a"]


def test_an_events_file_that_was_replaced_by_a_shorter_one_is_read_anew(workspace, dump):
    run = make_run(workspace, "a", events_by_writer={"w": [metric("old", float(n)) for n in range(9)]})
    index = Index(workspace)
    index.refresh()
    os.unlink(os.path.join(run.events, "w.jsonl"))
    write_events(run, [metric("new", 1.0)], writer="w")
    mark_changed(workspace, "a")
    index.refresh()
    assert [last.name for last in index.last_metrics("a")] == ["new"]
    before = dump(workspace)
    index.reindex()
    assert dump(workspace) == before


def test_an_index_of_an_older_schema_is_rebuilt(workspace, monkeypatch):
    make_run(workspace, "a")
    Index(workspace).refresh()
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with sqlite3.connect(workspace.index) as connection:
        connection.execute("DELETE FROM runs")
    connection.close()
    assert ids(Index(workspace)) == ["a"]


def test_an_index_of_a_newer_schema_is_refused_until_it_is_rebuilt(workspace):
    make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    with sqlite3.connect(workspace.index) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(RecordException, match=r"newer Turnout.*update Turnout.*reindex"):
        index.list_runs()
    with pytest.raises(RecordException, match="newer"):
        index.refresh()
    index.reindex()
    assert ids(index) == ["a"]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_index_is_rebuilt(workspace, content):
    make_run(workspace, "a")
    Index(workspace).refresh()
    with open(workspace.index, "wb") as stream:
        stream.write(content)
    assert ids(Index(workspace)) == ["a"]


def test_what_a_killed_builder_left_does_no_harm(workspace):
    make_run(workspace, "a")
    for name in (workspace.index + ".tmp", workspace.index + "-wal", workspace.index + "-shm"):
        with open(name, "wb") as stream:
            stream.write(b"left behind")
    assert ids(Index(workspace)) == ["a"]
    assert sorted(name for name in os.listdir(workspace.root) if name.startswith("index")) == [
        "index.lock",
        "index.sqlite",
    ]


def test_the_index_is_private_to_the_account(workspace):
    make_run(workspace, "a")
    before = os.umask(0)
    try:
        Index(workspace).refresh()
    finally:
        os.umask(before)
    for path in (workspace.index, os.path.join(workspace.root, "index.lock")):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_an_index_that_is_busy_for_too_long_says_so(workspace, monkeypatch):
    from turnout.history import database_file

    make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    monkeypatch.setattr(database_file, "BUSY_SECONDS", 0)
    blocker = sqlite3.connect(workspace.index, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    mark_changed(workspace, "a")
    with pytest.raises(RecordException, match=r"index\.sqlite can't be used: another process"):
        index.refresh()
    blocker.close()
    index.refresh()
    assert os.listdir(workspace.changes) == []


def test_a_full_disk_while_building_leaves_nothing_half_made(workspace, monkeypatch):
    from turnout.history.ingest import Ingest

    make_run(workspace, "a")

    def full(self, run_ids):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Ingest, "take_in", full)
    with pytest.raises(OSError, match="No space"):
        Index(workspace).refresh()
    assert [name for name in os.listdir(workspace.root) if name.startswith("index.sqlite")] == []


def test_more_runs_than_one_batch_are_all_taken_in(workspace, monkeypatch):
    from turnout.history import refresh

    monkeypatch.setattr(refresh, "BATCH", 3)
    index = Index(workspace)
    index.refresh()
    for number in range(10):
        make_run(workspace, f"run-{number}", created=float(number))
    index.refresh()
    assert len(ids(index)) == 10
    assert os.listdir(workspace.changes) == []
    index.reindex()
    assert len(ids(index)) == 10


def test_a_run_whose_record_holds_nonsense_does_not_stop_the_others(workspace):
    odd = make_run(
        workspace,
        "odd",
        events_by_writer={
            "w": [
                {"e": events.METRIC, "name": 3, "kind": "scalar", "value": 1},
                {"e": events.METRIC, "name": "m", "value": 1, "t": "soon"},
                {"e": events.TAG, "key": None, "value": {"a": 1}},
                {"e": events.SET, "key": "display_name", "value": "half a pair \ud800 and a nul \0"},
                {"e": "unheard of"},
                {"e": events.METRIC, "name": "big", "kind": "scalar", "value": 10**400},
            ]
        },
    )
    nonsense = {"created": "yesterday", "number": "seven", "tags": ["no", "mapping"], "target": "local", "snapshot": 17}
    with open(odd.definition, "w") as stream:
        json.dump(nonsense, stream)
    with open(os.path.join(odd.events, "w.jsonl"), "ab") as stream:
        stream.write(b'[1]\nnot json\n{"e": "tag", "key"')
    make_run(workspace, "good")
    index = Index(workspace)
    index.refresh()
    assert sorted(ids(index)) == ["good", "odd"]
    assert index.metric_series("odd", "big")[0].values == [10**400]
    assert index.metric_series("odd", "m")[0].values == [1]


def test_an_unmarked_run_is_found_beside_a_marked_one(workspace):
    index = Index(workspace)
    index.refresh()
    make_run(workspace, "marked")
    make_run(workspace, "unmarked", mark=False)
    index.refresh()
    assert sorted(ids(index)) == ["marked", "unmarked"]


def test_a_swap_that_counting_does_not_see_is_found_once_the_directory_rests(workspace):
    gone = make_run(workspace, "gone")
    index = Index(workspace)
    index.refresh()
    os.rename(gone.root, workspace.root + "/trash")
    make_run(workspace, "came", mark=False)
    index.refresh()
    settle(workspace)
    index.refresh()
    assert ids(index) == ["came"]


def test_a_directory_that_is_no_run_is_left_alone(workspace):
    os.mkdir(os.path.join(workspace.runs, "no-run"))
    os.mkdir(os.path.join(workspace.runs, ".being-made"))
    make_run(workspace, "a", mark=False)
    index = Index(workspace)
    index.refresh()
    settle(workspace)
    index.refresh()
    assert ids(index) == ["a"]
    assert index.reindex().unreadable == []


def test_a_look_that_takes_its_time_keeps_nobody_waiting(workspace):
    make_run(workspace, "live", state=states.RUNNING)

    def look(run_id):
        make_run(workspace, "another")
        Index(workspace).refresh()
        return "NotResponding", "after a long time"

    index = Index(workspace)
    index.refresh(look)
    assert {row.id: row.status for row in index.list_runs()} == {"live": "NotResponding", "another": "Completed"}


def test_what_one_run_logged_is_taken_in_by_portions(workspace, monkeypatch):
    """Others get their turn to write in between; markers go only when all of a run is in."""
    from turnout.history import ingest, reading, refresh

    monkeypatch.setattr(refresh, "PORTION", 50)
    monkeypatch.setattr(reading.read_events, "__defaults__", (2000, None))
    values = [metric("loss", float(number)) for number in range(400)]
    index = Index(workspace)
    index.refresh()
    for name in ("a", "b"):
        make_run(workspace, name, events_by_writer={"one": values, "two": values})
    transactions = []
    real = ingest.Ingest.take_in

    def count(self, run_ids, portion=None):
        left = real(self, run_ids, portion)
        transactions.append(left)
        if left:
            assert os.listdir(workspace.changes) != []
        return left

    monkeypatch.setattr(ingest.Ingest, "take_in", count)
    index.refresh()
    assert len(transactions) > 10
    assert transactions[-1] == []
    assert os.listdir(workspace.changes) == []
    for name in ("a", "b"):
        (series,) = index.metric_series(name, "loss")
        assert sorted(series.values) == sorted([float(number) for number in range(400)] * 2)
        (last,) = index.last_metrics(name)
        assert last.count == 800


def test_a_run_that_logs_faster_than_it_is_read_does_not_keep_a_reader_for_ever(workspace, monkeypatch):
    from turnout.history import ingest, refresh

    monkeypatch.setattr(refresh, "PORTION", 50)
    run = make_run(
        workspace, "a", state=states.RUNNING, events_by_writer={str(n): [metric("m", n)] * 60 for n in range(3)}
    )
    real = ingest.Ingest.take_in
    calls = []

    def and_more(self, run_ids, portion=None):
        left = real(self, run_ids, portion)
        calls.append(left)
        write_events(run, [metric("m", 3)] * 60, str(len(calls)))
        return left

    monkeypatch.setattr(ingest.Ingest, "take_in", and_more)
    index = Index(workspace)
    index.refresh()  # makes the file, from all there is
    for count in range(10, 13):
        write_events(run, [metric("m", 4)] * 60, str(count))
    calls.clear()
    index.refresh()
    assert 1 < len(calls) < 10
    monkeypatch.undo()
    index.refresh()
    written = sum(path.read_bytes().count(b"\n") for path in Path(run.events).iterdir())
    assert index.last_metrics("a")[0].count == written
