"""Several processes, and processes that die."""

import multiprocessing
import os
import time

import pytest

from turnout.history import markers, refresh
from turnout.history.database_file import FileDatabase
from turnout.history.index import Index
from turnout.history.ingest import Ingest
from turnout.runtime import events
from turnout.testing.records import make_run, mark_changed, metric, write_events

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the children run nothing of pytest's

_fork = multiprocessing.get_context("fork")


def _open_and_count(workspace, barrier, results):
    index = Index(workspace)
    barrier.wait()
    try:
        index.refresh()
        results.put(len(index.list_runs()))
    except BaseException as error:
        results.put(repr(error))
        raise


def test_twelve_processes_that_meet_a_fresh_workspace_all_succeed(workspace):
    for number in range(20):
        make_run(workspace, f"run-{number}", events_by_writer={"w": [metric("m", 1.0)]})
    barrier, results = _fork.Barrier(12), _fork.Queue()
    processes = [_fork.Process(target=_open_and_count, args=(workspace, barrier, results)) for _ in range(12)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert found == [20] * 12
    assert os.listdir(workspace.changes) == []


def _write_and_look(workspace, name, count, results):
    index = Index(workspace)
    missing = []
    for number in range(count):
        make_run(workspace, f"{name}-{number}")
        index.refresh()
        if f"{name}-{number}" not in [row.id for row in index.list_runs()]:
            missing.append(number)
    results.put(missing)


def test_each_of_several_writers_sees_its_own_run_at_once_and_none_is_lost(workspace):
    results = _fork.Queue()
    processes = [_fork.Process(target=_write_and_look, args=(workspace, f"p{n}", 10, results)) for n in range(4)]
    for process in processes:
        process.start()
    index = Index(workspace)
    while any(process.is_alive() for process in processes):
        index.reindex()
    assert [results.get(timeout=60) for _ in processes] == [[]] * 4
    index.refresh()
    assert len(index.list_runs()) == 40
    assert os.listdir(workspace.changes) == []


def _exit(*args, **kwargs):
    os._exit(9)


def _after(function):
    def wrapped(*args, **kwargs):
        function(*args, **kwargs)
        os._exit(9)

    return wrapped


_DEATHS = {
    "after taking the markers": (markers, "take", _after(markers.take)),
    "after writing, before the commit": (Ingest, "take_in", _after(Ingest.take_in)),
    "while remembering": (refresh.Refresher, "_remember", _exit),
    "after the commit, before the markers go": (markers, "remove", _exit),
    "halfway through the markers": (markers, "remove", _after(lambda top, found: os.unlink(f"{top}/{found[0].name}"))),
}


@pytest.mark.parametrize("death", _DEATHS)
def test_a_refresh_killed_at_any_moment_is_made_good_by_the_next(workspace, dump, death):
    run = make_run(workspace, "old")
    index = Index(workspace)
    index.refresh()
    past = time.time() - 60
    make_run(workspace, "new")
    write_events(run, [{"e": events.TAG, "key": "k", "value": "v"}])
    mark_changed(workspace, "old")
    os.utime(workspace.runs, (past, past))
    _die(index.refresh, *_DEATHS[death])
    index.refresh()
    assert {row.id: row.tags for row in index.list_runs()} == {"old": {"k": "v"}, "new": {}}
    assert os.listdir(workspace.changes) == []
    before = dump(workspace)
    index.reindex()
    assert dump(workspace) == before


def test_a_refresh_killed_between_two_batches_is_made_good_by_the_next(workspace, monkeypatch):
    monkeypatch.setattr(refresh, "BATCH", 2)
    index = Index(workspace)
    index.refresh()
    for number in range(7):
        make_run(workspace, f"run-{number}")
    _die(index.refresh, markers, "remove", _exit)
    assert 0 < len(index.list_runs()) < 7
    index.refresh()
    assert len(index.list_runs()) == 7
    assert os.listdir(workspace.changes) == []


@pytest.mark.parametrize("moment", ["_build", "_make"])
def test_a_rebuild_killed_on_the_way_leaves_the_old_index(workspace, moment):
    make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    before = os.stat(workspace.index).st_ino
    _die(index.reindex, FileDatabase, moment, _after(FileDatabase._build) if moment == "_build" else _exit)
    assert os.stat(workspace.index).st_ino == before
    assert [row.id for row in index.list_runs()] == ["a"]
    index.reindex()
    assert not os.path.exists(workspace.index + ".tmp")


def _die(function, owner, name, replacement):
    """Call `function` in a process in which `owner.name` is replaced by something that kills it."""
    child = os.fork()
    if child == 0:
        setattr(owner, name, replacement)
        function()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_session_that_waits_for_a_rebuild_says_so(workspace, monkeypatch):
    from turnout.history import database_file

    monkeypatch.setattr(database_file, "_PATIENCE", 0.05)
    make_run(workspace, "a")
    Index(workspace).refresh()
    started, said = _fork.Event(), _fork.Queue()

    def rebuild():
        slow = Ingest.take_in

        def take_in(self, run_ids):
            started.set()
            said.get(timeout=30)  # until the other one has complained
            slow(self, run_ids)

        Ingest.take_in = take_in
        Index(workspace).reindex()

    builder = _fork.Process(target=rebuild)
    builder.start()
    started.wait(30)
    sentences = []

    def notice(sentence):
        sentences.append(sentence)
        said.put("go on")

    assert [row.id for row in Index(workspace, notice).list_runs()] == ["a"]
    builder.join(30)
    assert sentences == ["waiting for another process, which is rebuilding the index"]
