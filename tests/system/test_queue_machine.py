"""Any order of submits, cancels, looks, changes of size and kills: a state machine that hypothesis drives over real processes."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from turnout.runtime import agent, layout, members, processes, records, runlock, runqueue, states
from turnout.runtime.bundle import ship
from turnout.runtime.record import RunRecord
from turnout.testing.living import pids_naming
from turnout.testing.records import make_workspace
from turnout.testing.runs import write_run

SLOTS = 3
KILLED = (
    "the script's process is gone and left no exit code: its keeper was killed too, or the machine stopped",
    "the script was ended by SIGKILL (often the kernel, out of memory)",
)
SCRIPT = (
    "import os, sys, time\n"
    "note = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
    "os.write(note, (sys.argv[2] + '\\n').encode())\n"
    "while not os.path.exists(sys.argv[3]): time.sleep(0.01)\n"
)


class QueueMachine(RuleBasedStateMachine):
    """What is known for sure: which runs were submitted, with what, and which someone asked to end."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="turnout-machine-"))
        self.home = layout.Home(str(self.directory / "home"))
        self.workspace = make_workspace(self.home.root)
        for path in (self.home.objects, self.home.secrets, self.home.runtime):
            os.makedirs(path, layout.DIRECTORY_MODE, exist_ok=True)
        self.runtime = ship(self.home)
        self.notes = self.directory / "notes"
        self.runs: list[layout.RunLayout] = []
        self.gates: dict[str, Path] = {}
        self.asked: dict[str, int] = {}
        self.canceled: set[str] = set()
        self.killed: set[int] = set()
        self.ask("configure", slots=SLOTS, gpus=[])

    def ask(self, operation: str, **more: Any) -> dict[str, Any]:
        return agent.handle(self.home, {"operation": operation, "runtime": self.runtime, **more})

    @rule(cpus=st.integers(0, SLOTS), priority=st.integers(-1, 1))
    def submit(self, cpus: int, priority: int) -> None:
        number = len(self.runs)
        gate = self.directory / f"gate-{number}"
        run = write_run(self.workspace, SCRIPT, [str(self.notes), str(number), str(gate)])
        self.runs.append(run)
        self.gates[run.run_id] = gate
        self.asked[run.run_id] = cpus
        self.ask("start", directory=run.root, resources={"cpus": cpus, "gpus": 0, "priority": priority})

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def let_end(self, data: st.DataObject) -> None:
        self.gates[data.draw(st.sampled_from(self.runs)).run_id].touch()

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        self.canceled.add(run.run_id)
        self.ask("cancel", directory=run.root, by="the machine")

    @precondition(lambda self: self.runs)
    @rule()
    def look(self) -> None:
        """After a look each run has ended, or someone looks after it (and it may end at any moment)."""
        told = self.ask("look", directories=[run.root for run in self.runs])["states"]
        for run in self.runs:
            alive = runlock.holder_state(run.lock) == processes.ALIVE
            state = RunRecord(run.root).journaled_state()["state"]
            assert alive or states.is_final(state), (run.run_id, told[run.run_id], state)

    @rule(which=st.integers(0, 1000))
    def kill(self, which: int) -> None:
        victims = [pid for pid in self.processes() if members.is_runtime(pid) and not self.is_keeper(pid)]
        if victims:
            victim = victims[which % len(victims)]
            self.killed.add(victim)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
            while processes.start_time(victim) is not None:
                time.sleep(0.001)

    @invariant()
    def no_slot_is_given_twice(self) -> None:
        _, started = runqueue.entries(self.home)
        held = [number for entry in started if entry.grant for number in entry.grant.cpus]
        assert len(held) == len(set(held)) <= SLOTS
        for entry in started:
            assert entry.grant is not None
            assert len(entry.grant.cpus) == self.asked[entry.run_id]

    @invariant()
    def no_run_runs_twice(self) -> None:
        noted = self.notes.read_text().split() if self.notes.exists() else []
        assert len(noted) == len(set(noted))

    def script_was_killed(self, run: layout.RunLayout) -> bool:
        script = records.read_json(run.process)
        return bool({script["pid"], script["keeper"]["pid"]} & self.killed)

    def is_keeper(self, pid: int) -> bool:
        keepers = set()
        for run in self.runs:
            try:
                keepers.add(records.read_json(run.process)["keeper"]["pid"])
            except (OSError, ValueError, KeyError):
                continue
        return pid in keepers

    def processes(self) -> list[int]:
        return pids_naming(self.home.root)

    def teardown(self) -> None:
        """Open all gates; then every run must end, with the truth, and nothing may be left."""
        for gate in self.gates.values():
            gate.touch()
        deadline = time.monotonic() + 60
        directories = [run.root for run in self.runs]
        while not all(
            states.is_final(told[0]) for told in self.ask("look", directories=directories)["states"].values()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        noted = self.notes.read_text().split() if self.notes.exists() else []
        for number, run in enumerate(self.runs):
            state, reason = RunRecord(run.root).status()
            if state == states.FAILED and reason in KILLED and self.script_was_killed(run):
                continue  # it, or its keeper, was killed before it could be told from a supervisor
            if run.run_id not in self.canceled:
                assert (state, reason) == (states.COMPLETED, ""), run.run_id
                assert str(number) in noted
            else:
                assert state in (states.COMPLETED, states.CANCELED), (run.run_id, state, reason)
            assert [line["state"] for line in RunRecord(run.root).journal()].count(state) == 1
        while self.processes() or self.ask("queue")["started"]:
            assert time.monotonic() < deadline, "processes or entries are left"
            time.sleep(0.02)
        shutil.rmtree(self.directory)


QueueMachine.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestQueueMachine = pytest.mark.system(QueueMachine.TestCase)
