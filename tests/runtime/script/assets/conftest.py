"""A workspace as its submitter sees it, and a run that has only what travelled with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime import layout, records
from turnout.runtime.script.run import Run
from turnout.testing.records import make_run

Put = Callable[..., Path]


@pytest.fixture
def ws(home: Path) -> Workspace:
    """A workspace of a home of its own."""
    return Workspace.create("data")


@pytest.fixture
def store(ws: Workspace) -> Any:
    """The workspace's default datastore."""
    return ws.get_default_datastore()


@pytest.fixture
def put(ws: Workspace) -> Put:
    """Put a file into the default datastore; return where it lies."""

    def write(path: str, content: str | bytes = "") -> Path:
        target = Path(ws.layout.storage) / "workspaceblobstore" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    return write


@pytest.fixture
def send(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Make the script of a run on a machine that has nothing of the workspace but what travelled."""

    def travel(*further: str) -> Run:
        there = layout.Home(str(tmp_path / "elsewhere")).workspace("w1")
        run = there.run("data_1_abc")
        os.makedirs(run.events)
        records.write_json(run.definition, {"id": "data_1_abc", "experiment": "data", "workspace": {"name": "data"}})
        records.write_json(run.assets, ws.assets.catalogue(further))
        monkeypatch.setenv(layout.RUN_DIRECTORY_VARIABLE, run.root)
        monkeypatch.setattr("turnout.runtime.script.run._contexts", {})
        found = Run.get_context()
        assert isinstance(found, Run)
        return found

    return travel


@pytest.fixture
def come_back(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., layout.RunLayout]:
    """Bring a run's events and artifacts into a record of the workspace's."""

    def bring(run: Run, **definition: Any) -> layout.RunLayout:
        monkeypatch.delenv(layout.RUN_DIRECTORY_VARIABLE)
        home = make_run(ws.layout, run.id, files={layout.ASSETS: b"{}"}, experiment="data", **definition)
        for name in ("events", "artifacts"):
            there = getattr(run.layout, name)
            if os.path.isdir(there):
                os.rename(there, getattr(home, name))
        return home

    return bring
