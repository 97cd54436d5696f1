import json
import os

import pytest

from turnout import Experiment, Run, Workspace, deletion
from turnout.exceptions import ExperimentExecutionException, RecordException
from turnout.history.index import Index
from turnout.runtime import runlock, states
from turnout.testing.records import make_run, make_workspace


@pytest.fixture
def workspace(home):
    layout = make_workspace(str(home))
    os.makedirs(layout.home.objects)
    return Workspace(workspace_name="default")


def ids(workspace):
    return sorted(os.listdir(workspace.layout.runs))


def child_event(run_id):
    return {"w": [{"e": "child", "id": run_id}]}


def test_a_run_goes_with_its_children_and_theirs(workspace):
    make_run(workspace.layout, "parent", events_by_writer=child_event("announced"))
    make_run(workspace.layout, "announced", parent="parent")
    make_run(workspace.layout, "unannounced", parent="parent")  # its submitter died before it could say so
    make_run(workspace.layout, "grandchild", parent="unannounced")
    make_run(workspace.layout, "other")
    index = Index(workspace.layout)
    index.refresh()
    workspace.get_run("parent").delete()
    assert ids(workspace) == ["other"]
    assert sorted(os.listdir(workspace.layout.deleted)) == ["announced", "grandchild", "parent", "unannounced"]
    assert os.listdir(workspace.layout.trash) == []
    index.refresh()
    assert [row.id for row in index.list_runs(include_children=True)] == ["other"]


def test_children_go_before_their_parents_also_when_both_are_named(workspace):
    for run_id, parent in (("a", None), ("b", "a"), ("c", "b")):
        make_run(workspace.layout, run_id, parent=parent)
    runs = deletion.plan(workspace.layout, [workspace.get_run(run_id) for run_id in ("b", "a")])
    assert [run.id for run in runs] == ["c", "b", "a"]


def test_without_an_index_the_children_are_found_by_reading(workspace, monkeypatch):
    make_run(workspace.layout, "parent")
    make_run(workspace.layout, "child", parent="parent")
    make_run(workspace.layout, "other")
    monkeypatch.setenv("TURNOUT_INDEX", "sqlite:////dev/full/no/index")
    with pytest.raises(NotADirectoryError):
        Index(workspace.layout).refresh()
    workspace.get_run("parent").delete()
    assert ids(workspace) == ["other"]


def test_a_child_that_somebody_else_has_is_not_taken(workspace):
    make_run(workspace.layout, "liar", events_by_writer=child_event("other"))
    make_run(workspace.layout, "other")
    workspace.get_run("liar").delete()
    assert ids(workspace) == ["other"]


def test_a_live_run_is_refused_as_a_whole(workspace):
    make_run(workspace.layout, "parent")
    live = make_run(workspace.layout, "live", state=states.RUNNING, parent="parent", type=None)
    runlock.acquire(live.lock)
    make_run(workspace.layout, "ended")
    with pytest.raises(
        ExperimentExecutionException, match=r"live, a child of parent, has not ended.*turnout cancel live"
    ):
        deletion.plan(workspace.layout, [workspace.get_run("ended"), workspace.get_run("parent")])
    assert ids(workspace) == ["ended", "live", "parent"]
    with pytest.raises(ExperimentExecutionException, match=r"the run live has not ended \(Running\)"):
        workspace.get_run("live").delete()
    assert not os.path.exists(workspace.layout.deleted)


def test_a_run_whose_process_has_died_is_looked_at_first(workspace):
    dead = make_run(workspace.layout, "dead", state=states.RUNNING, type=None)
    with open(dead.lock, "w") as stream:
        json.dump({"host": os.uname().nodename, "boot": "another", "pid": 1, "start": 1}, stream)
    workspace.get_run("dead").delete()
    assert ids(workspace) == []


def test_a_run_whose_definition_is_damaged_can_be_deleted(workspace):
    run = make_run(workspace.layout, "damaged", state=states.RUNNING)
    with open(run.definition, "w") as stream:
        stream.write('{"id": ')
    Run(run.root).delete()
    assert ids(workspace) == []


def test_a_deleted_id_is_not_submitted_again(workspace, tmp_path):
    from turnout import ScriptRunConfig

    make_run(workspace.layout, "mine")
    workspace.get_run("mine").delete()
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("")
    config = ScriptRunConfig(source_directory=str(source), script="train.py")
    config.run_config.environment.python.user_managed_dependencies = True
    with pytest.raises(ExperimentExecutionException, match="mine was deleted"):
        Experiment(workspace, "again").submit(config, run_id="mine")
    assert ids(workspace) == []
    assert os.listdir(workspace.home.secrets if os.path.isdir(workspace.home.secrets) else workspace.layout.runs) == []


def test_a_home_that_refuses_is_told_with_what_was_done(workspace):
    for run_id in ("first", "second"):
        make_run(workspace.layout, run_id)
    runs = deletion.plan(workspace.layout, [workspace.get_run("first"), workspace.get_run("second")])
    os.makedirs(workspace.layout.deleted)
    os.mkdir(workspace.layout.tombstone(runs[1].id))  # opening it for writing fails, for root too
    with pytest.raises(RecordException, match=r"can't be deleted: .*; 1 of 2 runs were deleted"):
        deletion.carry_out(workspace.layout, runs)
    assert ids(workspace) == [runs[1].id]
