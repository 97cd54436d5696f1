"""What is built here, when it was used, and by which runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from turnout import gc
from turnout.environments import built
from turnout.exceptions import EnvironmentException, RecordException, UserErrorException
from turnout.runtime import builders, filelocks, gclock, layout, records, states
from turnout.testing.records import make_run, make_workspace

KEY = "uv-0123456789abcdef"


@pytest.fixture
def workspace(home: Path) -> layout.WorkspaceLayout:
    return make_workspace(str(home))


@pytest.fixture
def make(workspace):
    """Leave an environment as a builder does, with an interpreter that can be executed."""

    def leave(key: str = KEY) -> dict:
        home = workspace.home
        python = Path(home.environment(key)) / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\n")
        python.chmod(0o700)
        facts = {"kind": "uv", "key": key, "interpreter": str(python), "python": {"version": "3.11.7"}, "built": 5.0}
        records.write_json(home.environment(key) + ".json", {**facts, "packages": [{"name": "one", "version": "1"}]})
        os.utime(home.environment(key) + ".json", (10.0, 10.0))
        return {"kind": "uv", "key": key, "name": "mine"}

    return leave


def test_what_is_built_is_listed_the_last_used_first(workspace, make):
    assert built.everything(workspace.home) == []
    make("uv-a1")
    make("uv-b2")
    os.utime(workspace.home.environment("uv-b2") + ".json", (99.0, 99.0))
    os.makedirs(workspace.home.environment("uv-half"))
    Path(workspace.home.environment("uv-torn") + ".json").write_text("{")
    assert [(each.key, each.last_used, each.built) for each in built.everything(workspace.home)] == [
        ("uv-b2", 99.0, 5.0),
        ("uv-a1", 10.0, 5.0),
    ]
    assert (built.look(workspace.home, "uv-a1").python, built.look(workspace.home, "uv-half")) == ("3.11.7", None)


def test_a_key_is_found_by_its_beginning(workspace, make):
    make("uv-a1")
    make("uv-a2")
    assert built.find_key(workspace.home, "uv-a1") == "uv-a1"
    assert built.find_key(workspace.home, "uv-b") is None
    assert built.find_key(workspace.home, "") is None
    with pytest.raises(UserErrorException, match="begins 2 keys: uv-a1, uv-a2"):
        built.find_key(workspace.home, "uv-a")


def test_finding_an_environment_notes_its_use(workspace, make):
    environment = make()
    began = time.time()
    assert builders.find(environment, workspace.home) is not None
    assert built.look(workspace.home, KEY).last_used >= began - 1  # file systems round


def test_noting_the_use_costs_less_than_a_millisecond(workspace, make, monkeypatch):
    environment = make()

    def seconds() -> float:
        """Return what finding takes when nothing else disturbs."""
        times = []
        for _ in range(100):
            started = time.perf_counter()
            builders.find(environment, workspace.home)
            times.append(time.perf_counter() - started)
        return min(times)

    noting = seconds()
    monkeypatch.setattr(os, "utime", lambda path: None)
    assert noting - seconds() < 0.001


def test_a_use_that_can_not_be_noted_does_no_harm(workspace, make, monkeypatch):
    environment = make()

    def refuse(path: str) -> None:
        raise PermissionError(13, "read-only", path)

    monkeypatch.setattr(os, "utime", refuse)
    assert builders.find(environment, workspace.home) is not None


def test_uses_are_read_once_from_all_workspaces(workspace, make, monkeypatch):
    environment = make()
    other = make_workspace(workspace.home.root, "other")
    make_run(workspace, "a", environment=environment)
    make_run(other, "b", environment={**environment, "name": "theirs"}, state=states.QUEUED)
    make_run(other, "c", environment={**environment, "key": "uv-else"}, state=states.RUNNING)
    make_run(other, "d")
    uses = built.Uses(workspace.home)
    uses.update()
    assert sorted(run.run_id for run in uses.by_key[KEY]) == ["a", "b"]
    assert sorted(uses.names[KEY]) == ["mine", "theirs"]
    assert (uses.unfinished(KEY), uses.unfinished("uv-none")) == (["b"], [])
    os.unlink(workspace.run("a").definition)
    make_run(workspace, "e", environment=environment)
    uses.update()
    assert sorted(run.run_id for run in uses.by_key[KEY]) == ["a", "b", "e"]
    assert uses.unreadable == []


# Removing one


def test_an_environment_is_removed_with_its_files_and_the_trash(workspace, make):
    make()
    size = os.stat(Path(workspace.home.environment(KEY)) / "bin" / "python").st_blocks * 512
    assert gc.remove_environment(KEY) >= size
    assert os.listdir(workspace.home.environments) == []
    with pytest.raises(EnvironmentException, match=f"there is no environment {KEY} here"):
        gc.remove_environment(KEY)


@pytest.mark.parametrize("state", [states.NOT_STARTED, states.QUEUED, states.RUNNING])
def test_one_that_an_unfinished_run_needs_stays(workspace, make, state):
    make_run(workspace, "needs", state=state, environment=make())
    with pytest.raises(EnvironmentException, match="is needed by needs, which has not ended"):
        gc.remove_environment(KEY)
    assert built.look(workspace.home, KEY) is not None


def test_runs_that_have_ended_need_nothing(workspace, make):
    environment = make()
    for state in (states.COMPLETED, states.FAILED, states.CANCELED):
        make_run(workspace, state.lower(), state=state, environment=environment)
    gc.remove_environment(KEY)
    assert built.everything(workspace.home) == []


def test_a_run_whose_definition_is_damaged_may_need_any(workspace, make):
    make()
    run = make_run(workspace, "damaged", state=states.QUEUED)
    Path(run.definition).write_text("{")
    with pytest.raises(EnvironmentException, match="is needed by damaged"):
        gc.remove_environment(KEY)


def test_a_run_that_comes_while_submits_are_waited_for_is_seen(workspace, make, monkeypatch):
    environment = make()
    take = gclock.alone

    def late(home, report):
        make_run(workspace, "late", state=states.NOT_STARTED, environment=environment)
        return take(home, report)

    monkeypatch.setattr(gclock, "alone", late)
    with pytest.raises(EnvironmentException, match="is needed by late"):
        gc.remove_environment(KEY)
    assert built.look(workspace.home, KEY) is not None


def test_one_that_is_being_built_again_is_left_alone(workspace, make):
    make()
    lock = filelocks.try_lock(workspace.home.environment(KEY) + ".lock")
    try:
        with pytest.raises(EnvironmentException, match="is being built at this moment"):
            gc.remove_environment(KEY)
    finally:
        os.close(lock)
    assert built.look(workspace.home, KEY) is not None


def test_without_flock_nothing_is_removed(workspace, make, monkeypatch):
    make()

    def refuse(descriptor, *words, **options):
        raise filelocks.NoFileLocks(workspace.home.root)

    monkeypatch.setattr(filelocks, "lock", refuse)
    with pytest.raises(RecordException, match="without flock"):
        gc.remove_environment(KEY)
    assert built.look(workspace.home, KEY) is not None
