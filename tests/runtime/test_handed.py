"""What is handed over arrives whole, for nobody else to read."""

import os
import stat
import time

import pytest

from turnout.runtime import handed, layout, states, variables
from turnout.testing.records import hand_over, make_run, make_workspace


@pytest.fixture
def home(tmp_path):
    home = layout.Home(str(tmp_path))
    os.mkdir(home.secrets, layout.DIRECTORY_MODE)
    return home


def run_of(home, run_id="run", workspace="w", handed_over="name", state=states.QUEUED):
    make_workspace(home.root, workspace)
    return make_run(home.workspace(workspace), run_id, state=state, handed_over=handed_over)


def test_it_arrives_byte_for_byte(home):
    given = handed.Handed({"A": "\udcff\n\u00e4", "B": ""}, {"variables": "x" * 100_000, "TOKEN": "s\udc80"})
    run = run_of(home)
    handed.write(home, "name", run, given)
    assert handed.read(home, run) == given
    assert given.all() == {**given.variables, **given.secrets}


def test_it_is_its_owners_alone(home):
    before = os.umask(0)
    try:
        path = hand_over(run_of(home))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_nothing_is_read_for_a_run_that_was_handed_nothing(home):
    make_workspace(home.root, "w")
    assert handed.read(home, make_run(home.workspace("w"))) == handed.Handed({}, {})


def test_what_was_handed_over_and_is_gone_is_an_error(home):
    with pytest.raises(handed.HandedOverGone, match=r"are gone: .*/secrets/name"):
        handed.read(home, run_of(home))


def test_runs_of_one_id_in_two_workspaces_have_their_own(home):
    one, other = run_of(home, workspace="one", handed_over="1"), run_of(home, workspace="other", handed_over="2")
    handed.write(home, "1", one, handed.Handed({}, {"A": "of one"}))
    handed.write(home, "2", other, handed.Handed({}, {"A": "of the other"}))
    assert handed.read(home, one).secrets == {"A": "of one"}
    handed.remove(home, one)
    assert handed.read(home, other).secrets == {"A": "of the other"}


def test_a_secret_wins_over_every_other_variable_but_turnouts():
    facts = variables.Run("/runs/r", "/code", "/runtime", "/home", "w", "e", None)
    secrets = {"A": "secret", "TURNOUT_RUN_ID": "secret"}
    made = variables.compose(
        {"A": "base"}, {"A": "inherited"}, {"A": "environment"}, {"A": "configured"}, facts, secrets
    )
    assert (made["A"], made["TURNOUT_RUN_ID"]) == ("secret", "r")


def test_what_turnout_sets_is_reserved():
    facts = variables.Run("/runs/r", "/code", "/runtime", "/home", "w", "e", "/prefix")
    assert [name for name in variables.compose({}, {}, {}, {}, facts) if not variables.is_reserved(name)] == []
    assert not variables.is_reserved("TOKEN")


def test_what_was_left_for_a_run_that_never_came_goes_with_the_next_submit(home):
    before = time.time() - handed.ORPHANED_SECONDS - 60
    waiting = hand_over(run_of(home, "waiting", handed_over="waiting"))
    ended = hand_over(run_of(home, "ended", handed_over="ended", state=states.COMPLETED))
    unknown = os.path.join(home.secrets, "orphan.123-ab.tmp")
    with open(unknown, "w") as stream:
        stream.write("{")
    for name in ("orphan", "young"):
        handed.write(home, name, home.workspace("w").run("never"), handed.Handed({}, {"A": "1"}))
    for path in (waiting, ended, unknown, os.path.join(home.secrets, "orphan")):
        os.utime(path, (before, before))
    hand_over(run_of(home, "next", handed_over="next"))
    assert sorted(os.listdir(home.secrets)) == ["next", "waiting", "young"]
