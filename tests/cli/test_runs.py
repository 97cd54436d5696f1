import os

import pytest

from turnout.runtime import runlock, states
from turnout.testing.records import make_run


@pytest.fixture
def some(workspace):
    make_run(workspace, "one_1_aa", experiment="one", created=1_700_000_001.0, tags={"k": "1"}, seconds=72.0)
    make_run(
        workspace,
        "two_2_bb",
        experiment="two",
        created=1_700_000_002.0,
        state=states.FAILED,
        reason="the script ended with exit code 3",
        exit_code=3,
        display_name="second",
        tags={"k": "2"},
    )
    make_run(workspace, "two_2_bb_0", experiment="two", created=1_700_000_003.0, parent="two_2_bb")
    return workspace


def test_runs_are_listed_newest_first_without_child_runs(some, turnout):
    assert turnout("runs", "-q").out == "two_2_bb\none_1_aa\n"
    assert turnout("runs", "-q", "--children").out == "two_2_bb_0\ntwo_2_bb\none_1_aa\n"


def test_the_piped_list_is_plain_aligned_lines(some, turnout, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    outcome = turnout("runs")
    monkeypatch.undo()
    time.tzset()
    assert outcome.out == (
        "RUN       STATUS     CREATED              DURATION  TARGET  EXPERIMENT  NAME    REASON\n"
        "two_2_bb  Failed     2023-11-14 22:13:22       2 s  local   two         second  the script ended with exit code 3\n"
        "one_1_aa  Completed  2023-11-14 22:13:21  1 m 12 s  local   one         -       -\n"
    )
    assert outcome.err == ""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--experiment", "one"], ["one_1_aa"]),
        (["--status", "failed"], ["two_2_bb"]),
        (["--status", "Failed", "--status", "Completed"], ["two_2_bb", "one_1_aa"]),
        (["--tag", "k"], ["two_2_bb", "one_1_aa"]),
        (["--tag", "k=1"], ["one_1_aa"]),
        (["--tag", "k=1", "--tag", "k2"], []),
        (["--limit", "1"], ["two_2_bb"]),
        (["--limit", "1", "--all"], ["two_2_bb", "one_1_aa"]),
        (["--experiment", "none"], []),
    ],
)
def test_filters(some, turnout, words, found):
    outcome = turnout("runs", "-q", *words)
    assert (outcome.code, outcome.lines, outcome.err) == (0, found, "")


def test_json_is_complete_and_nothing_else(some, turnout):
    outcome = turnout("runs", "--json")
    assert outcome.err == ""
    assert outcome.json[0] == {
        "id": "two_2_bb",
        "number": 1,
        "experiment": "two",
        "display_name": "second",
        "type": "azureml.scriptrun",
        "parent": None,
        "status": "Failed",
        "reason": "the script ended with exit code 3",
        "created": "2023-11-14T22:13:22.000Z",
        "started": "2023-11-14T22:13:22.500Z",
        "ended": "2023-11-14T22:13:24.500Z",
        "duration": 2.0,
        "target": "local",
        "exit_code": 3,
        "signal": None,
        "snapshot": None,
        "tags": {"k": "2"},
    }


def test_an_empty_workspace_has_an_empty_list(workspace, turnout, terminal):
    assert turnout("runs").out == ""
    assert turnout("runs", "--json").json == []
    assert "no runs yet; `turnout submit SCRIPT` makes one" in terminal("runs").err
    assert "no run is like that" in terminal("runs", "--status", "failed").err


def test_a_terminal_shows_why_below_each_run_and_that_there_are_more(some, terminal):
    outcome = terminal("runs", "--limit", "1", columns=50)
    heading, row, reason = outcome.lines
    assert heading.split() == ["RUN", "STATUS", "CREATED", "DURATION"]
    assert row.startswith("two_2_bb  Failed")
    assert reason == "    the script ended with exit code 3"
    assert "there are more: --limit N or --all" in outcome.err


def test_a_live_run_shows_its_time_so_far(workspace, turnout):
    live = make_run(workspace, "live", state=states.RUNNING)
    runlock.acquire(live.lock)
    (row,) = turnout("runs", "--json").json
    assert (row["status"], row["duration"], row["ended"]) == ("Running", None, None)
    assert " s  local" in turnout("runs", "--status", "running").lines[1]


def test_a_live_run_is_looked_at_rather_than_believed(workspace, turnout, monkeypatch):
    import turnout.run as module

    make_run(workspace, "live", state=states.RUNNING)
    monkeypatch.setattr(module, "look_at", lambda workspace: lambda run_id: ("NotResponding", f"where is {run_id}?"))
    (row,) = turnout("runs", "--json").json
    assert (row["status"], row["reason"]) == ("NotResponding", "where is live?")


def test_bad_filters_are_refused(workspace, bad_input):
    assert "'perhaps'" in bad_input("runs", "--status", "perhaps")
    assert "a tag is written KEY or KEY=VALUE" in bad_input("runs", "--tag", "=x")


def test_a_home_written_by_a_newer_version_is_refused(workspace, bad_input):
    with open(workspace.home.format, "w") as stream:
        stream.write('{"format": 99}')
    bad_input("runs")
    os.unlink(workspace.home.format)
