from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from turnout.exceptions import ComputeTargetException, RecordException
from turnout.runtime.layout import WorkspaceLayout
from turnout.targets import registry
from turnout.testing.records import make_workspace

BOX = {"id": "1", "reach": "ssh", "address": "10.0.0.5"}


@pytest.fixture
def workspace(tmp_path: Path) -> WorkspaceLayout:
    return make_workspace(str(tmp_path / "home"))


def test_what_was_added_is_read_changed_and_removed(workspace: WorkspaceLayout) -> None:
    assert registry.names(workspace) == []
    assert registry.load(workspace, "gpu-box") is None
    registry.add(workspace, "gpu-box", BOX)
    registry.add(workspace, "a", BOX)
    assert registry.names(workspace) == ["a", "gpu-box"]
    kept = registry.load(workspace, "gpu-box")
    assert kept == {**BOX, "name": "gpu-box"}
    registry.replace(workspace, "gpu-box", {**kept, "port": 22})
    assert registry.load(workspace, "gpu-box") == {**BOX, "port": 22, "name": "gpu-box"}
    registry.remove(workspace, "gpu-box")
    registry.remove(workspace, "gpu-box")  # twice is no error
    assert registry.names(workspace) == ["a"]
    assert sorted(os.listdir(workspace.targets)) == ["a.json"]


def test_only_its_owner_can_read_it(workspace: WorkspaceLayout) -> None:
    registry.add(workspace, "gpu-box", BOX)
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in (os.path.join(workspace.targets, "gpu-box.json"),)}
    assert modes == {0o600}
    assert stat.S_IMODE(os.stat(workspace.targets).st_mode) == 0o700


@pytest.mark.parametrize("name", ["a", "GPU-box-2", "a" * 63])
def test_a_name_may_be(workspace: WorkspaceLayout, name: str) -> None:
    registry.check_name(workspace, name)
    registry.add(workspace, name, BOX)
    assert registry.names(workspace) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2a",
        "-a",
        "a_b",
        "a b",
        "a.b",
        "../a",
        "a/b",
        "a\n",
        "\u00e4",
        "a" * 64,
        "local",
        "amlcompute",
        "containerinstance",
    ],
)
def test_a_name_may_not_be(workspace: WorkspaceLayout, name: str) -> None:
    with pytest.raises(ComputeTargetException, match="a target can't be called"):
        registry.check_name(workspace, name)


def test_a_name_that_is_no_targets_reads_no_file(workspace: WorkspaceLayout) -> None:
    os.makedirs(workspace.targets)
    Path(workspace.root, "secret.json").write_text("{}")
    Path(workspace.targets, "a.json.123.tmp").write_text("{}")
    Path(workspace.targets, "a_b.json").write_text("{}")
    assert registry.load(workspace, "../secret") is None
    assert registry.names(workspace) == []


def test_of_two_who_add_one_name_at_once_one_is_refused(workspace: WorkspaceLayout) -> None:
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def add(number: int) -> None:
        barrier.wait()
        try:
            registry.add(workspace, "box", {**BOX, "id": str(number)})
            outcomes.append(str(number))
        except ComputeTargetException as error:
            outcomes.append("refused" if "there is a target 'box' already" in str(error) else str(error))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("refused") == 7
    (winner,) = set(outcomes) - {"refused"}
    kept = registry.load(workspace, "box")
    assert kept is not None
    assert kept["id"] == winner
    assert os.listdir(workspace.targets) == ["box.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_file_is_named_with_the_way_out(workspace: WorkspaceLayout, content: str) -> None:
    registry.add(workspace, "box", BOX)
    path = os.path.join(workspace.targets, "box.json")
    Path(path).write_text(content)
    with pytest.raises(RecordException, match="add the target again") as caught:
        registry.load(workspace, "box")
    assert path in str(caught.value)
    registry.remove(workspace, "box")
    assert registry.names(workspace) == []
