"""`azureml.mlflow`: where MLflow keeps its runs, with v1's functions."""

from __future__ import annotations

from typing import Any


def get_mlflow_tracking_uri(workspace: Any) -> str:
    """Return the tracking URI of a workspace; see `Workspace.get_mlflow_tracking_uri`."""
    return str(workspace.get_mlflow_tracking_uri())


def get_portal_url(run: Any) -> str:
    """Return where a run's record lies, as a file URL."""
    return str(run.get_portal_url())


def register_model(run: Any, name: str, path: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Any:
    """Register files of a run as a model; see `Run.register_model`."""
    return run.register_model(name, path, tags=tags, **kwargs)
