"""Runs in real containers of real engines: how they end, who ends them, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout, processes, records, runlock
from turnout.runtime.containers import container
from turnout.runtime.containers import engine as engine_module
from turnout.runtime.containers.states import ABSENT, RUNNING
from turnout.runtime.record import RunRecord
from turnout.testing import engines
from turnout.testing.living import until
from turnout.testing.queue import Machine
from turnout.workspace import Workspace

pytestmark = pytest.mark.system
WAITING = """
import os, time
print('begun', flush=True)
open('begun', 'w')
while not os.path.exists('gate'):
    time.sleep(0.01)
print('ended', flush=True)
"""


class Boxes(Machine):
    """A machine whose runs happen in containers of one engine."""

    def __init__(self, engine: engines.Engine, workspace: layout.WorkspaceLayout, directory: Path) -> None:
        super().__init__(workspace, directory)
        self.engine = engine
        found = engine_module.find(engine.environment)
        assert found is not None
        image = found.inspect("image", engine.image)["Id"]
        self.environment = {
            "kind": "container",
            "key": f"container-{image[-32:]}",
            "python": "3.11",
            "lock": {
                "image": {"reference": engine.image, "id": image, "digest": None},
                "installs": False,
                "interpreter": "python",
            },
        }

    def box(self, text: str, **more: Any) -> layout.RunLayout:
        """Hand over a run in a container."""
        run = self.write("a", text, **more)
        definition = records.read_json(run.definition)
        records.write_json(run.definition, {**definition, "environment": self.environment})
        self.ask("start", directory=run.root, resources={})
        return run

    def begun(self, run: layout.RunLayout) -> container.Container:
        """Wait until the script of a run runs and return its container."""
        until(lambda: os.path.exists(os.path.join(run.code, "begun")))
        found = container.of(run)
        assert found is not None
        return found

    def containers(self) -> list[str]:
        """Return the names of all containers that the engine has."""
        return self.engine.run("ps", "--all", "--format", "{{.Names}}").split()

    def ended(self, run: layout.RunLayout) -> tuple[str, str]:
        """Wait for the end of a run and see to it that nothing is left of it; return its state and reason."""
        self.end(run)
        until(lambda: container.name_of(run) not in self.containers())
        return RunRecord(run.root).status()

    def log(self, run: layout.RunLayout) -> str:
        return Path(run.script_log).read_text()


@pytest.fixture
def boxes(engine: engines.Engine, home: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boxes:
    for name, value in engine.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(engine_module.ENGINE_VARIABLE, engine.command)
    return Boxes(engine, Workspace.from_config().layout, tmp_path)


def kill(pid: int) -> None:
    identity = processes.identity(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: processes.state(identity) == processes.GONE)


def test_a_script_runs_and_its_exit_code_is_the_runs(boxes: Boxes) -> None:
    good = boxes.box("import sys, os; print('said', os.getcwd()); open('outputs/x', 'w').write('1')")
    bad = boxes.box("import sys; sys.exit(7)")
    assert boxes.ended(good) == ("Completed", "")
    assert boxes.log(good) == f"said {good.code}\n"
    assert os.stat(os.path.join(good.code, "outputs", "x")).st_uid == os.getuid()
    assert boxes.ended(bad)[0] == "Failed"
    assert RunRecord(bad.root).result()["exit_code"] == 7


@pytest.mark.parametrize("how", ["os.kill(os.getpid(), 9)", "sys.exit(137)"])
def test_a_signal_is_told_from_an_exit_code(boxes: Boxes, how: str) -> None:
    run = boxes.box(f"import os, sys; {how}")
    assert boxes.ended(run)[0] == "Failed"
    result = RunRecord(run.root).result()
    assert (result["exit_code"], result["signal"]) == ((137, None) if "exit" in how else (None, 9))
    assert result["max_rss"] > 1 << 20


def test_a_cancel_reaches_the_script_as_sigterm(boxes: Boxes) -> None:
    text = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: (print('told', flush=True), sys.exit(3)))\n"
    run = boxes.box(text + WAITING)
    boxes.begun(run)
    boxes.ask("cancel", directory=run.root, by="me")
    assert boxes.ended(run) == ("Canceled", "canceled by me")
    assert "told" in boxes.log(run)
    assert RunRecord(run.root).result()["exit_code"] == 3


def test_a_script_without_a_handler_ends_by_the_signal(boxes: Boxes) -> None:
    """As the first process of its container it would ignore it."""
    run = boxes.box(WAITING)
    boxes.begun(run)
    boxes.ask("cancel", directory=run.root, by="me")
    assert boxes.ended(run)[0] == "Canceled"
    assert RunRecord(run.root).result()["signal"] == signal.SIGTERM


def test_a_time_limit_ends_the_container(boxes: Boxes) -> None:
    run = boxes.box(WAITING, maxRunDurationSeconds=1)
    state, reason = boxes.ended(run)
    assert (state, "time limit" in reason) == ("Canceled", True)


def test_what_a_script_leaves_running_ends_with_its_container(boxes: Boxes) -> None:
    text = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True, env={})"
    run = boxes.box(text)
    assert boxes.ended(run) == ("Completed", "")
    assert RunRecord(run.root).result()["leftover_processes"] == 1


@pytest.mark.parametrize("who", ["supervisor", "client", "keeper", "supervisor and keeper", "all three"])
def test_whoever_is_killed_outside_the_run_goes_on(boxes: Boxes, who: str) -> None:
    run = boxes.box(WAITING)
    contained = boxes.begun(run)
    script = records.read_json(run.process)
    holder = runlock.holder(run.lock)
    assert holder is not None
    pids = {"supervisor": holder["pid"], "keeper": script["keeper"]["pid"], "client": script["pid"]}
    for name in ("supervisor", "keeper", "client"):
        if name in who or who == "all three":
            kill(pids[name])
    assert contained.state() == RUNNING
    assert boxes.look(run)[0] == "Running"
    Path(run.code, "gate").touch()
    assert boxes.ended(run) == ("Completed", "")
    assert RunRecord(run.root).result()["exit_code"] == 0
    until(lambda: "ended" in boxes.log(run))


def test_a_container_that_someone_removed_is_a_run_that_failed(boxes: Boxes) -> None:
    run = boxes.box(WAITING)
    contained = boxes.begun(run)
    boxes.engine.run("rm", "--force", contained.name)
    assert contained.state() == ABSENT
    assert boxes.ended(run)[0] == "Failed"


def test_variables_are_in_the_script_and_in_nothing_that_the_engine_keeps(boxes: Boxes) -> None:
    run = boxes.write(
        "a", "import os; print(os.environ['TOKEN'], flush=True)\n" + WAITING, secrets={"TOKEN": "hunter2\n2"}
    )
    definition = records.read_json(run.definition)
    records.write_json(run.definition, {**definition, "environment": boxes.environment})
    boxes.ask("start", directory=run.root, resources={})
    contained = boxes.begun(run)
    assert "hunter2" not in boxes.engine.run("inspect", contained.name)
    client = records.read_json(run.process)["pid"]
    for name in ("cmdline", "environ"):
        assert b"hunter2" not in Path(f"/proc/{client}/{name}").read_bytes()
    Path(run.code, "gate").touch()
    assert boxes.ended(run) == ("Completed", "")
    assert boxes.log(run).startswith("hunter2\n2\nbegun")


def test_the_account_has_a_name_and_a_home(boxes: Boxes) -> None:
    run = boxes.box("import getpass, os; print(getpass.getuser(), os.access(os.path.expanduser('~'), os.W_OK))")
    assert boxes.ended(run) == ("Completed", "")
    assert boxes.log(run).split()[1] == "True"


def test_arguments_and_shared_memory_are_v1s(boxes: Boxes) -> None:
    docker = {"useDocker": True, "arguments": ["--env", "EXTRA=1"], "shmSize": "123m"}
    text = "import os; s = os.statvfs('/dev/shm'); print(os.environ['EXTRA'], s.f_blocks * s.f_frsize)"
    run = boxes.box(text, docker=docker)
    assert boxes.ended(run) == ("Completed", "")
    assert boxes.log(run).split() == ["1", str(123 << 20)]


def test_a_refused_argument_is_a_run_that_failed_with_the_engines_words(boxes: Boxes) -> None:
    run = boxes.box("print(1)", docker={"useDocker": True, "arguments": ["--no-such-option"]})
    state, reason = boxes.ended(run)
    assert (state, "no-such-option" in reason) == ("Failed", True)


def test_an_image_that_was_removed_is_built_again(boxes: Boxes) -> None:
    first = boxes.box("print(1)")
    assert boxes.ended(first) == ("Completed", "")
    path = boxes.home.environment(boxes.environment["key"]) + ".json"
    records.write_json(path, {**json.loads(Path(path).read_text()), "image": "sha256:" + "0" * 64})
    second = boxes.box("print(2)")
    assert boxes.ended(second) == ("Completed", "")
    assert boxes.log(second) == "2\n"


def test_an_engine_that_is_silent_has_said_nothing_about_the_run(boxes: Boxes) -> None:
    run = boxes.box(WAITING)
    contained = boxes.begun(run)
    said = records.read_json(run.container)
    silent = container.Container(run, engine_module.Engine("/bin/false", {}))
    assert silent.state() == "unknown"
    records.write_json(run.container, {**said, "engine": "/bin/false"})
    kill(records.read_json(run.process)["pid"])
    until(lambda: os.path.exists(run.exit))
    assert boxes.look(run)[0] == "Running"
    records.write_json(run.container, said)
    assert contained.state() == RUNNING
    Path(run.code, "gate").touch()
    assert boxes.ended(run) == ("Completed", "")
