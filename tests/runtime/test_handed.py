"""What is handed over arrives whole, for nobody else to read."""

import os
import stat
import time

import pytest

from turnout.runtime import handed, layout, variables


@pytest.fixture
def home(tmp_path):
    home = layout.Home(str(tmp_path))
    os.mkdir(home.secrets, layout.DIRECTORY_MODE)
    return home


def test_it_arrives_byte_for_byte(home):
    given = handed.Handed({"A": "\udcff\n\u00e4", "B": ""}, {"variables": "x" * 100_000, "TOKEN": "s\udc80"})
    handed.write(home, "run", given)
    assert handed.read(home, "run") == given
    assert given.all() == {**given.variables, **given.secrets}


def test_it_is_its_owners_alone(home):
    before = os.umask(0)
    try:
        handed.write(home, "run", handed.Handed({}, {"A": "1"}))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(home.secret("run")).st_mode) == 0o600


def test_nothing_is_handed_over_where_there_is_no_file(home):
    assert handed.read(home, "run") == handed.Handed({}, {})


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
    waiting = home.workspace("w").run("waiting")
    os.makedirs(waiting.root)
    before = time.time() - handed.ORPHANED_SECONDS - 60
    for name in ("waiting", "orphan", "orphan.123-ab.tmp", "another"):
        handed.write(home, name, handed.Handed({}, {"A": "1"}))
        if name != "another":
            os.utime(home.secret(name), (before, before))
    handed.write(home, "next", handed.Handed({}, {}))
    assert sorted(os.listdir(home.secrets)) == ["another", "next", "waiting"]
