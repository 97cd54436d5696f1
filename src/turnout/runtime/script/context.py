"""What stands behind `run.experiment.workspace` where only the shipped part of Turnout is at hand: names, data and models."""

import os

from turnout.runtime.script.assets.holding import WorkspaceAssets

MYPY = False
if MYPY:
    from typing import Any, Dict, Mapping

_NEEDS_MORE = (
    "%s.%s needs a full installation of turnout in the script's environment; "
    "the part that comes with a run knows names, ids, data and models"
)


class Workspace(WorkspaceAssets):
    """The workspace of a run, as its script sees it.

    Attributes:
        name: the workspace's name.
        id: its id.
        subscription_id: a label that v1's scripts read; empty when the workspace has none.
        resource_group: likewise.
        location: likewise; `local` when it has none.

    Args:
        values: what run.json says of the workspace.
        run: the script's run.
    """

    def __init__(self, values: "Mapping[str, Any]", run: "Any" = None) -> None:
        self.name = str(values.get("name") or "")
        self.id = str(values.get("id") or "")
        self.subscription_id = str(values.get("subscription_id") or "")
        self.resource_group = str(values.get("resource_group") or "")
        self.location = str(values.get("location") or "local")
        self._run = run

    def __repr__(self) -> str:
        return "Workspace(name=%r)" % self.name

    def __getattr__(self, name: str) -> "Any":
        if name.startswith("_"):  # asked by copy, pickle and the like
            raise AttributeError(name)
        raise AttributeError(_NEEDS_MORE % ("Workspace", name))

    @property
    def assets(self) -> "Any":
        """The place of its data and models: the workspace itself where it lies on this machine, else what travelled."""
        from turnout.runtime.script.assets import places, travelled

        if os.path.exists(self._run.layout.workspace.definition):
            return places.Live(self._run.layout.workspace, self._run)
        return travelled.Travelled(self._run)

    @staticmethod
    def from_config(*args: "Any", **kwargs: "Any") -> "Any":
        """Return the workspace of the run around this process."""
        from turnout.runtime.script.run import Run

        return Run.get_context(allow_offline=False).experiment.workspace

    get = from_config

    def get_run(self, run_id: str) -> "Any":
        """Return a run of the workspace whose record is on this machine."""
        return self._run._sibling(run_id)

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """Return a tracking URI for MLflow: a SQLite database among the run's outputs."""
        from turnout.runtime import mlflow

        return mlflow.variables(self._run.layout)["MLFLOW_TRACKING_URI"]

    def get_details(self) -> "Dict[str, Any]":
        """Return what is known of the workspace, under v1's keys."""
        return {"id": self.id, "name": self.name, "location": self.location, "workspaceid": self.id}


class Experiment:
    """The names of a run's experiment.

    Attributes:
        name: the experiment's name.
        workspace: its workspace.
    """

    def __init__(self, name: str, workspace: Workspace) -> None:
        self.name = name
        self.workspace = workspace

    def __repr__(self) -> str:
        return "Experiment(Name: %s,\nWorkspace: %s)" % (self.name, self.workspace.name)

    def __getattr__(self, name: str) -> "Any":
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(_NEEDS_MORE % ("Experiment", name))
