"""What an engine has kept of runs that have ended is found and removed; what lives is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.repair import containers
from turnout.repair.finding import Examination
from turnout.runtime import states
from turnout.runtime.containers import engine as engine_module
from turnout.testing import engines
from turnout.testing.records import make_run, make_workspace

pytestmark = pytest.mark.system


def test_containers_of_ended_runs_are_removed(
    engine: engines.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in engine.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(engine_module.ENGINE_VARIABLE, engine.command)
    workspace = make_workspace(str(tmp_path / "home"))
    ended, running = make_run(workspace, "ended"), make_run(workspace, "running", state=states.RUNNING)
    gone = workspace.run("gone").root
    for name, directory in (("a", ended.root), ("b", running.root), ("c", gone), ("d", "/elsewhere/runs/x")):
        engine.run("create", "--name", f"test-{name}", "--label", f"turnout.run={directory}", engine.image, "true")
    try:
        found = list(containers.check(Examination(workspace.home)))
        assert [one.path for one in found] == ["test-a", "test-c"]
        for one in found:
            assert one.mend is not None
            assert one.mend() == "removed"
        assert sorted(engine.run("ps", "--all", "--format", "{{.Names}}").split()) == ["test-b", "test-d"]
        assert list(containers.check(Examination(workspace.home))) == []
    finally:
        for name in "bd":
            engine.any("rm", "--force", f"test-{name}")
