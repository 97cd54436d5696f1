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


def test_what_can_not_be_filtered_by_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="experiments have no tags"):
        Experiment.list(workspace, tags={"a": "b"})
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
