import os

import pytest

from turnout.runtime import runlock, states
from turnout.testing.records import make_run


@pytest.fixture
def some(workspace):
    make_run(workspace, "one_1_aa")
    make_run(workspace, "two_2_bb")
    make_run(workspace, "two_2_bb_0", parent="two_2_bb")
    return workspace


def test_several_runs_go_with_their_children(some, turnout):
    outcome = turnout("runs", "delete", "--yes", "one", "two_2_bb")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(outcome.lines) == ["deleted one_1_aa", "deleted two_2_bb", "deleted two_2_bb_0"]
    assert turnout("runs", "-q", "--children").out == ""


def test_json(some, turnout):
    outcome = turnout("runs", "delete", "two_2_bb", "-y", "--json")
    assert outcome.json.pop("bytes") > 0
    assert outcome.json["deleted"] == ["two_2_bb_0", "two_2_bb"]
    assert outcome.json["problems"] == []


def test_without_a_terminal_it_must_be_told(some, bad_input):
    assert "say --yes" in bad_input("runs", "delete", "one_1_aa")
    assert len(os.listdir(some.runs)) == 3


def test_a_wrong_name_or_a_live_run_deletes_nothing(some, bad_input):
    assert "there is no run 'three'" in bad_input("runs", "delete", "one_1_aa", "three", "-y")
    live = make_run(some, "live", state=states.RUNNING, type=None)
    runlock.acquire(live.lock)
    line = bad_input("runs", "delete", "one_1_aa", "live", "-y")
    assert "the run live has not ended (Running); `turnout cancel live` ends it; nothing was deleted" in line
    assert len(os.listdir(some.runs)) == 4


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 3), ("\n", 1, 3), ("", 130, 3)])
def test_a_terminal_is_asked(some, terminal, monkeypatch, answer, code, left):
    import io
    import sys

    class Keyboard(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    outcome = terminal("runs", "delete", "two_2_bb")
    assert "Delete 1 run (1 child run with them) for good? [y/N]" in outcome.err
    assert (outcome.code, len(os.listdir(some.runs))) == (code, left)


def test_help_names_it_and_other_words_are_refused(workspace, turnout, bad_input):
    assert "delete" in turnout("runs", "--help").out
    assert "there is no 'turnout runs rm'; there is: delete" in bad_input("runs", "rm")
    assert "--json belongs to the list" in bad_input("runs", "--json", "delete", "x")
    assert "Traceback" in turnout("runs", "delete", "--debug", "x").err
