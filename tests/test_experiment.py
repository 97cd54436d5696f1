"""Experiments: how they are listed, and what a submit is given."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from turnout import Environment, Experiment, ScriptRunConfig, UserErrorException, Workspace


@pytest.fixture
def workspace(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    made = Workspace.from_config()
    for name in ("one", "two"):
        Experiment(made, name).start_logging(snapshot_directory=None).complete()
    return made


def listed(workspace: Workspace, *arguments: str | None) -> list[str]:
    return [each.name for each in Experiment.list(workspace, *arguments)]


def test_experiments_are_listed_by_name_and_none_is_archived(workspace: Workspace) -> None:
    assert listed(workspace) == listed(workspace, None, "All") == ["one", "two"]
    assert listed(workspace, "two") == ["two"]
    assert listed(workspace, None, "ArchivedOnly") == []


def test_an_archived_experiment_is_hidden_and_comes_back(workspace: Workspace) -> None:
    experiment = Experiment(workspace, "one")
    assert experiment.archived_time is None
    experiment.archive()
    experiment.refresh()
    assert str(experiment.archived_time).startswith("20")
    assert listed(workspace) == ["two"]
    assert listed(workspace, None, "ArchivedOnly") == ["one"]
    assert listed(workspace, None, "All") == ["one", "two"]
    with pytest.raises(UserErrorException, match="can't be renamed"):
        experiment.reactivate("three")
    experiment.reactivate()
    assert listed(workspace) == ["one", "two"]


def test_experiments_have_tags(workspace: Workspace) -> None:
    experiment = Experiment(workspace, "one")
    assert experiment.tags == {}
    experiment.set_tags({"a": 1, "b": "c"})
    experiment.tag("d")
    assert Experiment(workspace, "one").tags == {"a": "1", "b": "c", "d": None}
    experiment.remove_tags(["b", "unheard"])
    assert experiment.tags == {"a": "1", "d": None}
    assert [each.name for each in Experiment.list(workspace, tags={"a": "1"})] == ["one"]
    assert [each.name for each in Experiment.list(workspace, tags="d")] == ["one"]
    assert Experiment.list(workspace, tags={"a": "2"}) == []
    Experiment(workspace, "new").tag("a", "b")  # before its first run
    assert listed(workspace) == ["new", "one", "two"]


def test_only_an_experiment_without_runs_is_deleted(workspace: Workspace) -> None:
    Experiment(workspace, "new").tag("a")
    with pytest.raises(UserErrorException, match="the experiment one has runs"):
        Experiment.delete(workspace, Experiment(workspace, "one").id)
    Experiment.delete(workspace, Experiment(workspace, "new").id)
    assert listed(workspace) == ["one", "two"]
    with pytest.raises(UserErrorException, match="there is no experiment with the id new"):
        Experiment.delete(workspace, "new")


def test_a_project_s_directory_names_its_experiment(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    found = Experiment.from_directory(str(tmp_path / "mine"))
    assert (found.name, found.workspace) == ("mine", workspace)


def test_what_can_not_be_filtered_by_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="view_type is ActiveOnly, All, ArchivedOnly, not 'some'"):
        Experiment.list(workspace, view_type="some")


def test_arguments_of_a_submit_that_nothing_reads_are_named(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "train.py").write_text("print()")
    config = ScriptRunConfig(".", "train.py", environment=Environment("mine"))
    config.run_config.environment.python.user_managed_dependencies = True
    config.run_config.environment.python.interpreter_path = sys.executable
    experiment = Experiment(workspace, "one")
    experiment.submit(config, show_output=True).wait_for_completion()
    assert "does not use" not in caplog.text
    experiment.submit(config, tag={"a": "b"}, regenerate_outputs=True).wait_for_completion()
    assert "submit does not use regenerate_outputs, tag" in caplog.text
