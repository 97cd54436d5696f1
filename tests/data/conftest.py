"""A workspace with some data in its default datastore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace

Put = Callable[..., Path]


@pytest.fixture
def ws(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return Workspace.create("data")


@pytest.fixture
def store(ws: Workspace) -> Any:
    """The workspace's default datastore."""
    return ws.get_default_datastore()


@pytest.fixture
def put(ws: Workspace) -> Put:
    """Put a file into the default datastore; return where it lies."""

    def write(path: str, content: str = "") -> Path:
        target = Path(ws.layout.storage) / "workspaceblobstore" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return target

    return write
