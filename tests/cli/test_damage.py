"""Damaged records: bits that flipped, lines that were torn, blocks of zeros. A reader goes on or says so in one line."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.history.index import Index
from turnout.runtime import events, layout, records, states
from turnout.runtime.record import RunRecord
from turnout.runtime.script.details import details
from turnout.testing.records import make_run, metric, write_events

EVENTS = [
    metric("a", 1.5),
    metric("a", float("nan"), step=3),
    metric("list", [1, 2], kind=events.LIST),
    metric("table", {"x": [1, 2], "y": [3, 4]}, kind=events.TABLE),
    {"e": events.TAG, "key": "k", "value": "v"},
    {"e": events.PROPERTY, "key": "p", "value": "q"},
    {"e": events.SET, "key": "display_name", "value": "a name"},
    {"e": events.CHILD, "id": "child"},
    {"e": events.ARTIFACT, "name": "f", "size": 3},
    {"e": events.ERROR, "code": "c", "message": "m"},
]
COMMANDS = (("runs",), ("show", "damaged"), ("metrics", "damaged"), ("files", "damaged"), ("logs", "damaged"))
IN_PLACE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)


@pytest.fixture
def damaged(workspace: layout.WorkspaceLayout) -> layout.RunLayout:
    make_run(workspace, "sound", created=1.0)
    return make_run(
        workspace,
        "damaged",
        created=2.0,
        tags={"defined": "yes"},
        snapshot={"id": "ab" * 32, "files": 1, "bytes": 3},
        environment={"name": "e", "version": "1", "kind": "uv", "key": "k", "python": "3.11"},
        events_by_writer={"writer": EVENTS},
        files={"user_logs/std_log.txt": b"hello\n", "artifacts/f": b"abc"},
    )


def read(turnout, commands=COMMANDS) -> None:
    """Every reader goes on, or says in one line what can't be read."""
    for words in commands:
        done = turnout(*words)
        assert "mistake in Turnout" not in done.err, (words, done.err)
        assert "Traceback" not in done.err, (words, done.err)
        assert done.code in (0, 2), (words, done.err)
        if done.code:
            assert done.err.count("\n") == 1, done.err


@pytest.mark.parametrize("name", ["run.json", "result.json", "journal.jsonl", "events/writer.jsonl"])
def test_a_flipped_bit_in_a_record_is_no_mistake_of_turnout(damaged, turnout, name) -> None:
    path = Path(damaged.root, name)
    whole = path.read_bytes()
    dice = random.Random(name)
    for position in dice.sample(range(len(whole) * 8), 30):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        if position % 4 == 0:
            for index in Path(damaged.workspace.root).glob("index*"):
                index.unlink()
        Path(damaged.workspace.changes, "damaged").touch()
        read(turnout)
    assert "sound" in turnout("runs").out


@pytest.mark.parametrize("name", ["workspace.json", "index.sqlite", "../../format.json", "stat-cache"])
def test_a_flipped_bit_in_a_workspace_is_mended_or_said(damaged, turnout, workspace, name) -> None:
    here = Path.cwd()
    (here / "train.py").write_text("print()\n")
    assert turnout("snapshot", ".").code == 0
    from turnout.snapshots.take import take

    taken = take(str(here), workspace.home, workspace)
    turnout("runs")
    path = Path(workspace.root, name)
    if not path.exists():
        layout_path = workspace.home.format
        records.write_json(layout_path, {"format": layout.FORMAT})
    if path.is_dir():
        path = next(path.iterdir())
    whole = path.read_bytes()
    dice = random.Random(name)
    for position in dice.sample(range(len(whole) * 8), 20):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        if name == "stat-cache":
            assert take(str(here), workspace.home, workspace).id == taken.id
            continue
        read(turnout, (("runs",), ("show", "damaged"), ("metrics", "damaged"), ("reindex",)))
        path.write_bytes(whole)
    path.write_bytes(whole)
    assert turnout("reindex").code == 0
    assert "damaged" in turnout("runs").out


@pytest.mark.parametrize("hole", [b"\0" * 512, bytes(range(256)), b"\n\n\n", b"[1]\n{}\n", b'"text"\nnull\n-\n'])
@pytest.mark.parametrize("name", ["journal.jsonl", "events/writer.jsonl"])
def test_rubbish_anywhere_costs_no_other_line(damaged, turnout, name, hole) -> None:
    path = Path(damaged.root, name)
    whole = path.read_bytes()
    lines = whole.split(b"\n")[:-1]
    read_before = records.read_lines(str(path))[0]
    for number in range(len(lines) + 1):
        path.write_bytes(b"".join(line + b"\n" for line in lines[:number]) + hole + b"\n" + b"\n".join(lines[number:]))
        JsonLinesMended(path)
        found = [line for line in records.read_lines(str(path))[0] if line]
        assert found == read_before
    read(turnout)


class JsonLinesMended:
    """What the next writer does first: end the line that isn't ended."""

    def __init__(self, path: Path) -> None:
        records.JsonLines(str(path)).close()


@pytest.mark.parametrize("name", ["journal.jsonl", "events/writer.jsonl"])
def test_a_file_cut_at_any_byte_loses_at_most_the_torn_line(damaged, name) -> None:
    path = Path(damaged.root, name)
    whole = path.read_bytes()
    every = records.read_lines(str(path))[0]
    record = RunRecord(damaged.root)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        assert records.read_lines(str(path))[0] == every[:kept]
        state = record.status()[0]
        assert state == (every[kept - 1]["state"] if name.startswith("journal") and kept else state)
        record.metrics()
        record.tags()
        lines = records.JsonLines(str(path))
        lines.append({"t": 1.0, "state": states.FAILED, "reason": "", "e": "tag", "key": "new", "value": "x"})
        lines.close()
        after = records.read_lines(str(path))[0]
        assert after[:kept] == every[:kept]
        assert after[-1]["key"] == "new"
        if name.startswith("journal"):
            assert record.status()[0] == states.FAILED
        else:
            assert record.tags()["new"] == "x"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$float", "$artifact", "x"]), inner),
    max_leaves=5,
)
KINDS = st.sampled_from(["metric", "tag", "untag", "property", "child", "artifact", "error", "set", "later", 7, None])
LINE = st.fixed_dictionaries(
    {"e": KINDS},
    optional={
        "t": ODD | st.just(10**400),
        "name": ODD,
        "kind": st.sampled_from(["scalar", "list", "row", "table", "image", "later"]) | ODD,
        "value": ODD,
        "step": ODD,
        "key": ODD,
        "id": ODD,
        "state": ODD,
        "reason": ODD,
    },
)


@IN_PLACE
@given(lines=st.lists(LINE, max_size=6))
def test_events_and_journals_of_any_json_are_read(damaged, turnout, lines) -> None:
    """Unknown events of a later version, and what damage makes of known ones."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    Path(damaged.events, "odd.jsonl").write_text(text)
    Path(damaged.journal).write_text(text)
    Path(damaged.workspace.changes, "damaged").touch()
    record = RunRecord(damaged.root)
    details(record, record.status()[0])
    record.metrics()
    assert record.tags()["k"] is not None or "k" in str(lines)
    read(turnout)


def test_a_time_that_is_no_number_keeps_its_line_in_order(damaged) -> None:
    write_events(
        damaged,
        [{"t": 5.0, **metric("b", 1)}, {"t": "later", **metric("b", 2)}, {"t": None, **metric("b", 3)}],
        "other",
    )
    assert RunRecord(damaged.root).metrics()["b"] == [1, 2, 3]
    index = Index(damaged.workspace)
    index.refresh()
    assert index.metric_series("damaged", "b")[0].values == [1, 2, 3]
    assert os.listdir(damaged.events)
