"""The index in a real PostgreSQL server, which this module starts; skipped where there is none, or no driver."""

import glob
import multiprocessing
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from turnout.exceptions import RecordException
from turnout.history import schema
from turnout.history.index import Index
from turnout.runtime import events, states
from turnout.testing.records import make_run, make_workspace, mark_changed, metric, write_events

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")]
pytest.importorskip("psycopg", reason="the driver psycopg isn't installed")


def _binary(name: str) -> str | None:
    newest = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return newest[-1] if newest else shutil.which(name)


def _as_server(*command: str) -> None:
    """Run a command as an account that PostgreSQL agrees to run under, with its output kept for a failure."""
    words = list(command)
    if os.getuid() == 0:
        words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-i", "LC_ALL=C", *words]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    initdb, control = _binary("initdb"), _binary("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("PostgreSQL isn't installed")
    top = Path("/tmp", f"turnout-pg-{os.getpid()}")  # a socket's path has to be short
    top.mkdir(mode=0o700)
    if os.getuid() == 0:
        shutil.chown(top, "postgres", "postgres")
    data = str(top / "data")
    try:
        _as_server(initdb, "-D", data, "-U", "turnout", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {top} -c listen_addresses= -c fsync=off -c max_connections=40"
        _as_server(control, "-D", data, "-o", options, "-l", str(top / "log"), "-w", "start")
        try:
            yield f"postgresql+psycopg://turnout:secret@/postgres?host={top}"
        finally:
            _as_server(control, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(top)


@pytest.fixture
def team(server, monkeypatch, tmp_path):
    """Two workspaces whose index is in an empty database of the server."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(server)
    schema.metadata.drop_all(engine)
    engine.dispose()
    monkeypatch.setenv("TURNOUT_INDEX", server)
    return make_workspace(str(tmp_path / "one")), make_workspace(str(tmp_path / "two"))


def test_workspaces_share_a_server_and_see_their_own_runs(team):
    for number, workspace in enumerate(team):
        make_run(
            workspace,
            "same-id",
            display_name=f"of {number}",
            tags={"k": str(number)},
            events_by_writer={"w": [metric("m", number), metric("m", float("nan"))]},
        )
        Index(workspace).refresh()
    for number, workspace in enumerate(team):
        index = Index(workspace)
        (row,) = index.list_runs()
        assert (row.display_name, row.tags) == (f"of {number}", {"k": str(number)})
        assert index.list_runs(tags={"k": str(number)}) == [row]
        assert index.metric_series("same-id", "m")[0].values[0] == number
        assert index.last_metrics("same-id")[0].count == 2
        assert [(found.name, found.runs) for found in index.experiments()] == [("test", 1)]
    Index(team[0]).reindex()
    assert [row.display_name for row in Index(team[1]).list_runs()] == ["of 1"]


def test_changes_are_taken_in_and_markers_go(team):
    run = make_run(team[0], "a", state=states.RUNNING)
    index = Index(team[0])
    index.refresh()
    write_events(run, [{"e": events.TAG, "key": "k", "value": "v"}, metric("big", 2**40), metric("t", "nul \0")])
    mark_changed(team[0], "a")
    index.refresh()
    assert index.list_runs()[0].tags == {"k": "v"}
    assert os.listdir(team[0].changes) == []
    before = index.last_metrics("a")
    index.reindex()
    assert index.last_metrics("a") == before


def test_processes_that_meet_an_empty_database_all_succeed(team):
    fork = multiprocessing.get_context("fork")
    for number in range(5):
        make_run(team[0], f"run-{number}")
    barrier, results = fork.Barrier(12), fork.Queue()

    def look():
        index = Index(team[0])
        barrier.wait()
        try:
            index.refresh()
            results.put(len(index.list_runs()))
        except BaseException as error:
            results.put(repr(error))

    processes = [fork.Process(target=look) for _ in range(12)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert found == [5] * 12


def test_an_older_schema_is_rebuilt_and_a_newer_one_refused(team, monkeypatch):
    make_run(team[0], "a")
    Index(team[0]).refresh()
    with monkeypatch.context() as later:
        later.setattr(schema, "VERSION", schema.VERSION + 1)
        assert [row.id for row in Index(team[0]).list_runs()] == ["a"]
    with pytest.raises(RecordException, match="newer Turnout"):
        Index(team[0]).list_runs()
    Index(team[0]).reindex()
    assert [row.id for row in Index(team[0]).list_runs()] == ["a"]


def test_a_server_that_does_not_answer_is_named_without_its_password(team, monkeypatch):
    monkeypatch.setenv("TURNOUT_INDEX", "postgresql+psycopg://me:secret@/x?host=/nonexistent")
    with pytest.raises(RecordException, match=r"postgresql\+psycopg://me:\*\*\*") as caught:
        Index(team[0]).list_runs()
    assert "secret" not in str(caught.value)
