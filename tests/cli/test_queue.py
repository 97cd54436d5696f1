"""`turnout queue` and `turnout target`: what they print, and what bad input gets. Nothing runs here."""

from __future__ import annotations

import os

import pytest

from turnout.runtime import layout, processes, records, runqueue, slots, states
from turnout.testing.records import make_run


@pytest.fixture
def queue(workspace):
    """Three runs in the queue, all looked after by this process, so that nothing starts."""
    home = workspace.home
    os.makedirs(home.queue_here.root)
    records.write_json(home.queue_here.dispatcher, {**processes.identity(), "host": "elsewhere"})
    slots.configure(home.queue_here, {"slots": 3, "gpus": ["0", "1"]})
    for name, state, asked in (
        ("running", states.RUNNING, {"cpus": 2, "gpus": 1}),
        ("wide", states.QUEUED, {"cpus": 3}),
        ("urgent", states.QUEUED, {"cpus": 1, "priority": 2}),
    ):
        run = make_run(workspace, name, state=state)
        records.write_json(run.lock, processes.identity())
        runqueue.enqueue(home, run.root, asked, "abc")
    entry = runqueue.find(home, workspace.run("running").root)
    runqueue.mark_started(home, entry, slots.Grant((0, 1), ("1",)))
    return workspace


@pytest.fixture(autouse=True)
def no_dispatcher(monkeypatch):
    """The queue is as it is: the command would start a dispatcher for what waits."""
    from turnout.runtime import dispatching

    monkeypatch.setattr(dispatching, "wake", lambda home, runtime: None)


def test_who_holds_slots_and_who_waits_for_what(queue, turnout):
    assert turnout("queue").out == (
        "PLACE  RUN      STATUS   ASKS FOR           REASON\n"
        "       running  Running  2 CPU, 1 GPU       has CPU 0, 1; GPU 1\n"
        "    1  urgent   Queued   1 CPU, priority 2  waiting for 1 CPU slot (free: 1 of 3 CPU slots)\n"
        "    2  wide     Queued   3 CPU              waiting for 3 CPU slots (free: 1 of 3 CPU slots); 1 before it\n"
    )
    found = turnout("queue", "--json").json
    assert [row["id"] for row in found["waiting"]] == ["urgent", "wide"]
    assert found["started"][0]["slots"] == {"cpus": [0, 1], "gpus": ["1"]}
    assert (found["slots"], found["gpus"]) == (3, ["0", "1"])


def test_a_run_that_has_ended_is_no_longer_in_it(queue, turnout):
    run = layout.RunLayout(queue.run("running").root)
    journal = records.JsonLines(run.journal)
    journal.append({"t": 1.0, "state": states.COMPLETED, "reason": ""})
    assert turnout("queue", "--json").json["started"] == []


def test_an_empty_queue_says_what_there_is(workspace, turnout, terminal):
    slots.configure(workspace.home.queue_here, {"slots": 1, "gpus": []})
    assert turnout("queue").out == ""
    assert terminal("queue").err == "turnout: nothing waits and nothing runs; local has 1 CPU slot\n"


def test_targets_are_listed_with_their_slots(queue, turnout):
    assert turnout("target", "list").out == (
        "TARGET  TYPE   SLOTS  GPUS  RUNS  WAITING\nlocal   local      3     2     1        2\n"
    )
    assert turnout("target", "show", "--json").json["waiting"] == 2


def test_slots_are_set_and_taken_back(workspace, turnout):
    default = slots.default_offer()
    changed = turnout("target", "update", "local", "--slots", "4", "--gpus", "0,2", "--json").json
    assert (changed["slots"], changed["gpus"]) == (4, ["0", "2"])
    assert turnout("target", "update", "local", "--gpus", "none", "--json").json["gpus"] == []
    back = turnout("target", "update", "local", "--slots", "default", "--gpus", "default", "--json").json
    assert (back["slots"], back["gpus"]) == (default.cpus, list(default.gpus))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["target", "update", "local"], "nothing to change"),
        (["target", "update", "local", "--slots", "0"], "'0'"),
        (["target", "update", "local", "--slots", "many"], "'many'"),
        (["target", "update", "local", "--gpus", "0,,1"], "'0,,1'"),
        (["target", "update", "local", "--gpus", "1,1"], "'1,1'"),
        (["target", "update", "nowhere", "--slots", "1"], "nowhere"),
        (["queue", "--target", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_gets_one_line(workspace, turnout, words, said):
    done = turnout(*words)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert done.out == ""
