"""One run in trouble among others: a record that can't be read, a lock that can't be judged, supervisors that fail."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from turnout.runtime import dispatching, events, layout, processes, records, runlock, runqueue, slots
from turnout.runtime.record import RunRecord
from turnout.testing.living import until
from turnout.testing.queue import GATED, NOTE, Machine
from turnout.workspace import Workspace


@pytest.fixture
def machine(home: object, tmp_path: Path) -> Machine:
    made = Machine(Workspace.from_config().layout, tmp_path)
    made.ask("configure", slots=1, gpus=[])
    return made


def replace_by_directory(path: str) -> None:
    os.rename(path, path + ".aside")
    os.mkdir(path)


def test_a_child_that_cannot_be_read_does_not_keep_its_parent_from_its_end(machine: Machine) -> None:
    parent = machine.start("parent", GATED)
    until(lambda: machine.noted() == ["parent"])
    child = machine.workspace.run("child")
    os.mkdir(child.root)
    Path(child.definition).write_text("{torn")
    lines = records.JsonLines(os.path.join(parent.events, "writer" + events.SUFFIX))
    lines.append({"t": 1.0, "e": events.CHILD, "id": "child"})
    lines.close()
    machine.gate.touch()
    assert machine.end(parent) == ["Completed"]
    assert machine.end(machine.start("next")) == ["Completed"]


@pytest.mark.parametrize("damaged", ["journal", "lock", "definition"])
def test_a_record_that_cannot_be_read_stops_only_itself(machine: Machine, damaged: str) -> None:
    first = machine.start("first", GATED)
    bad = machine.start("bad")
    good = machine.start("good")
    until(lambda: machine.state(good) == "Queued")
    os.kill(machine.dispatcher()["pid"], signal.SIGSTOP)
    replace_by_directory(getattr(bad, damaged))
    os.kill(machine.dispatcher()["pid"], signal.SIGCONT)
    machine.gate.touch()
    assert machine.end(first, good) == ["Completed"] * 2
    os.rmdir(getattr(bad, damaged))
    os.rename(getattr(bad, damaged) + ".aside", getattr(bad, damaged))
    assert machine.end(bad) == ["Failed"]
    assert RunRecord(bad.root).status()[1].endswith("see system_logs/supervisor.log")
    assert machine.noted() == ["first", "good"]


@pytest.mark.parametrize("text", ["[]", '{"slots": "many", "gpus": 3}', "{torn", '{"slots": -1}'])
def test_an_offer_that_cannot_be_read_is_the_default(machine: Machine, text: str) -> None:
    Path(machine.home.queue_here.slots).write_text(text)
    assert slots.offered(machine.home.queue_here) == slots.default_offer()
    assert machine.end(machine.start("a")) == ["Completed"]


def test_a_lock_that_cannot_be_judged_holds_up_nobody_else(machine: Machine) -> None:
    """As of a container with this home and host name that was started anew: its pid namespace can't be seen."""
    bad = machine.write("bad")
    records.write_json(bad.lock, {**processes.identity(), "namespace": "pid:[1]"})
    runqueue.enqueue(machine.home, bad.root, {}, machine.runtime)
    good = machine.start("good")
    assert machine.end(good) == ["Completed"]
    assert machine.look(bad)[0] == "NotResponding"
    assert machine.state(bad) == "NotStarted"
    until(lambda: runqueue.names(machine.home.queue_here.started) == [])  # a run's end is written before its entry goes
    os.unlink(bad.lock)
    definition = records.read_json(bad.definition)
    del definition["submitter"]
    records.write_json(bad.definition, definition)
    assert machine.end(bad) == ["Completed"]
    assert machine.noted() == ["good", "bad"]


def test_one_end_that_cannot_be_seen_to_does_not_hide_another(machine: Machine) -> None:
    machine.ask("configure", slots=2)
    bad, good = machine.start("bad", GATED), machine.start("good", GATED)
    until(lambda: sorted(machine.noted()) == ["bad", "good"])
    last = machine.start("last")
    until(lambda: machine.state(last) == "Queued")
    dispatcher = machine.dispatcher()["pid"]
    os.kill(dispatcher, signal.SIGSTOP)
    for run in (bad, good):
        holder = runlock.holder(run.lock)
        assert holder is not None
        os.kill(holder["pid"], signal.SIGKILL)
    replace_by_directory(bad.journal)
    os.kill(dispatcher, signal.SIGCONT)
    machine.gate.touch()
    until(lambda: (machine.state(good), machine.state(last)) == ("Completed", "Completed"))  # nobody looks
    os.rmdir(bad.journal)
    os.rename(bad.journal + ".aside", bad.journal)
    assert machine.end(bad) == ["Completed"]


def test_a_supervisor_that_dies_before_it_has_the_lock_is_not_forked_for_ever(machine: Machine) -> None:
    first = machine.start("first", GATED)
    bad = machine.start("bad")
    until(lambda: machine.state(bad) == "Queued")
    assert runlock.holder(bad.lock) == machine.dispatcher()
    shutil.rmtree(bad.system_logs)
    Path(bad.system_logs).write_text("no directory")
    good = machine.start("good")
    machine.gate.touch()
    assert machine.end(first, bad, good) == ["Completed", "Failed", "Completed"]
    assert "failed again and again" in RunRecord(bad.root).status()[1]


def test_an_entry_that_cannot_be_read_does_not_hide_its_twin(machine: Machine) -> None:
    run = machine.write("a", NOTE)
    name = runqueue.enqueue(machine.home, run.root, {}, machine.runtime)
    Path(machine.home.queue_here.started, name).write_text("{torn")
    assert machine.end(run) == ["Completed"]
    until(lambda: not runqueue.names(machine.home.queue_here.started))


def test_what_was_handed_over_and_is_gone_fails_the_run(machine: Machine) -> None:
    run = machine.write("a")
    for name in os.listdir(machine.home.secrets):
        os.unlink(os.path.join(machine.home.secrets, name))
    machine.ask("start", directory=run.root, resources={})
    assert machine.end(run) == ["Failed"]
    assert "the variables that its submitter handed over are gone" in RunRecord(run.root).status()[1]
    assert machine.noted() == []


def test_runs_of_one_id_in_two_workspaces_keep_their_secrets(machine: Machine, tmp_path: Path) -> None:
    machine.ask("configure", slots=2)
    text = "import os, sys; open(sys.argv[1], 'a').write(os.environ['TOKEN'] + '\\n')"
    runs = []
    for number, name in enumerate(("default", "other")):
        workspace = layout.Home(machine.home.root).workspace(name)
        os.makedirs(workspace.runs, exist_ok=True)
        os.makedirs(workspace.changes, exist_ok=True)
        machine.workspace = workspace
        runs.append(machine.write("a", text, run_id="same", secrets={"TOKEN": f"token-{number}"}))
    for run in runs:
        machine.ask("start", directory=run.root, resources={})
    for run in runs:
        until(lambda run=run: RunRecord(run.root).status()[0] == "Completed")
    assert sorted(machine.noted()) == ["token-0", "token-1"]


def test_the_dispatcher_rests_once_a_preparation_has_gone_well_after_all(machine: Machine) -> None:
    first = machine.start("first", GATED)
    until(lambda: machine.noted() == ["first"])
    other = machine.runtime[:-4] + "0000"  # so that a supervisor prepares it: with the runtime that it began with
    shutil.copytree(machine.runtime, other)
    starts = machine.notes.with_name("starts")
    with open(os.path.join(other, "turnout", "runtime", "supervisor.py"), "a") as stream:
        stream.write(f"\nwith open({str(starts)!r}, 'a') as stream: stream.write('.')\n")
    run = machine.write("a")
    os.rename(run.system_logs, run.system_logs + ".aside")
    Path(run.system_logs).write_text("no directory")
    runqueue.enqueue(machine.home, run.root, {}, other)
    dispatching.wake(machine.home, machine.runtime)
    holder = machine.dispatcher()
    until(lambda: starts.exists() and starts.stat().st_size >= 2)
    os.unlink(run.system_logs)
    os.rename(run.system_logs + ".aside", run.system_logs)
    until(lambda: machine.state(run) == "Queued" and runlock.holder(run.lock) == holder)

    def ticks() -> int:
        words = Path(f"/proc/{holder['pid']}/stat").read_text().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])

    before = ticks()
    time.sleep(1.0)  # what is measured is the work of a second
    assert ticks() - before < 0.3 * os.sysconf("SC_CLK_TCK")
    machine.gate.touch()
    assert machine.end(first, run) == ["Completed"] * 2
