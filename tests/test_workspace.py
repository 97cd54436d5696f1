"""Workspaces: how one is found, made, named and listed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from turnout import RecordException, UserErrorException, Workspace, WorkspaceException


@pytest.fixture
def project(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "project" / "deep"
    path.mkdir(parents=True)
    monkeypatch.chdir(path)
    return path


def test_without_a_config_the_default_workspace_is_made(project: Path) -> None:
    workspace = Workspace.from_config()
    assert (workspace.name, workspace.config_file) == ("default", None)
    assert Workspace.from_config().id == workspace.id


@pytest.mark.parametrize("folder", [".turnout", ".azureml", "aml_config", ""])
def test_the_nearest_config_upwards_names_the_workspace(project: Path, folder: str) -> None:
    directory = project.parent / folder
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text('{"workspace_name": "team", "subscription_id": "s", "resource_group": "r"}')
    workspace = Workspace.from_config()
    assert (workspace.name, workspace.subscription_id, workspace.resource_group) == ("team", "s", "r")
    assert workspace.config_file == str(directory / "config.json")


def test_a_scope_names_its_last_part(project: Path) -> None:
    scope = "/subscriptions/S/resourceGroups/R/providers/Microsoft.MachineLearningServices/workspaces/W1"
    (project / "config.json").write_text(json.dumps({"Id": None, "Scope": scope}))
    workspace = Workspace.from_config()
    assert (workspace.name, workspace.subscription_id, workspace.resource_group) == ("W1", "S", "R")


def test_other_json_is_passed_over(project: Path) -> None:
    (project / "config.json").write_text('{"lr": 0.1}')
    (project.parent / "config.json").write_text('{"workspace_name": "outer"}')
    assert Workspace.from_config().name == "outer"


def test_the_variable_comes_first(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "config.json").write_text('{"workspace_name": "inner"}')
    monkeypatch.setenv("TURNOUT_WORKSPACE", "named")
    assert Workspace.from_config().name == "named"
    assert Workspace.from_config(path=str(project)).name == "inner"


def test_what_write_config_writes_from_config_finds(project: Path) -> None:
    Workspace.create("written", subscription_id="s").write_config()
    found = Workspace.from_config()
    assert (found.name, found.subscription_id) == ("written", "s")


def test_create_refuses_a_name_that_is_taken_unless_told(project: Path) -> None:
    made = Workspace.create("mine")
    with pytest.raises(WorkspaceException, match="exists already"):
        Workspace.create("mine")
    assert Workspace.create("mine", exist_ok=True).id == made.id
    assert Workspace.get("mine") == made


def test_a_missing_workspace_is_told_with_those_there_are(project: Path) -> None:
    Workspace.create("mine")
    with pytest.raises(WorkspaceException, match=r"no workspace 'other'.*mine"):
        Workspace.get("other")


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 34, "../x", "a/b"])
def test_a_name_that_can_not_be_used_is_refused(project: Path, name: str) -> None:
    with pytest.raises(UserErrorException, match="workspace name"):
        Workspace.create(name)


def test_list_gives_each_workspace_by_name(project: Path) -> None:
    Workspace.create("one")
    Workspace.create("two")
    assert {name: [found.name for found in several] for name, several in Workspace.list().items()} == {
        "one": ["one"],
        "two": ["two"],
    }


def test_a_config_file_that_names_nothing_is_refused(project: Path) -> None:
    (project / "other.json").write_text("{}")
    with pytest.raises(WorkspaceException, match="names no workspace"):
        Workspace.from_config(path=str(project / "other.json"))


def test_a_newer_home_is_refused(project: Path, home: Path) -> None:
    home.mkdir()
    (home / "format.json").write_text('{"format": 2}')
    with pytest.raises(RecordException, match="newer"):
        Workspace.from_config()


def test_twelve_processes_on_a_fresh_home_agree(project: Path) -> None:
    code = "from turnout import Workspace; print(Workspace.from_config().id)"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(12)]
    told = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 12
    assert len(set(told)) == 1


def test_what_v1s_scripts_read_of_a_workspace(home: Path) -> None:
    workspace = Workspace.create("old", subscription_id="s", resource_group="r", location="westeurope")
    assert (workspace._workspace_name, workspace._subscription_id, workspace._resource_group) == ("old", "s", "r")
    assert workspace._workspace_id == workspace.id
    assert workspace.sku == "Basic"
    described = {
        "id": workspace.id,
        "name": "old",
        "subscription_id": "s",
        "resource_group": "r",
        "location": "westeurope",
    }
    assert workspace.described() == described
    assert Workspace.create("plain").described().keys() == {"id", "name"}


def test_clusters_are_not_made_with_a_workspace_and_that_is_said(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Workspace.create("old", sku="basic", hbi_workspace=False, show_output=False)
    assert caplog.text == ""
    Workspace.create("new", default_cpu_compute_target=Workspace.create)
    assert "makes no clusters" in caplog.text


def test_an_argument_that_v1_never_had_is_refused(project: Path) -> None:
    with pytest.raises(TypeError, match="exists_ok"):
        Workspace.create("mine", exists_ok=True)  # type: ignore[call-arg]


def test_labels_that_nobody_gave_are_texts(home: Path) -> None:
    workspace = Workspace.from_config()
    assert "Azure region: " + workspace.location == "Azure region: "
    assert "Subscription id: " + workspace.subscription_id + workspace.resource_group == "Subscription id: "
