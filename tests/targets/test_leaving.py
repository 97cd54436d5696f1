from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout.exceptions import ComputeTargetException
from turnout.runtime import states
from turnout.runtime.layout import WorkspaceLayout
from turnout.targets import leaving, registry
from turnout.targets.reach.ssh import askpass
from turnout.testing.records import make_run, make_workspace, write_state

BOX = {"name": "box", "id": "1", "reach": "ssh", "address": "10.0.0.5"}


@pytest.fixture
def workspace(tmp_path: Path) -> WorkspaceLayout:
    made = make_workspace(str(tmp_path / "home"))
    registry.add(made, "box", {key: value for key, value in BOX.items() if key != "name"})
    return made


def test_only_runs_of_this_very_target_that_have_not_ended_are_in_the_way(workspace: WorkspaceLayout) -> None:
    make_run(workspace, "b-living", state=states.RUNNING, target=BOX)
    make_run(workspace, "a-queued", state=states.QUEUED, target=BOX)
    make_run(workspace, "ended", state=states.FAILED, target=BOX)
    make_run(workspace, "local", state=states.RUNNING)
    make_run(workspace, "former", state=states.RUNNING, target={**BOX, "id": "0"})  # one of that name was removed
    damaged = make_run(workspace, "damaged", state=states.RUNNING, target=BOX)
    Path(damaged.definition).write_text("{")
    assert leaving.live_runs(workspace, "box") == ["a-queued", "b-living"]
    assert leaving.live_runs(workspace, "other") == []


def test_a_target_is_kept_while_runs_live_there(workspace: WorkspaceLayout) -> None:
    runs = [make_run(workspace, f"run{number}", state=states.RUNNING, target=BOX) for number in range(5)]
    with pytest.raises(ComputeTargetException) as caught:
        leaving.remove(workspace, "box")
    said = str(caught.value)
    assert said.startswith("5 runs on box have not ended as far as is known here (run0, run1, run2 and 2 more);")
    assert "turnout sync" in said
    assert "--force" in said
    assert "\n" not in said
    assert registry.names(workspace) == ["box"]
    for run in runs[1:]:
        write_state(run, states.COMPLETED)
    with pytest.raises(ComputeTargetException, match=r"1 run on box has not ended .*\(run0\);"):
        leaving.remove(workspace, "box")
    write_state(runs[0], states.COMPLETED)
    assert leaving.remove(workspace, "box") == []
    assert registry.names(workspace) == []


def test_force_says_what_is_lost(workspace: WorkspaceLayout) -> None:
    make_run(workspace, "living", state=states.RUNNING, target=BOX)
    assert leaving.remove(workspace, "box", force=True) == ["living"]
    assert registry.names(workspace) == []


def test_its_secret_goes_with_it(workspace: WorkspaceLayout, backend: Any) -> None:
    askpass.keep("one", {askpass.PASSWORD: "s3cret"})
    askpass.keep("two", {askpass.PASSWORD: "other"})
    registry.replace(workspace, "box", {**BOX, "keyring": "one"})
    leaving.remove(workspace, "box")
    assert list(backend.kept) == [(askpass.SERVICE, "two")]


@pytest.mark.parametrize("name", ["other", "local", "../box", ""])
def test_what_isnt_attached_cant_be_removed(workspace: WorkspaceLayout, name: str) -> None:
    with pytest.raises(ComputeTargetException, match=r"there is no attached target .*; there is: box"):
        leaving.remove(workspace, name)
    assert registry.names(workspace) == ["box"]
