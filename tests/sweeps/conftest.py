from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout import ScriptRunConfig, Workspace
from turnout.runtime.layout import WorkspaceLayout
from turnout.sweeps import HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, uniform
from turnout.testing.records import make_workspace


@pytest.fixture
def layout(home: Path) -> WorkspaceLayout:
    """The workspace `default` of an empty home."""
    return make_workspace(str(home))


@pytest.fixture
def workspace(layout: WorkspaceLayout) -> Workspace:
    return Workspace(workspace_name="default")


@pytest.fixture
def configured() -> Any:
    """Return a function that makes a sweep's configuration; what isn't given is made up."""

    def make(**changed: Any) -> HyperDriveConfig:
        settings: dict[str, Any] = {
            "hyperparameter_sampling": RandomParameterSampling({"lr": uniform(0, 1)}),
            "primary_metric_name": "score",
            "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
            "max_total_runs": 10,
            "run_config": ScriptRunConfig(".", "train.py"),
        }
        return HyperDriveConfig(**{**settings, **changed})

    return make
