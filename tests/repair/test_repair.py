"""What `turnout doctor` finds in a home, and mends."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from turnout import repair
from turnout.history.index import Index
from turnout.repair import Examination, Finding
from turnout.runtime import dispatching, layout, processes, records, runqueue, states
from turnout.runtime.record import RunRecord
from turnout.testing.records import hand_over, make_run, make_workspace, metric


@pytest.fixture
def workspace(home: Path) -> layout.WorkspaceLayout:
    made = make_workspace(str(home))
    frame = made.home
    for path in (frame.objects, frame.environments, frame.queue, frame.secrets, frame.runtime, frame.tools):
        os.makedirs(path, layout.DIRECTORY_MODE)
    for path in (made.locks, made.experiments):
        os.makedirs(path, layout.DIRECTORY_MODE)
    return made


def found(workspace: layout.WorkspaceLayout, objects: bool = False) -> dict[str, Finding]:
    return {one.path: one for one in repair.examine(Examination(workspace.home, objects))}


def mended(workspace: layout.WorkspaceLayout, path: str, objects: bool = False) -> str:
    """Mend the one finding there is, and make sure that nothing is left to mend."""
    findings = found(workspace, objects)
    assert list(findings) == [path], findings
    mend = findings[path].mend
    assert mend is not None
    said = mend()
    assert found(workspace, objects) == {}
    return said


def age(path: str | Path) -> None:
    """Make a file, or a directory with what is in it, two hours old."""
    past = time.time() - 7200
    for inner in sorted(Path(path).rglob("*"), reverse=True):
        os.utime(inner, (past, past))
    os.utime(path, (past, past))


def test_a_sound_home_has_nothing_to_mend(workspace) -> None:
    make_run(workspace, "a", events_by_writer={"w": [metric("m", 1)]})
    make_run(workspace, "b", state=states.RUNNING, files={"lock": json.dumps(processes.identity()).encode()})
    queued = make_run(
        workspace, "queued", state=states.QUEUED, files={"lock": json.dumps(processes.identity()).encode()}
    )
    enqueue(workspace, queued)
    assert found(workspace, objects=True) == {}


@pytest.mark.parametrize("name", [".run_1.0a1b2c3d", ".child.0a1b2c3d.tmp"])
def test_a_half_made_run_is_removed_once_its_maker_is_gone(workspace, name) -> None:
    path = os.path.join(workspace.runs, name)
    os.mkdir(path, 0o700)
    Path(path, "run.json").write_text("{")
    assert found(workspace) == {}, "somebody may be making it right now"
    age(path)
    mended(workspace, path)
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    "where", ["{home}/runtime", "{home}/secrets", "{home}/environments", "{workspace}", "{workspace}/locks", "{run}"]
)
def test_temporary_files_are_removed_once_their_writer_is_gone(workspace, where) -> None:
    run = make_run(workspace, "a")
    path = Path(where.format(home=workspace.home.root, workspace=workspace.root, run=run.root), "x.12-ab.tmp")
    path.write_text("half")
    path.chmod(0o600)
    assert found(workspace) == {}
    age(path)
    mended(workspace, str(path))


def test_variables_of_a_run_that_has_ended_or_never_was_are_removed(workspace) -> None:
    ended = hand_over(make_run(workspace, "a", handed_over="ended"))
    submitter = processes.identity()
    hand_over(make_run(workspace, "b", state=states.QUEUED, submitter=submitter, handed_over="waiting"))
    mended(workspace, ended)
    coming = Path(workspace.home.secrets, "coming")
    records.write_json(str(coming), {"run": "workspaces/default/runs/c"})
    assert found(workspace) == {}
    age(coming)
    mended(workspace, str(coming))
    assert os.listdir(workspace.home.secrets) == ["waiting"]


def test_a_half_built_environment_is_removed_unless_it_is_being_built(workspace) -> None:
    home = workspace.home
    for key in ("whole", "half"):
        os.makedirs(os.path.join(home.environment(key), "bin"), 0o700)
    records.write_json(home.environment("whole") + ".json", {})
    with open(home.environment("half") + ".lock", "wb") as lock:
        os.chmod(lock.name, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert found(workspace) == {}
    findings = found(workspace)
    assert list(findings) == [home.environment("half")]
    with open(home.environment("half") + ".lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "built again" in findings[home.environment("half")].mend()
    mended(workspace, home.environment("half"))
    assert os.path.isdir(home.environment("whole"))


@pytest.mark.parametrize(
    ("path", "mode", "wanted"),
    [
        ("", 0o755, 0o700),
        ("secrets", 0o770, 0o700),
        ("objects", 0o755, 0o700),
        ("workspaces/default/runs/a", 0o711, 0o700),
        ("workspaces/default/runs/a/run.json", 0o644, 0o600),
        ("workspaces/default/runs/a/events", 0o500, 0o700),
        ("workspaces/default/runs/a/journal.jsonl", 0o400, 0o600),
        ("workspaces/default/workspace.json", 0o664, 0o600),
    ],
)
def test_wrong_modes_are_set_right(workspace, path, mode, wanted) -> None:
    make_run(workspace, "a", events_by_writer={"w": [metric("m", 1)]})
    at = os.path.join(workspace.home.root, path) if path else workspace.home.root
    os.chmod(at, mode)
    mended(workspace, at)
    assert os.stat(at).st_mode & 0o777 == wanted


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files to another account takes root")
def test_a_foreign_owner_is_named_and_left_alone(workspace) -> None:
    os.chown(workspace.home.secrets, 12345, 12345)
    (finding,) = found(workspace).values()
    assert finding.path == workspace.home.secrets
    assert "12345" in finding.seen
    assert finding.mend is None


def test_a_run_whose_process_is_gone_is_settled(workspace) -> None:
    gone = json.dumps({**processes.identity(), "pid": 1, "start": 1}).encode()
    run = make_run(workspace, "lost", state=states.RUNNING, type=None, files={"lock": gone})
    findings = found(workspace)
    assert "gone" in findings[run.root].seen
    said = findings[run.root].mend()
    assert said.startswith("is Failed now: ")
    assert RunRecord(run.root).status()[0] == states.FAILED


def enqueue(workspace: layout.WorkspaceLayout, run: layout.RunLayout) -> str:
    """Put a run into the queue, which this process dispatches."""
    queue = workspace.home.queue_here
    name = runqueue.enqueue(workspace.home, run.root, {}, "abc")
    records.write_json(queue.dispatcher, processes.identity())
    return os.path.join(queue.waiting, name)


def test_entries_of_runs_that_have_ended_or_are_gone_are_removed(workspace) -> None:
    ended = enqueue(workspace, make_run(workspace, "ended"))
    assert mended(workspace, ended) == "removed"
    gone = enqueue(workspace, workspace.run("gone"))
    assert mended(workspace, gone) == "removed"
    torn = os.path.join(workspace.home.queue_here.waiting, "000000000099.torn")
    Path(torn).write_text('{"run": ')
    os.chmod(torn, layout.FILE_MODE)
    assert mended(workspace, torn) == "removed"


def test_a_queue_that_nobody_dispatches_is_woken(workspace, monkeypatch) -> None:
    lock = json.dumps(processes.identity()).encode()
    enqueue(workspace, make_run(workspace, "queued", state=states.QUEUED, files={"lock": lock}))
    queue = workspace.home.queue_here
    os.unlink(queue.dispatcher)
    woken = []
    monkeypatch.setattr(dispatching, "wake", lambda home, runtime: woken.append(home.root))
    findings = found(workspace)
    assert findings[queue.waiting].mend() == "a dispatcher was started"
    assert woken == [workspace.home.root]


def test_a_run_of_another_container_is_named_and_left_alone(workspace) -> None:
    lock = json.dumps({**processes.identity(), "namespace": "pid:[1]"}).encode()
    run = make_run(workspace, "a", state=states.RUNNING, files={"lock": lock})
    [finding] = [one for path, one in found(workspace).items() if path == run.root]
    assert "another pid namespace" in finding.seen
    assert finding.mend is None
    assert run.lock in finding.advice


@pytest.mark.parametrize("text", ["[]", '{"slots": "many"}', '{"gpus": 1}', "{torn"])
def test_an_offer_that_cannot_be_read_is_named(workspace, text) -> None:
    queue = workspace.home.queue_here
    os.makedirs(queue.root, layout.DIRECTORY_MODE)
    records.write_json(queue.slots, {"slots": 2, "gpus": ["0"]})
    assert queue.slots not in found(workspace)
    Path(queue.slots).write_text(text)
    assert "default" in found(workspace)[queue.slots].seen


def test_a_run_that_no_queue_has_is_settled(workspace) -> None:
    run = make_run(workspace, "lost", state=states.NOT_STARTED, submitter={**processes.identity(), "start": 1})
    findings = found(workspace)
    assert "no queue" in findings[run.root].seen
    assert findings[run.root].mend().startswith("is Canceled now: never handed over")


def test_runs_that_wait_for_a_machine_of_another_name_are_told(workspace) -> None:
    enqueue(workspace, make_run(workspace, "queued", state=states.QUEUED))
    queue = workspace.home.queue_here
    other = os.path.join(workspace.home.queue, "old-name")
    os.rename(queue.root, other)
    findings = found(workspace)
    assert "old-name" in findings[other].seen
    assert findings[other].mend is None


def test_lines_that_can_not_be_read_are_counted_and_kept(workspace) -> None:
    run = make_run(workspace, "a", events_by_writer={"w": [metric("m", 1)]})
    path = Path(run.events, "w.jsonl")
    before = path.read_bytes() + b"\0" * 100 + b"\nrubbish\n" + b'{"torn'
    path.write_bytes(before)
    (finding,) = found(workspace).values()
    assert finding.path == str(path)
    assert finding.seen.startswith("2 lines")
    assert finding.mend is None
    assert path.read_bytes() == before


def test_a_definition_that_can_not_be_read_is_named(workspace) -> None:
    run = make_run(workspace, "a")
    Path(run.definition).write_bytes(b"{")
    (finding,) = found(workspace).values()
    assert finding.path == run.definition
    assert "run a" in finding.seen


def test_a_damaged_object_is_found_on_demand_and_set_aside(workspace) -> None:
    from turnout.runtime.objects import ObjectStore

    store = ObjectStore(workspace.home.objects)
    with store.incoming() as incoming:
        digests = [incoming.add_bytes(content) for content in (b"sound", b"damaged")]
        incoming.commit()
    path = store.path(digests[1])
    os.chmod(path, 0o600)
    Path(path).write_bytes(b"damageD")
    assert found(workspace) == {}
    mended(workspace, path, objects=True)
    assert not store.has(digests[1])
    assert store.has(hashlib.sha256(b"sound").hexdigest())


def test_an_index_that_differs_from_the_records_is_rebuilt(workspace) -> None:
    import sqlite3

    for name in ("a", "b"):
        make_run(workspace, name, created=1.0, events_by_writer={"w": [metric("m", 1), metric("m", 2)]})
    os.utime(workspace.runs, (1, 1))
    Index(workspace).refresh()
    assert found(workspace) == {}
    for change in ("UPDATE runs SET status = 'Failed' WHERE id = 'b'", "UPDATE series SET count = 7"):
        with sqlite3.connect(workspace.index) as connection:
            connection.execute(change)
        connection.close()
        assert "rebuilt, with 2 runs" in mended(workspace, workspace.index)
    Path(workspace.index).write_bytes(b"not a database" * 1000)
    assert found(workspace) == {}, "a damaged one is made anew by whoever uses it"


def test_a_check_that_can_not_look_does_not_stop_the_others(workspace, monkeypatch) -> None:
    def fail(examination: Examination):
        raise PermissionError(13, "Permission denied", "/some/where")
        yield

    monkeypatch.setattr(repair, "CHECKS", [fail, *repair.CHECKS])
    (finding,) = found(workspace).values()
    assert finding.path == "/some/where"
