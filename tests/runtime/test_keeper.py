"""The moment in which a process claims a run and becomes its script: it can be found, signalled and kept from it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import keeper, layout, members, processes, records, runlock, states, supervision, supervisor, watch
from turnout.runtime.record import RunRecord
from turnout.testing.living import in_child, until
from turnout.testing.records import make_run, make_workspace


@pytest.fixture
def run(tmp_path: Path) -> layout.RunLayout:
    made = make_run(make_workspace(str(tmp_path / "home")), state=states.RUNNING)
    os.makedirs(made.code)
    return made


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that has forks of this process wait before they call a function of `os`; it returns the mark."""
    gate = tmp_path / "gate"
    mine = os.getpid()

    def hold(name: str) -> Path:
        real = getattr(os, name)
        mark = tmp_path / "mark"

        def call(*arguments: Any) -> Any:
            if os.getpid() != mine:
                mark.touch()
                until(gate.exists)
            return real(*arguments)

        monkeypatch.setattr(os, name, call)
        return mark

    yield hold
    gate.touch()


def started(run: layout.RunLayout, note: Path) -> tuple[int, int]:
    log = os.open(os.devnull, os.O_WRONLY)
    argv = [sys.executable, "-c", f"open({str(note)!r}, 'w')"]
    try:
        return keeper.start(run, argv, dict(os.environ), log, None)
    finally:
        os.close(log)


def test_who_finds_the_script_can_end_it(run: layout.RunLayout, held: Any, tmp_path: Path) -> None:
    mark = held("chdir")  # after the claim, before it becomes the script
    pid, pipe = started(run, tmp_path / "note")
    until(mark.exists)
    assert members.Members(run, set).signal(signal.SIGTERM)
    assert os.read(pipe, 1) == b""
    os.waitpid(pid, 0)
    assert records.read_json(run.exit)["signal"] == signal.SIGTERM
    assert not (tmp_path / "note").exists()


def test_a_script_that_is_about_to_begin_is_withdrawn(run: layout.RunLayout, held: Any, tmp_path: Path) -> None:
    mark = held("setpgid")  # before the claim
    pid, pipe = started(run, tmp_path / "note")
    until(mark.exists)
    watcher: Any = None  # it isn't waited for
    supervising = supervision.Supervisor(run.workspace.home, run, watcher, None)
    supervising.script = watch.Process(pid, child=True, pipe=pipe)
    assert supervising.terminate() == states.WITHDRAWN
    (tmp_path / "gate").touch()
    assert os.read(pipe, 1) == b""
    os.waitpid(pid, 0)
    assert not os.path.exists(run.exit)
    assert not (tmp_path / "note").exists()


@pytest.mark.parametrize(("asked", "end"), [(True, states.CANCELED), (False, states.FAILED)])
def test_a_run_whose_script_may_not_begin_any_more_ends_as_was_meant(
    run: layout.RunLayout, asked: bool, end: str
) -> None:
    """Who withdrew it was killed before the end was written."""
    if asked:
        records.create_json(run.cancel, {"by": "me"})
    assert keeper.claim(run)
    os.makedirs(run.system_logs)
    waiter: Any = type("Waiter", (), {"terminated": False, "status": lambda *_: None})()
    in_child(lambda: supervision.Supervisor(run.workspace.home, run, waiter, None).supervise())
    assert RunRecord(run.root).journaled_state()["state"] == end


def test_a_run_that_has_ended_is_only_marked_by_who_takes_it_over(tmp_path: Path) -> None:
    """As after a full disk, between the last line of its journal and the marker for the index."""
    workspace = make_workspace(str(tmp_path / "home"))
    run = make_run(workspace, mark=False)
    before = Path(run.journal).read_bytes()
    watcher: Any = None
    supervision.Supervisor(workspace.home, run, watcher, None).supervise()
    assert os.listdir(workspace.changes) == [run.run_id]
    assert Path(run.journal).read_bytes() == before
    assert RunRecord(run.root).journaled_state()["state"] == states.COMPLETED


def test_a_full_disk_never_counts_as_a_crash(run: layout.RunLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither before the lock is taken nor after."""
    real = runlock.acquire
    answers = [OSError(28, "No space left on device")] * 2

    def acquire(path: str, instead_of: Any = None) -> bool:
        if answers:
            raise answers.pop()
        return real(path, instead_of)

    monkeypatch.setattr(runlock, "acquire", acquire)
    monkeypatch.setattr(supervisor, "_settle", lambda run: os.makedirs(run.system_logs, exist_ok=True))
    records.write_json(run.lock, {**processes.identity(1), "start": 1})
    records.create_json(run.process, {**processes.identity(), "pid": 0, "start": 0})
    waiter: Any = type("Waiter", (), {"terminated": False, "wait": lambda *_: frozenset(), "status": lambda *_: None})()
    home = run.workspace.home
    in_child(lambda: supervisor.supervise(home, run.root, "0", None, waiter))
    assert not os.path.exists(run.crashes)
    assert RunRecord(run.root).journaled_state()["state"] == states.FAILED
