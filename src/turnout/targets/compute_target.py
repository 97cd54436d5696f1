"""`ComputeTarget`: a named place where runs run, and the registry of a workspace's targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.exceptions import ComputeTargetException
from turnout.targets import reach, schedulers

if TYPE_CHECKING:
    from turnout.runtime.layout import Home
    from turnout.workspace import Workspace

LOCAL = "local"


class ComputeTarget:
    """A compute target of a workspace: a way to reach a machine times a way to schedule work there.

    Args:
        workspace: the workspace that the target belongs to.
        name: its name; `local` is this machine and always there.

    Raises:
        ComputeTargetException: the workspace has no target of that name. The text is v1's, which scripts test for.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        known = names(workspace)
        if name not in known:
            raise ComputeTargetException(
                f"ComputeTargetNotFound: Compute Target with name {name} not found in provided workspace; "
                f"there is: {', '.join(known)}"
            )
        self.name = name
        self.workspace = workspace
        self.type = "local"
        self.provisioning_state = "Succeeded"
        self._home = workspace.home

    def __repr__(self) -> str:
        return f"ComputeTarget(workspace={self.workspace.name!r}, name={self.name!r}, type={self.type!r})"

    def serialize(self) -> dict[str, Any]:
        """Return the target as data."""
        return {"name": self.name, "type": self.type, "reach": "local", "schedule": "process"}

    def wait_for_completion(self, show_output: bool = False, **kwargs: Any) -> None:
        """Return at once: this machine is provisioned. Printed as v1 prints it."""
        if show_output:
            print('Provisioning operation finished, operation "Succeeded"')  # noqa: T201 - v1's output

    def scheduler(self) -> schedulers.Scheduler:
        """Return what schedules runs on this target."""
        return scheduler_for(self.serialize(), self._home)


def scheduler_for(target: dict[str, Any], home: Home) -> schedulers.Scheduler:
    """Return the scheduler of a target given as data (as run.json keeps it)."""
    return schedulers.make(str(target.get("schedule", "process")), reach.make(str(target.get("reach", "local")), home))


def names(workspace: Workspace) -> list[str]:
    """Return the names of a workspace's compute targets."""
    return [LOCAL]
