"""Every process of the design is killed before each of its changes to the disk, and the run must end with the truth.

The moments are found by a run that is traced, not listed here, so a new line of code is killed at too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from turnout.environments import resolution
from turnout.runtime import agent, handed, layout, members, processes, records, runlock, runqueue, slots, states
from turnout.runtime.bundle import ship
from turnout.runtime.containers import engine as engine_module
from turnout.runtime.record import RunRecord
from turnout.testing import condachannel, engines, faults, living
from turnout.testing.faults import BUILDER, DISPATCHER, KEEPER, SCRIPT, SUBMITTER, SUPERVISOR, Fault
from turnout.testing.runs import write_run
from turnout.workspace import Workspace

pytestmark = pytest.mark.system

POINTS = 20
PYTHON = os.path.realpath(sys.executable)

ORPHAN = f"6{os.getpid():07}"
"""Seconds: a command line of its own, by which a process is known that has shed everything else."""

SCRIPT_TEXT = f"""
import os, subprocess, sys, time
side = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(side, b"begun\\n")
from turnout import Run
run = Run.get_context()
for number in range({POINTS}):
    run.log("n", number)
    print("line", number, flush=True)
    os.write(side, b"%d\\n" % number)
if "orphan" in sys.argv:
    subprocess.Popen(["sleep", "{ORPHAN}"], start_new_session=True, env={{}})
if "wait" in sys.argv:
    os.write(side, b"waiting\\n")
    while True:
        time.sleep(600)
os.write(side, b"ended\\n")
sys.exit(3 if "fail" in sys.argv else 0)
"""


@dataclass
class Scenario:
    """What the run does, and how it must end: the states that are true after a kill of a role (`None`: of any)."""

    words: list[str] = field(default_factory=list)
    cancel: bool = False
    build: bool = False
    conda: bool = False
    container: bool = False
    queued: bool = False
    ends: dict[str | None, set[str]] = field(default_factory=lambda: {None: {states.COMPLETED}})
    configuration: dict[str, Any] = field(default_factory=dict)

    def allowed(self, role: str) -> set[str]:
        return self.ends[None] | self.ends.get(role, set())


# A script's process that is killed before it is the script, and a builder that is killed, make a run that failed, truly.
OWN_END = {SCRIPT: {states.FAILED}, BUILDER: {states.FAILED}}
SCENARIOS = {
    "plain": Scenario(ends={None: {states.COMPLETED}, **OWN_END}),
    "failing, with an orphan": Scenario(["fail", "orphan"], ends={None: {states.FAILED}}),
    "canceled while it runs": Scenario(["wait"], cancel=True, ends={None: {states.CANCELED}}),
    "canceled while it is queued": Scenario(cancel=True, queued=True, ends={None: {states.CANCELED}}),
    "with a time limit": Scenario(
        ["wait", "orphan"], ends={None: {states.CANCELED}}, configuration={"maxRunDurationSeconds": 0.3}
    ),
    "with an environment to build": Scenario(build=True, ends={None: {states.COMPLETED}, **OWN_END}),
    "with a conda environment to build": Scenario(conda=True, ends={None: {states.COMPLETED}, **OWN_END}),
    "in a container": Scenario(container=True, ends={None: {states.COMPLETED}, **OWN_END}),
    "in a container, canceled": Scenario(["wait"], container=True, cancel=True, ends={None: {states.CANCELED}}),
}


@pytest.fixture
def workspace_layout(home: Path) -> layout.WorkspaceLayout:
    workspace = Workspace.from_config()
    resolution.provide_tools(workspace.home)
    ship(workspace.home)
    return workspace.layout


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("plain", DISPATCHER),
        ("plain", SUPERVISOR),
        ("plain", KEEPER),
        ("plain", SCRIPT),
        ("failing, with an orphan", SUPERVISOR),
        ("failing, with an orphan", DISPATCHER),
        ("failing, with an orphan", KEEPER),
        ("canceled while it runs", SUPERVISOR),
        ("canceled while it runs", DISPATCHER),
        ("canceled while it runs", KEEPER),
        ("canceled while it is queued", DISPATCHER),
        ("with a time limit", SUPERVISOR),
        ("with a time limit", KEEPER),
        ("with an environment to build", DISPATCHER),
        ("with an environment to build", SUPERVISOR),
        ("with an environment to build", BUILDER),
        ("with a conda environment to build", BUILDER),
        ("in a container", SUPERVISOR),
        ("in a container", KEEPER),
        ("in a container", SCRIPT),
        ("in a container, canceled", SUPERVISOR),
    ],
)
def test_a_kill_before_any_change_leaves_the_truth(
    name: str,
    role: str,
    workspace_layout: layout.WorkspaceLayout,
    tmp_path: Path,
    faults_made: Callable[[int], None],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = Lab(workspace_layout, tmp_path, SCENARIOS[name])
    if SCENARIOS[name].container:
        lab.use(request.getfixturevalue("podman"), monkeypatch)
    if SCENARIOS[name].conda:
        lab.resolve(request.getfixturevalue("conda_channel"))
    lab.carry_out(Fault())
    moments = [(number, what) for found, number, what in faults.moments(str(tmp_path)) if found == role]
    assert len(moments) > 3, "the trace must have found the moments"
    kills = 0
    if SCENARIOS[name].container or SCENARIOS[name].conda:
        moments = moments[::3]  # each takes a second or two; all were tried when it was made
    for number, what in moments:
        for torn in (False, True) if what.startswith("write ") else (False,):
            kills += lab.carry_out(Fault(role, number, torn), what)
    faults_made(kills)
    assert kills >= len(moments) * 3 // 4, "most moments come again, in another run of the same kind"
    lab.check_index()


class Lab:
    """Carries out one scenario again and again in one home, each time with another fault."""

    def __init__(self, workspace: layout.WorkspaceLayout, directory: Path, scenario: Scenario) -> None:
        self.workspace = workspace
        self.home = workspace.home
        self.directory = directory
        self.scenario = scenario
        self.runtime = ship(self.home)
        self.count = 0
        self.engine: engines.Engine | None = None
        self.conda: dict[str, Any] | None = None
        slots.configure(self.home.queue_here, {"slots": 1})

    def resolve(self, channel: condachannel.Channel) -> None:
        """Have the runs need a conda environment, each one anew."""
        packages = {"channels": [channel.url], "dependencies": ["python", "words"]}
        definition = {"name": "faults", "python": {"condaDependencies": packages}}
        self.conda = resolution.resolve(definition, self.home, self.workspace, lambda line: None)

    def use(self, engine: engines.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the runs happen in containers of an engine."""
        for name, value in engine.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(engine_module.ENGINE_VARIABLE, engine.command)
        self.engine = engine

    def carry_out(self, fault: Fault, what: str = "") -> bool:
        """Carry out the scenario with a fault, check everything, and say whether the fault came to pass."""
        self.count += 1
        fired = self.directory / "fired"
        fired.unlink(missing_ok=True)
        side = self.directory / f"side-{self.count}"
        run = self.make_run(side)
        if self.scenario.queued:
            slots.configure(self.home.queue_here, {"slots": 1})
            blocker = self.occupy()
        runqueue.enqueue(self.home, run.root, {}, self.runtime)
        process = faults.start_dispatcher(self.home, self.runtime, fault, str(self.directory))
        try:
            label = f"{fault} ({what})"
            if self.scenario.cancel:
                ready = "" if self.scenario.queued else "waiting"
                until(lambda: is_dead(fired) or self.is_at(run, side, ready), label)
                if self.scenario.queued or side.exists() or fired.exists():
                    self.ask(run, "cancel", by="the test")
            until(lambda: is_dead(fired) or self.is_final(run), label)
            killed = is_dead(fired)
            if killed and fault.role == DISPATCHER:
                process.wait(10)
            self.check_one_look(run, label)
            until(lambda: states.is_final(self.look(run)[0]), label)
            if self.scenario.queued:
                runqueue.drop(self.home, blocker)
            process.wait(20)
        finally:
            process.kill()
            process.wait()
        self.check(run, side, fault.role, label)
        return killed

    def make_run(self, side: Path) -> layout.RunLayout:
        run = write_run(self.workspace, SCRIPT_TEXT, [str(side), *self.scenario.words], **self.scenario.configuration)
        definition = records.read_json(run.definition)
        definition["environment"]["lock"]["interpreter"] = PYTHON
        if self.scenario.build:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            definition["environment"] = {
                "kind": "uv",
                "key": f"uv-fault-{self.count}",
                "python": version,
                "lock": {"requirements": []},
            }
        if self.conda is not None:
            definition["environment"] = {**self.conda, "key": f"conda-fault-{self.count}"}
        if self.engine is not None:
            image = {"reference": self.engine.image, "id": None, "digest": None}
            definition["environment"] = {
                "kind": "container",
                "key": "container-fault",
                "python": "",
                "lock": {"image": image, "installs": False, "interpreter": "python"},
            }
            seen = ["--mount", f"type=bind,source={self.directory},target={self.directory}"]
            definition["configuration"]["docker"] = {"useDocker": True, "arguments": seen}
        records.write_json(run.definition, definition)
        return run

    def occupy(self) -> str:
        """Put an entry into the queue that holds all slots: a run of another machine, of which nothing is concluded."""
        run = write_run(self.workspace, "pass")
        records.write_json(run.lock, {**processes.identity(), "host": "elsewhere"})
        name = runqueue.enqueue(self.home, run.root, {}, self.runtime)
        entry = runqueue.read(self.home, self.home.queue_here.waiting, name)
        assert entry is not None
        runqueue.mark_started(self.home, entry, slots.Grant((0,), ()))
        return name

    def ask(self, run: layout.RunLayout, operation: str, **more: Any) -> dict[str, Any]:
        request = {"operation": operation, "directory": run.root, "directories": [run.root], "runtime": self.runtime}
        return agent.handle(self.home, {**request, **more})

    def look(self, run: layout.RunLayout) -> tuple[str, str]:
        state, reason = self.ask(run, "look")["states"][run.run_id]
        return state, reason

    def is_at(self, run: layout.RunLayout, side: Path, word: str) -> bool:
        if not word:
            return RunRecord(run.root).journaled_state().get("state") == states.QUEUED
        return side.exists() and word in side.read_text().split()

    def is_final(self, run: layout.RunLayout) -> bool:
        return states.is_final(str(RunRecord(run.root).journaled_state().get("state")))

    def check_one_look(self, run: layout.RunLayout, label: str) -> None:
        """After one look someone looks after the run, or it is over (and it may end at any moment)."""
        told, _ = self.look(run)
        alive = runlock.holder_state(run.lock) == processes.ALIVE
        assert alive or self.is_final(run), f"{label}: {told}"

    def check(self, run: layout.RunLayout, side: Path, role: str, label: str) -> None:
        record = RunRecord(run.root)
        state, reason = record.status()
        journal = [line["state"] for line in record.journal()]
        context = f"{label}: {state} ({reason}), {journal}"
        assert state in self.scenario.allowed(role), context
        assert sum(states.is_final(one) for one in journal) == 1, context
        order = [states.JOURNALED.index(one) for one in journal]
        assert order == sorted(order), context
        assert state == states.COMPLETED or reason, context
        assert record.result()["state"] == state, context
        words = side.read_text().split() if side.exists() else []
        assert words.count("begun") <= 1, f"{context}: it ran twice"
        if state == states.COMPLETED:
            assert words.count("ended") == 1, context
        # What a call of the script had returned from is there.
        told = [int(word) for word in words if word.isdigit()]
        logged = record.metrics().get("n", [])
        assert (logged if isinstance(logged, list) else [logged])[: len(told)] == told, context
        lines = Path(run.script_log).read_text().splitlines() if os.path.exists(run.script_log) else []
        assert [line for line in lines if line.startswith("line ")][: len(told)] == [f"line {n}" for n in told], context
        until(lambda: self.in_queue() == [], f"{context}: {self.in_queue()}")
        handed_over = handed.path(self.home, record.definition)
        assert handed_over is None or not os.path.exists(handed_over), context
        until(lambda: not self.left(run), f"{context}: {self.left(run)}")
        if self.engine is not None:
            assert self.engine.run("ps", "--all", "--format", "{{.Names}}").split() == [], context
        assert [name for name in os.listdir(run.root) if name.endswith(".tmp")] == [], context
        if os.path.exists(run.supervisor_log):
            assert "Traceback" not in Path(run.supervisor_log).read_text(), context

    def in_queue(self) -> list[str]:
        found = agent.handle(self.home, {"operation": "queue", "runtime": self.runtime})
        return [row["id"] for row in found["waiting"] + found["started"]]

    def left(self, run: layout.RunLayout) -> list[str]:
        """Return the command lines of what still lives of the run, or of the runtime in this home."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            if processes.start_time(int(name)) is None:
                continue
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes()
                variables = Path(f"/proc/{name}/environ").read_bytes()
            except OSError:
                continue
            if (members.is_runtime(int(name)) and self.home.root.encode() in line) or run.root.encode() in variables:
                found.append(line.decode(errors="replace")[-200:])
            elif line == b"sleep\x00%s\x00" % ORPHAN.encode():
                found.append("the orphan")
        return found

    def check_index(self) -> None:
        """The index that has seen all of this equals one that is made anew."""
        from turnout.history.index import Index

        index = Index(self.workspace)
        index.refresh()
        before = [(row.id, row.status, row.reason) for row in index.list_runs()]
        index.reindex()
        assert [(row.id, row.status, row.reason) for row in index.list_runs()] == before


def is_dead(fired: Path) -> bool:
    """Say whether the fault has come to pass: the process that carries it out is gone."""
    words = fired.read_text() if fired.exists() else ""
    return words.isdigit() and processes.start_time(int(words)) is None


def until(condition: Callable[[], Any], label: str) -> Any:
    return living.until(condition, 40, label)


SUBMIT = """
import sys
from turnout import Experiment, ScriptRunConfig, Workspace
from turnout.targets.compute_target import scheduler_for
config = ScriptRunConfig(sys.argv[1], script="train.py", arguments=[sys.argv[2]])
config.run_config.environment.python.user_managed_dependencies = True
config.run_config.environment.python.interpreter_path = sys.argv[3]
Experiment(Workspace.from_config(), "faults").submit(config, run_id=sys.argv[4])
"""


def test_a_submitter_that_is_killed_leaves_a_run_or_none(
    workspace_layout: layout.WorkspaceLayout, tmp_path: Path, faults_made: Callable[[int], None]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT_TEXT)
    fired = tmp_path / "fired"

    def submit(fault: Fault, number: int) -> tuple[layout.RunLayout, Path]:
        fired.unlink(missing_ok=True)
        side = tmp_path / f"side-{number}"
        (project / "other.txt").write_text(str(number))  # something to store each time
        code = f"{faults.prelude(fault, str(tmp_path), SUBMITTER)}\n{SUBMIT}"
        argv = [sys.executable, "-c", code, str(project), str(side), PYTHON, f"run-{number}"]
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        return workspace_layout.run(f"run-{number}"), side

    submit(Fault("nobody", 1), 1000)  # what only the first one in a home does
    submit(Fault(), 1001)
    moments = [number for role, number, _ in faults.moments(str(tmp_path)) if role == SUBMITTER]
    assert len(moments) > 15
    lab = Lab(workspace_layout, tmp_path, SCENARIOS["plain"])
    kills = 0
    for number in moments:
        run, side = submit(Fault(SUBMITTER, number), number)
        kills += fired.exists()
        if not os.path.exists(run.root):
            assert not side.exists()
            continue
        until(lambda run=run: states.is_final(lab.look(run)[0]), f"submitter killed at {number}")
        state, reason = RunRecord(run.root).status()
        begun = side.exists()
        assert (state == states.COMPLETED and begun) or (
            state == states.CANCELED and "never handed over" in reason and not begun
        ), (number, state, reason)
        if state == states.COMPLETED:
            lab.check(run, side, "", f"submitter killed at {number}")
    faults_made(kills)
    assert kills >= len(moments) - 2
    lab.check_index()


@pytest.fixture
def faults_made(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Count the kills of a test: in its report, and in TURNOUT_TEST_KILLS where a bench adds them up."""

    def note(kills: int) -> None:
        record_property("kills", kills)
        counts = os.environ.get("TURNOUT_TEST_KILLS")
        if counts:
            with open(counts, "a") as stream:
                stream.write(f"{kills}\n")

    return note
