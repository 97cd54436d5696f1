"""What a container sees of the machine: the workspace, and of the data no more than the run's inputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from turnout.runtime import layout
from turnout.runtime.containers import mounts
from turnout.testing.records import make_run, make_workspace


def _seen(tmp_path: Path, *inputs: dict[str, Any]) -> set[str]:
    """Return what is seen beside the workspace, relative to `tmp_path`."""
    run = make_run(make_workspace(str(tmp_path / "home")), "r")
    found = mounts.of_run(layout.Home(str(tmp_path / "home")), run, {"inputs": list(inputs)}, str(tmp_path / "runtime"))
    assert [mount.path for mount in found if mount.writable] == [run.workspace.root]
    return {os.path.relpath(mount.path, tmp_path) for mount in found if not mount.writable}


def _make(tmp_path: Path, *names: str) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_a_directory_is_seen_whole_and_once(tmp_path: Path) -> None:
    _make(tmp_path, "data/x")
    each = {"name": "a", "folder": str(tmp_path / "data")}
    assert _seen(tmp_path, each, {**each, "name": "b"}) == {"data"}


def test_of_a_directory_of_which_one_file_is_meant_only_that_is_seen(tmp_path: Path) -> None:
    _make(tmp_path, "data/x", "data/secret")
    assert _seen(tmp_path, {"name": "a", "folder": str(tmp_path / "data"), "leaf": "x"}) == {"data/x"}


def test_every_source_of_an_input_is_seen(tmp_path: Path) -> None:
    _make(tmp_path, "one/x", "two/x")
    sources = [["one/", str(tmp_path / "one")], ["two/", str(tmp_path / "two")]]
    assert _seen(tmp_path, {"name": "a", "sources": sources}) == {"one", "two"}


def test_what_lies_in_the_workspace_or_is_gone_is_not_named_again(tmp_path: Path) -> None:
    inside = tmp_path / "home" / "workspaces" / "default" / "storage"
    assert (
        _seen(tmp_path, {"name": "a", "folder": str(inside)}, {"name": "b", "folder": "/none"}, {"name": "c"}) == set()
    )
