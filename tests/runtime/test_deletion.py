import os

import pytest

from turnout.runtime import deletion, runqueue, slots
from turnout.runtime.removal import Tally
from turnout.runtime.script import ownership
from turnout.runtime.script.exceptions import UserErrorException
from turnout.testing.kills import every_kill
from turnout.testing.records import hand_over, make_run, make_workspace

DELETE = """
from turnout.runtime import deletion, layout
from turnout.runtime.removal import Tally
begin()
run = layout.RunLayout(arguments[0])
deletion.delete(run)
deletion.empty_trash(run.workspace, Tally())
"""


@pytest.fixture
def workspace(tmp_path):
    made = make_workspace(str(tmp_path / "home"))
    os.makedirs(made.home.secrets)
    return made


def some_run(workspace, run_id):
    files = {"code/outputs/model.bin": b"x" * 100}
    run = make_run(workspace, run_id, log=b"said\n", files=files, mark=False, handed_over=f"for-{run_id}")
    hand_over(run)
    return run


def contents(directory):
    found = {}
    for above, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(above, name)
            with open(path, "rb") as stream:
                found[os.path.relpath(path, directory)] = stream.read()
    return found


def test_a_deleted_run_leaves_a_tombstone_and_a_marker(workspace):
    run, other = some_run(workspace, "gone"), some_run(workspace, "kept")
    deletion.delete(run)
    assert os.listdir(workspace.runs) == ["kept"]
    assert len(os.listdir(workspace.trash)) == 1
    tally = Tally()
    assert deletion.empty_trash(workspace, tally) == []
    assert tally.bytes > 0
    assert os.listdir(workspace.trash) == []
    assert os.listdir(workspace.deleted) == ["gone"]
    assert os.listdir(workspace.changes) == ["gone"]
    assert os.listdir(workspace.home.secrets) == ["for-kept"]
    assert contents(other.root)


def test_what_is_left_in_the_queue_goes_too(workspace):
    for run_id in ("gone", "kept"):
        runqueue.enqueue(workspace.home, some_run(workspace, run_id).root, {"cpus": 1}, "/runtime/digest")
    entry = runqueue.find(workspace.home, workspace.run("gone").root)
    runqueue.mark_started(workspace.home, entry, slots.Grant((0,), ()))
    deletion.delete(workspace.run("gone"))
    waiting, started = runqueue.entries(workspace.home)
    assert [entry.run_id for entry in waiting + started] == ["kept"]


def test_deleting_twice_is_no_error(workspace):
    run = some_run(workspace, "gone")
    deletion.delete(run)
    deletion.delete(run)


def test_the_id_of_a_deleted_run_is_not_used_again(workspace):
    deletion.delete(some_run(workspace, "gone"))
    with pytest.raises(UserErrorException, match="gone was deleted"):
        ownership.create_run(workspace, {"id": "gone"})
    assert os.listdir(workspace.runs) == []


def test_killed_at_any_moment_the_run_is_there_whole_or_gone(workspace):
    run = some_run(workspace, "victim")
    whole = contents(run.root)
    moments = {"there": 0, "gone": 0}
    for _ in every_kill(DELETE, run.root):
        if os.path.lexists(run.root):
            moments["there"] += 1
            assert contents(run.root) == whole
            assert os.listdir(workspace.home.secrets) == ["for-victim"] or "victim" in os.listdir(workspace.deleted)
        else:
            moments["gone"] += 1
            assert os.listdir(workspace.deleted) == ["victim"]
        assert set(deletion.unfinished(workspace)) <= {"victim"}
        deletion.delete(run)  # whoever comes next
        assert deletion.empty_trash(workspace, Tally()) == []
        assert os.listdir(workspace.runs) == os.listdir(workspace.trash) == []
        os.unlink(workspace.tombstone("victim"))
        assert contents(some_run(workspace, "victim").root).keys() == whole.keys()
        whole = contents(run.root)
    assert not os.path.lexists(run.root)
    assert min(moments.values()) >= 5
