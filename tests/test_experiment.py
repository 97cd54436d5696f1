"""Experiments: how they are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout import Experiment, UserErrorException, Workspace


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
