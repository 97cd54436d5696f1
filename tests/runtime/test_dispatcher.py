"""The queue with real processes: who starts when, on what, and what happens when the dispatcher or its like are killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turnout.runtime import agent, cgroups, dispatching, layout, members, processes, records, runlock, runqueue
from turnout.runtime.record import RunRecord
from turnout.testing.living import until
from turnout.testing.queue import GATED, NOTE, Machine
from turnout.workspace import Workspace


def orphaning(pids: Path, more: str) -> str:
    """Return a script that starts a process in a session of its own, writes down its pid, and waits."""
    return (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen(['sleep', '600'], start_new_session=True, {more})\n"
        f"open({str(pids)!r} + '.new', 'w').write(str(child.pid))\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "time.sleep(600)"
    )


@pytest.fixture
def workspace_layout(home: object) -> layout.WorkspaceLayout:
    return Workspace.from_config().layout


@pytest.fixture
def machine(workspace_layout: layout.WorkspaceLayout, tmp_path: Path) -> Machine:
    made = Machine(workspace_layout, tmp_path)
    made.ask("configure", slots=1, gpus=[])
    return made


def test_runs_start_in_their_order_one_after_the_other(machine: Machine) -> None:
    first = machine.start("first", GATED)
    until(lambda: machine.noted() == ["first"])
    others = [machine.start(str(number)) for number in range(5)]
    urgent = machine.start("urgent", priority=1)
    until(lambda: {machine.state(run) for run in (urgent, *others)} == {"Queued"})
    assert machine.noted() == ["first"]
    assert machine.look(others[0])[1] == "waiting for 1 CPU slot (free: 0 of 1 CPU slots); 1 before it"
    machine.gate.touch()
    assert machine.end(first, urgent, *others) == ["Completed"] * 7
    assert machine.noted() == ["first", "urgent", "0", "1", "2", "3", "4"]
    until(lambda: not runqueue.names(machine.home.queue_here.started))


def test_a_child_that_waits_for_its_parents_slot_is_told_so(machine: Machine) -> None:
    parent = machine.start("parent", GATED)
    until(lambda: machine.noted() == ["parent"])
    child = machine.write("child")
    records.write_json(child.definition, {**records.read_json(child.definition), "parent": parent.run_id})
    machine.ask("start", directory=child.root, resources={})
    until(lambda: machine.state(child) == "Queued")
    assert f"its parent {parent.run_id} holds 1 CPU slot" in machine.look(child)[1]
    machine.gate.touch()
    assert machine.end(parent, child) == ["Completed"] * 2


def test_the_dispatcher_goes_when_nothing_waits(machine: Machine) -> None:
    run = machine.start("a", GATED)
    until(lambda: machine.state(run) == "Running")
    until(lambda: dispatching.dispatcher(machine.home.queue_here) is None)
    machine.gate.touch()
    machine.end(run)


def test_a_wide_run_gets_its_turn(machine: Machine) -> None:
    machine.ask("configure", slots=2)
    first = machine.start("first", GATED)
    until(lambda: machine.noted() == ["first"])
    wide = machine.start("wide", cpus=2)
    narrow = [machine.start(f"narrow{number}") for number in range(3)]
    until(lambda: machine.state(narrow[-1]) == "Queued")
    assert machine.noted() == ["first"], "a free slot is kept for the wide run"
    machine.gate.touch()
    machine.end(first, wide, *narrow)
    assert machine.noted()[:2] == ["first", "wide"]


def test_each_run_sees_its_own_gpus(machine: Machine) -> None:
    machine.ask("configure", slots=4, gpus=["0", "1", "2"])
    text = GATED.replace("sys.argv[2]", "(sys.argv[2] + ':' + os.environ.get('CUDA_VISIBLE_DEVICES', 'unset'))")
    two = machine.start("two", text, gpus=2)
    one = machine.start("one", text, gpus=1)
    none = machine.start("none", text)
    last = machine.start("last", text, gpus=1)
    until(lambda: len(machine.noted()) == 3)
    unset = os.environ.get("CUDA_VISIBLE_DEVICES", "unset")
    assert sorted(machine.noted()) == sorted(["two:0,1", "one:2", f"none:{unset}"])
    assert "0 of 3 GPUs" in machine.look(last)[1]
    machine.gate.touch()
    machine.end(two, one, none, last)
    assert RunRecord(two.root).placement()["slots"]["gpus"] == ["0", "1"]


def test_more_slots_start_more_at_once(machine: Machine) -> None:
    runs = [machine.start(str(number), GATED) for number in range(3)]
    until(lambda: machine.state(runs[2]) == "Queued")
    machine.ask("configure", slots=3)
    until(lambda: len(machine.noted()) == 3)
    machine.gate.touch()
    machine.end(*runs)


def test_a_queued_run_that_is_canceled_never_starts(machine: Machine) -> None:
    first = machine.start("first", GATED)
    queued = machine.start("queued")
    until(lambda: machine.state(queued) == "Queued")
    machine.ask("cancel", directory=queued.root, by="me")
    machine.ask("cancel", directory=queued.root, by="someone else")
    assert machine.end(queued) == ["Canceled"]
    assert RunRecord(queued.root).status()[1] == "canceled by me"
    machine.gate.touch()
    machine.end(first)
    assert machine.noted() == ["first"]
    assert os.listdir(machine.home.secrets) == []


def test_a_queued_run_is_canceled_when_no_dispatcher_lives(machine: Machine) -> None:
    first = machine.start("first", GATED)
    queued = machine.start("queued")
    until(lambda: machine.state(queued) == "Queued")
    holder = machine.dispatcher()
    os.kill(holder["pid"], signal.SIGKILL)
    until(lambda: processes.state(holder) == processes.GONE)
    machine.ask("cancel", directory=queued.root, by="me")
    assert machine.end(queued) == ["Canceled"]
    machine.gate.touch()
    machine.end(first)


def test_a_supervisor_sees_to_it_that_the_queue_moves_when_the_dispatcher_was_killed(machine: Machine) -> None:
    """Nobody looks here: the end of the first run alone starts the second."""
    first = machine.start("first", GATED)
    second = machine.start("second")
    until(lambda: machine.state(second) == "Queued" and machine.noted() == ["first"])
    os.kill(machine.dispatcher()["pid"], signal.SIGKILL)
    machine.gate.touch()
    until(lambda: machine.state(second) == "Completed")
    assert machine.state(first) == "Completed"


def test_a_killed_supervisor_is_replaced_by_the_dispatcher_at_once(machine: Machine) -> None:
    """Nobody looks here either."""
    first = machine.start("first", GATED)
    second = machine.start("second")  # so that the dispatcher stays
    until(
        lambda: (
            machine.state(second) == "Queued" and machine.state(first) == "Running" and os.path.exists(first.process)
        )
    )
    holder = runlock.holder(first.lock)
    assert holder is not None
    os.kill(holder["pid"], signal.SIGKILL)
    until(lambda: runlock.holder(first.lock) != holder and runlock.holder_state(first.lock) == processes.ALIVE)
    machine.gate.touch()
    assert machine.end(first, second) == ["Completed"] * 2
    assert machine.noted() == ["first", "second"]


def test_a_killed_keeper_does_not_cost_the_exit_code(machine: Machine) -> None:
    run = machine.start("a", GATED + "sys.exit(7)")
    until(lambda: machine.state(run) == "Running" and os.path.exists(run.process))
    os.kill(records.read_json(run.process)["keeper"]["pid"], signal.SIGKILL)
    machine.gate.touch()
    assert machine.end(run) == ["Failed"]
    assert RunRecord(run.root).result()["exit_code"] == 7


def test_what_left_its_session_is_found_after_the_supervisor_was_killed(machine: Machine, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = (
        "import os, subprocess, sys, time\n"
        "deaf = 'import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)'\n"
        "child = subprocess.Popen([sys.executable, '-c', deaf], start_new_session=True, env={}, stdout=subprocess.PIPE)\n"
        "child.stdout.read(1)\n"
        f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "time.sleep(600)"
    )
    run = machine.start("a", text)
    script, orphan = map(int, until(lambda: pids.exists() and pids.read_text()).split())
    holder = runlock.holder(run.lock)
    assert holder is not None
    os.kill(holder["pid"], signal.SIGKILL)
    until(lambda: processes.state(holder) == processes.GONE)
    machine.ask("cancel", directory=run.root, by="me")
    assert machine.end(run) == ["Canceled"]
    assert [processes.start_time(pid) for pid in (script, orphan)] == [None, None]


def test_without_keeper_what_carries_the_runs_marker_is_found(machine: Machine, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    run = machine.start("a", orphaning(pids, ""))
    orphan = int(until(lambda: pids.exists() and pids.read_text()))
    holder = runlock.holder(run.lock)
    assert holder is not None
    for pid in (holder["pid"], records.read_json(run.process)["keeper"]["pid"], records.read_json(run.process)["pid"]):
        os.kill(pid, signal.SIGKILL)
    assert machine.end(run) == ["Failed"]
    until(lambda: processes.start_time(orphan) is None)


def test_a_run_that_was_submitted_inside_a_run_is_not_its_leftover(machine: Machine, tmp_path: Path) -> None:
    machine.ask("configure", slots=2)
    inner = machine.write("inner", GATED)
    source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(agent.__file__))), os.pardir)
    text = (
        f"import sys; sys.path.insert(0, {source!r})\n"
        "from turnout.runtime import agent, layout\n"
        f"home = layout.Home({machine.home.root!r})\n"
        f"agent.handle(home, dict(operation='start', directory={inner.root!r}, resources={{}}, runtime={machine.runtime!r}))\n"
    )
    outer = machine.start("outer", text)
    assert machine.end(outer) == ["Completed"], RunRecord(outer.root).status()
    until(lambda: machine.noted() == ["inner"])
    supervisor = runlock.holder(inner.lock)
    assert supervisor is not None
    assert processes.state(supervisor) == processes.ALIVE
    machine.gate.touch()
    assert machine.end(inner) == ["Completed"]
    assert RunRecord(inner.root).result()["leftover_processes"] == 0
    assert RunRecord(outer.root).result()["leftover_processes"] == 0


def test_a_run_keeps_the_runtime_that_it_began_with(machine: Machine) -> None:
    """Another version of Turnout on the same home: its runs are supervised by its own runtime."""
    other = os.path.join(machine.home.runtime, "0" * 64)
    shutil.copytree(machine.runtime, other)
    path = os.path.join(other, "turnout", "runtime", "placement.py")
    text = Path(path).read_text()
    os.chmod(path, 0o600)
    Path(path).write_text(text.replace('"host": system.nodename,', '"host": system.nodename, "other": True,'))
    first = machine.start("first", GATED)
    until(lambda: machine.noted() == ["first"])
    theirs = machine.write("theirs")
    machine.ask("start", directory=theirs.root, resources={}, runtime=other)
    mine = machine.start("mine")
    until(lambda: machine.state(mine) == "Queued")
    until(lambda: runlock.holder(theirs.lock) == machine.dispatcher())  # its own runtime has prepared it
    machine.gate.touch()
    assert machine.end(first, theirs, mine) == ["Completed"] * 3
    assert machine.noted() == ["first", "theirs", "mine"]
    assert [RunRecord(run.root).placement().get("other") for run in (first, theirs, mine)] == [None, True, None]


def test_a_run_whose_supervisor_always_fails_is_given_up_and_the_queue_goes_on(machine: Machine) -> None:
    bad = machine.write("bad")
    definition = records.read_json(bad.definition)
    definition["environment"] = ["damaged"]
    records.write_json(bad.definition, definition)
    machine.ask("start", directory=bad.root, resources={})
    good = machine.start("good")
    assert machine.end(good) == ["Completed"]
    assert machine.end(bad) == ["Failed"]
    assert "supervisor" in RunRecord(bad.root).status()[1]


def test_a_script_whose_run_is_given_up_does_not_live_on(machine: Machine) -> None:
    run = machine.start("a", GATED)
    until(lambda: machine.noted() == ["a"])
    script = records.read_json(run.process)
    definition = records.read_json(run.definition)
    definition["configuration"] = ["damaged"]
    records.write_json(run.definition, definition)
    holder = runlock.holder(run.lock)
    assert holder is not None
    os.kill(holder["pid"], signal.SIGKILL)
    assert machine.end(run) == ["Failed"]
    assert processes.state(script) == processes.GONE


def test_a_canceled_run_does_not_begin_after_all(machine: Machine) -> None:
    """A keeper that an earlier supervisor forked comes too late for the claim."""
    run = machine.write("late")
    journal = records.JsonLines(run.journal)
    for state in ("Preparing", "Queued", "Starting"):
        journal.append({"t": time.time(), "state": state, "reason": ""})
    records.write_json(run.lock, {**processes.identity(), "start": 1})  # gone
    records.write_json(run.cancel, {"by": "me", "t": time.time()})
    runqueue.enqueue(machine.home, run.root, {}, machine.runtime)
    assert machine.end(run) == ["Canceled"]
    from turnout.runtime import keeper

    log = os.open(run.script_log, os.O_WRONLY | os.O_CREAT)
    argv = [sys.executable, "-c", NOTE, str(machine.notes), "late"]
    pid, pipe = keeper.start(run, argv, dict(os.environ), log, None)
    assert os.read(pipe, 1) == b""
    os.waitpid(pid, 0)
    os.close(pipe)
    os.close(log)
    assert machine.noted() == []
    assert not os.path.exists(run.exit)


def test_a_record_that_cannot_be_read_does_not_stop_the_queue(machine: Machine) -> None:
    bad = machine.write("bad")
    Path(bad.definition).write_text("{torn")
    runqueue.enqueue(machine.home, bad.root, {}, machine.runtime)
    good = machine.start("good")
    assert machine.end(good) == ["Completed"]


def test_a_deleted_run_leaves_the_queue(machine: Machine) -> None:
    first = machine.start("first", GATED)
    gone = machine.start("gone")
    until(lambda: machine.state(gone) == "Queued")
    shutil.rmtree(gone.root)
    machine.gate.touch()
    machine.end(first)
    last = machine.start("last")
    machine.end(last)
    assert machine.noted() == ["first", "last"]
    until(lambda: runqueue.entries(machine.home) == ([], []))


def test_a_lost_queue_is_made_anew_by_a_look(machine: Machine) -> None:
    running = machine.start("running", GATED)
    queued = machine.start("queued")
    until(lambda: machine.state(queued) == "Queued" and machine.state(running) == "Running")
    holder = machine.dispatcher()
    supervisor = runlock.holder(running.lock)
    assert supervisor is not None
    for process in (holder, supervisor):
        os.kill(process["pid"], signal.SIGKILL)
        until(lambda process=process: processes.state(process) == processes.GONE)
    shutil.rmtree(machine.home.queue)
    machine.look(running)
    machine.look(queued)
    machine.gate.touch()
    assert machine.end(running, queued) == ["Completed"] * 2
    assert machine.noted() == ["running", "queued"]


def test_a_second_dispatcher_leaves_the_first_alone(machine: Machine) -> None:
    first = machine.start("first", GATED)
    second = machine.start("second")
    until(lambda: machine.state(second) == "Queued")
    holder = machine.dispatcher()
    from turnout.runtime import starting

    argv, environment = starting.command("dispatcher", machine.runtime, sys.executable, machine.home.root)
    assert subprocess.run(argv, env=environment, timeout=30).returncode == 0
    assert machine.dispatcher() == holder
    machine.gate.touch()
    machine.end(first, second)


def test_processes_of_the_runtime_are_told_from_others(machine: Machine) -> None:
    run = machine.start("a", GATED)
    until(lambda: machine.state(run) == "Running" and os.path.exists(run.process))
    holder = runlock.holder(run.lock)
    script = records.read_json(run.process)
    assert holder is not None
    assert members.is_runtime(holder["pid"])
    assert members.is_runtime(script["keeper"]["pid"])
    assert until(lambda: not members.is_runtime(script["pid"]))
    assert not members.is_runtime(os.getpid())
    machine.gate.touch()
    machine.end(run)


def test_where_there_are_cgroups_nothing_escapes(machine: Machine, tmp_path: Path) -> None:
    """Session, environment, supervisor and keeper are gone: only the cgroup still tells."""
    mine = cgroups.make(str(tmp_path))
    if mine is None:
        pytest.skip("this account may make no cgroup (version 2)")
    cgroups.remove(mine)
    pids = tmp_path / "pids"
    run = machine.start("a", orphaning(pids, "env={}"))
    orphan = int(until(lambda: pids.exists() and pids.read_text()))
    holder = runlock.holder(run.lock)
    script = records.read_json(run.process)
    path = until(lambda: os.path.exists(run.cgroup) and records.read_json(run.cgroup)["path"])
    until(lambda: orphan in cgroups.members(path))
    assert holder is not None
    for pid in (holder["pid"], script["keeper"]["pid"], script["pid"]):
        os.kill(pid, signal.SIGKILL)
    assert machine.end(run) == ["Failed"]
    until(lambda: processes.start_time(orphan) is None)
    assert not os.path.exists(path)


def test_a_request_that_is_being_written_is_left_alone_at_the_end(machine: Machine) -> None:
    """Someone asks for the end just when the run ends: its temporary file is not the supervisor's to remove."""
    run = machine.start("a", GATED)
    until(lambda: machine.noted() == ["a"])
    mine = Path(f"{run.cancel}.{os.getpid()}-00ff.tmp")
    killed = Path(f"{run.exit}.{2**22 + 1}-00ff.tmp")
    for path in (mine, killed):
        path.write_text("{")
    machine.gate.touch()
    assert machine.end(run) == ["Completed"]
    assert (mine.exists(), killed.exists()) == (True, False)
