"""Runs of every kind for the tests of what a script imports."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout, records, states
from turnout.runtime.script import ownership
from turnout.runtime.script import run as run_module
from turnout.runtime.script.run import Run

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run around the test, an empty working directory, no context left over from another test."""
    monkeypatch.delenv(layout.RUN_DIRECTORY_VARIABLE, raising=False)
    directory = tmp_path / "cwd"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setattr(run_module, "_contexts", {})


@pytest.fixture
def workspace(tmp_path: Path) -> layout.WorkspaceLayout:
    """A workspace that is on disk."""
    made = layout.Home(str(tmp_path / "home")).workspace("default")
    os.makedirs(made.runs)
    records.write_json(made.definition, {"id": "w1", "name": "default"})
    return made


@pytest.fixture
def interactive(workspace: layout.WorkspaceLayout) -> Run:
    """A run that this process carries out, as `start_logging` begins it."""
    definition = {
        "id": "interactive",
        "experiment": "diabetes",
        "workspace": {"id": "w1", "name": "default", "subscription_id": "s-1"},
        "display_name": "top",
        "target": {"name": "local", "type": "local"},
        "number": 7,
    }
    return Run(ownership.create_run(workspace, definition))


@pytest.fixture
def submit(workspace: layout.WorkspaceLayout) -> Callable[..., layout.RunLayout]:
    """Make the record of a submitted run that is Running under some supervisor."""

    def make(run_id: str = "diabetes_1_abc", **values: Any) -> layout.RunLayout:
        run = workspace.run(run_id)
        for directory in (run.root, run.events, run.code):
            os.makedirs(directory)
        definition = {
            "experiment": "diabetes",
            "type": "azureml.scriptrun",
            "workspace": {"id": "w1", "name": "default"},
        }
        records.write_json(run.definition, ownership.definition_of(run_id, {**definition, **values}))
        journal = records.JsonLines(run.journal)
        journal.append({"t": 1.0, "state": states.NOT_STARTED, "reason": ""})
        journal.append({"t": 2.5, "state": states.RUNNING, "reason": ""})
        journal.close()
        return run

    return make


@pytest.fixture
def submitted(submit: Callable[..., layout.RunLayout], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The context of a script that was submitted."""
    monkeypatch.setenv(layout.RUN_DIRECTORY_VARIABLE, submit().root)
    run = Run.get_context()
    assert isinstance(run, Run)
    return run


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file that begins like a PNG."""
    path = tmp_path / "cwd" / "plot.png"
    path.write_bytes(PNG)
    return path
