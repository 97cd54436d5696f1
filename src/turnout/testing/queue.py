"""A home with a queue of its own, for tests of what real processes do with the runs in it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from turnout.runtime import agent, dispatching, layout
from turnout.runtime.bundle import ship
from turnout.runtime.record import RunRecord
from turnout.testing.living import until
from turnout.testing.runs import write_run

NOTE = "import os, sys; os.write(os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT), sys.argv[2].encode() + b'\\n')\n"
GATED = NOTE + "import time\nwhile not os.path.exists(sys.argv[3]): time.sleep(0.01)\n"


class Machine:
    """One home, with what a test needs of it."""

    def __init__(self, workspace: layout.WorkspaceLayout, directory: Path) -> None:
        self.workspace = workspace
        self.home = workspace.home
        self.notes = directory / "notes"
        self.gate = directory / "gate"
        self.runtime = ship(self.home)

    def ask(self, operation: str, **more: Any) -> dict[str, Any]:
        """Have the agent carry out an operation."""
        request = {"operation": operation, "runtime": self.runtime, **more}
        return agent.handle(self.home, json.loads(json.dumps(request)))

    def write(self, name: str, text: str = NOTE, **configuration: Any) -> layout.RunLayout:
        """Write a run that nobody has handed over: it notes its name, and waits for the gate if its text is `GATED`."""
        return write_run(self.workspace, text, [str(self.notes), name, str(self.gate)], **configuration)

    def start(self, name: str, text: str = NOTE, **resources: int) -> layout.RunLayout:
        """Write a run and hand it over."""
        run = self.write(name, text)
        asked = {"cpus": 1, "gpus": 0, "priority": 0, **resources}
        self.ask("start", directory=run.root, resources=asked)
        return run

    def look(self, run: layout.RunLayout) -> tuple[str, str]:
        """Return a run's state and reason, once someone looks after it."""
        state, reason = self.ask("look", directories=[run.root])["states"][run.run_id]
        return state, reason

    def end(self, *runs: layout.RunLayout) -> list[str]:
        """Wait for the end of runs and return their states."""
        return [str(until(functools.partial(self.final, run))) for run in runs]

    def final(self, run: layout.RunLayout) -> str:
        """Look at a run; return its state if it is final, else nothing."""
        state = self.look(run)[0]
        return state if state in ("Completed", "Failed", "Canceled") else ""

    def noted(self) -> list[str]:
        """Return the names of the runs that have begun."""
        return self.notes.read_text().split() if self.notes.exists() else []

    def dispatcher(self) -> dict[str, Any]:
        """Return the identity of the dispatcher, once there is one."""
        found: dict[str, Any] = until(lambda: dispatching.dispatcher(self.home.queue_here))
        return found

    def state(self, run: layout.RunLayout) -> str:
        """Return the last state in a run's journal; nobody looks."""
        return str(RunRecord(run.root).journaled_state().get("state"))
