"""What stands behind `run.experiment.workspace` where only the shipped part of Turnout is at hand: names, no doings."""

MYPY = False
if MYPY:
    from typing import Any, Mapping

_NEEDS_MORE = (
    "%s.%s needs a full installation of turnout in the script's environment; "
    "the part that comes with a run knows names and ids only"
)


class Workspace:
    """The names of a run's workspace.

    Attributes:
        name: the workspace's name.
        id: its id.
        subscription_id: a label that v1's scripts read; empty when the workspace has none.
        resource_group: likewise.
        location: likewise.

    Args:
        values: what run.json says of the workspace.
    """

    def __init__(self, values: "Mapping[str, Any]") -> None:
        self.name = str(values.get("name") or "")
        self.id = str(values.get("id") or "")
        self.subscription_id = str(values.get("subscription_id") or "")
        self.resource_group = str(values.get("resource_group") or "")
        self.location = str(values.get("location") or "")

    def __repr__(self) -> str:
        return "Workspace(name=%r)" % self.name

    def __getattr__(self, name: str) -> "Any":
        if name.startswith("_"):  # asked by copy, pickle and the like
            raise AttributeError(name)
        raise AttributeError(_NEEDS_MORE % ("Workspace", name))


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
