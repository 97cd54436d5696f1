from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout, processes, records, runlock
from turnout.runtime.script import details, ownership
from turnout.runtime.script.exceptions import RecordException, UserErrorException


def test_a_definition_is_whole(workspace: layout.WorkspaceLayout) -> None:
    before = time.time()
    run = workspace.run("r1")
    assert ownership.create_run(workspace, {"id": "r1", "experiment": "e", "tags": {"a": None}}) == run.root
    found = records.read_json(run.definition)
    assert before <= found.pop("created") <= time.time()
    assert found == {
        "format": layout.FORMAT,
        "id": "r1",
        "number": None,
        "experiment": "e",
        "workspace": None,
        "display_name": None,
        "created_by": ownership.account(),
        "type": None,
        "parent": None,
        "root": "r1",
        "target": None,
        "configuration": None,
        "arguments": [],
        "snapshot": None,
        "environment": None,
        "tags": {"a": None},
        "properties": {},
        "turnout": found["turnout"],
    }
    assert ownership.account().endswith("@" + os.uname().nodename)


def test_a_run_begins_running_held_by_this_process_and_marked(workspace: layout.WorkspaceLayout) -> None:
    run = layout.RunLayout(ownership.create_run(workspace, {}, {"manifest": b"turnout-manifest 1\0"}))
    assert len(run.run_id) == 36
    [line] = records.read_lines(run.journal)[0]
    assert line["state"] == "Running"
    assert runlock.holder_state(run.lock) == processes.ALIVE
    assert ownership.is_mine(run)
    assert Path(run.manifest).read_bytes() == b"turnout-manifest 1\0"
    assert os.listdir(workspace.changes) == [run.run_id]
    assert os.listdir(workspace.runs) == [run.run_id]
    assert os.stat(run.root).st_mode & 0o777 == 0o700


def test_an_id_is_used_once(workspace: layout.WorkspaceLayout) -> None:
    ownership.create_run(workspace, {"id": "r1", "display_name": "first"})
    with pytest.raises(UserErrorException, match="there is a run r1 already"):
        ownership.create_run(workspace, {"id": "r1"})
    assert records.read_json(workspace.run("r1").definition)["display_name"] == "first"


def test_of_many_that_begin_the_same_run_one_does(workspace: layout.WorkspaceLayout) -> None:
    begun = []
    barrier = threading.Barrier(8)

    def begin() -> None:
        barrier.wait(10)
        begun.append(ownership.begin(workspace.run("same"), ownership.definition_of("same", {}), {}))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [False] * 7 + [True]
    assert os.listdir(workspace.runs) == ["same"]


def test_a_run_that_can_not_be_written_leaves_nothing(
    workspace: layout.WorkspaceLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, value: Any, sync: bool = False) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "write_json", refuse)
    with pytest.raises(RecordException, match="the run r1 was not recorded: there is no space left"):
        ownership.create_run(workspace, {"id": "r1"})
    assert os.listdir(workspace.runs) == []


def test_of_many_that_end_a_run_one_does(workspace: layout.WorkspaceLayout) -> None:
    run = layout.RunLayout(ownership.create_run(workspace, {}))
    told = []
    barrier = threading.Barrier(6)

    def end(state: str) -> None:
        barrier.wait(10)
        told.append((state, ownership.end(run, state)))

    threads = [threading.Thread(target=end, args=(state,)) for state in ("Completed", "Failed", "Canceled") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [state for state, present in told if present is None]
    assert {present for _, present in told} == {None, winner}
    lines = records.read_lines(run.journal)[0]
    assert [line["state"] for line in lines] == ["Running", winner]
    assert records.read_json(run.result)["state"] == winner


@pytest.mark.parametrize("guarded", [ownership.end, runlock.acquire])
def test_a_process_forked_under_the_lock_does_not_keep_it(
    workspace: layout.WorkspaceLayout, monkeypatch: pytest.MonkeyPatch, guarded: Any
) -> None:
    """As when one thread ends a run while another forks a worker that lives long."""
    run = layout.RunLayout(ownership.create_run(workspace, {}))
    read, write = os.pipe()
    workers = []
    real = processes.identity if guarded is runlock.acquire else records.write_json

    def fork_then(*arguments: Any) -> Any:
        pid = os.fork()
        if not pid:
            os.read(read, 1)  # lives until it is told
            os._exit(0)
        workers.append(pid)
        return real(*arguments)

    with monkeypatch.context() as patched:
        if guarded is runlock.acquire:
            patched.setattr(processes, "identity", fork_then)
            assert runlock.acquire(run.lock)
        else:
            patched.setattr(records, "write_json", fork_then)
            assert ownership.end(run, "Completed") is None
    try:
        assert len(workers) == 1
        with open(run.lock, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.write(write, b"x" * len(workers))
        for pid in workers:
            os.waitpid(pid, 0)
        os.close(read)
        os.close(write)


def test_an_end_that_can_not_be_written_is_said(
    workspace: layout.WorkspaceLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = layout.RunLayout(ownership.create_run(workspace, {"id": "r1"}))

    def refuse(path: str, value: Any, sync: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(records, "write_json", refuse)
    with pytest.raises(RecordException, match=r"the end of the run r1 \(Completed\) was not recorded: .*Read-only"):
        ownership.end(run, "Completed")


def test_a_marker_is_touched_again(workspace: layout.WorkspaceLayout) -> None:
    run = layout.RunLayout(ownership.create_run(workspace, {}))
    marker = os.path.join(workspace.changes, run.run_id)
    os.utime(marker, (1, 1))
    ownership.mark_changed(run)
    assert os.stat(marker).st_mtime > 1


def test_a_record_outside_of_a_workspace_has_no_marker(tmp_path: Path) -> None:
    run = layout.RunLayout(str(tmp_path / "offline-runs" / "x"))
    ownership.begin(run, ownership.definition_of("x", {}), {})
    ownership.mark_changed(run)
    assert sorted(os.listdir(tmp_path)) == ["cwd", "offline-runs"]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, None),
        (0.0, None),
        (1700000000, "2023-11-14T22:13:20.000000Z"),
        (1700000000.25, "2023-11-14T22:13:20.250000Z"),
        (1700000000.9999999, "2023-11-14T22:13:21.000000Z"),
    ],
)
def test_times_are_written_as_v1_wrote_them(moment: float | None, text: str | None) -> None:
    assert details.utc(moment) == text
