"""`ComputeTarget`: a named place where runs run, and how a run's target is reached."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from turnout.exceptions import ComputeTargetException
from turnout.targets import reach, registry, schedulers

if TYPE_CHECKING:
    from turnout.runtime.layout import Home, RunLayout
    from turnout.workspace import Workspace

LOCAL = registry.LOCAL
LOCAL_TARGET = {"name": LOCAL, "type": "local", "reach": "local", "schedule": "process"}

_CLASSES = {
    "AmlCompute": "turnout.targets.aml_compute:AmlCompute",
    "ComputeInstance": "turnout.targets.compute_instance:ComputeInstance",
    "VirtualMachine": "turnout.targets.remote_compute:RemoteCompute",
    "HDInsight": "turnout.targets.hdinsight_compute:HDInsightCompute",
    "Spark": "turnout.targets.spark_compute:SparkCompute",
}
"""A target's type → its class."""

_TRAVELS = (
    "name",
    "type",
    "id",
    "reach",
    "schedule",
    "address",
    "user",
    "port",
    "identity",
    "interpreter",
    "home",
    "keyring",
    "spark",
    "variables",
)
"""What a run's record keeps of its target."""


class ComputeTarget:
    """A compute target of a workspace: a way to reach a machine times a way to schedule work there.

    `ComputeTarget(workspace, name)` returns an object of the class that the target has.

    Attributes:
        name: its name in the workspace.
        workspace: the workspace.
        type: v1's word for its kind.
        id: what tells it from others that had its name; None for this machine.
        provisioning_state: `Succeeded`: a target that was kept is there.
        provisioning_errors: None.
        location: `local`.
        tags: labels of the person's own.
        description: a text.
        created_on: when it was attached or made, ISO 8601 in UTC; None for this machine.

    Args:
        workspace: the workspace that the target belongs to.
        name: its name; `local` is this machine and always there.

    Raises:
        ComputeTargetException: the workspace has no target of that name. The text is v1's, which scripts test for.
    """

    def __new__(cls, workspace: Workspace, name: str) -> ComputeTarget:
        """Choose the class."""
        kept = _kept(workspace, name)
        where = _CLASSES.get(str(kept.get("type")))
        if where is None or cls is not ComputeTarget:
            return super().__new__(cls)
        from importlib import import_module

        module, class_name = where.split(":")
        made: ComputeTarget = super().__new__(getattr(import_module(module), class_name))
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._kept = _kept(workspace, name)
        self.name = name
        self.workspace = workspace
        self.type = str(self._kept["type"])
        self.provisioning_state = "Succeeded"
        self.provisioning_errors: Any = None
        self.location = "local"
        self._home = workspace.home
        self._take_labels()

    def _take_labels(self) -> None:
        """Take what is kept for the reader alone."""
        from turnout.runtime.script.details import utc

        self.id = self._kept.get("id")
        self.tags = dict(self._kept.get("tags") or {})
        self.description = self._kept.get("description")
        self.created_on = utc(self._kept.get("attached")) or self._kept.get("created")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace.name!r}, name={self.name!r}, type={self.type!r})"

    @staticmethod
    def attach(workspace: Workspace, name: str, attach_configuration: Any) -> ComputeTarget:
        """Attach a machine that is there already.

        Args:
            workspace: what it will belong to.
            name: its name there.
            attach_configuration: from `attach_configuration` of `RemoteCompute`, `SparkCompute` or `HDInsightCompute`.

        Raises:
            ComputeTargetException: the name can't be used, or the machine can't be reached or used; nothing is kept.
        """
        attached: ComputeTarget = attach_configuration.attach(workspace, name)
        return attached

    @staticmethod
    def create(workspace: Workspace, name: str, provisioning_configuration: Any) -> ComputeTarget:
        """Make a target of the person's own description.

        Args:
            workspace: what it will belong to.
            name: its name there.
            provisioning_configuration: from `AmlCompute.provisioning_configuration`.

        Raises:
            ComputeTargetException: the name can't be used; nothing is kept.
        """
        made: ComputeTarget = provisioning_configuration.create(workspace, name)
        return made

    @staticmethod
    def list(workspace: Workspace) -> list[ComputeTarget]:
        """Return the targets of a workspace."""
        return [ComputeTarget(workspace, name) for name in names(workspace)]

    def serialize(self) -> dict[str, Any]:
        """Return the target as data, as a run's record keeps it."""
        return {name: self._kept[name] for name in _TRAVELS if self._kept.get(name) not in (None, "")}

    def share(self) -> dict[str, Any]:
        """Return what run.json says of how many runs of this target may hold slots at once; nothing for as many as fit."""
        return {}

    @property
    def facts(self) -> dict[str, Any]:
        """What the machine had when it was last checked: `platform`, `python`, `home`, `uv`, `engines`; empty for `local`."""
        return dict(self._kept.get("facts") or {})

    def wait_for_completion(self, show_output: bool = False, **kwargs: Any) -> None:
        """Return at once: the machine is there. Printed as v1 prints it."""
        if show_output:
            print('Provisioning operation finished, operation "Succeeded"')  # noqa: T201 - v1's output

    def get_status(self) -> Any:
        """Return `Succeeded`: a target that was attached is there. A cluster's status has more (`AmlCompute`)."""
        return self.provisioning_state

    @property
    def status(self) -> Any:
        """What `get_status` returns."""
        return self.get_status()

    def refresh_state(self) -> None:
        """Read again what is kept of the target."""
        self._kept = _kept(self.workspace, self.name)
        self._take_labels()

    def detach(self) -> None:
        """Refuse: this machine stays. Raises ComputeTargetException."""
        raise ComputeTargetException(f"the target {self.name!r} can't be detached; it is this machine")

    def delete(self) -> None:
        """Refuse: this machine stays. Raises ComputeTargetException."""
        raise ComputeTargetException(f"the target {self.name!r} can't be deleted; it is this machine")

    def scheduler(self) -> schedulers.Scheduler:
        """Return what schedules runs on this target."""
        return scheduler_for(self.serialize(), self._home)

    def reach(self) -> reach.Reach:
        """Return the way to this target's machine."""
        return reach.make(self.serialize(), self._home)


def is_local(target: dict[str, Any]) -> bool:
    """Say whether a target, as data, is this machine: its records are the submitter's own."""
    return str(target.get("reach") or "local") == "local"


def current(target: dict[str, Any], run: RunLayout) -> dict[str, Any]:
    """Return a run's target as it is reached now: its address may have changed since the run was submitted."""
    if is_local(target):
        return target
    kept = registry.load(run.workspace, str(target.get("name")))
    return {**target, **kept} if kept is not None and kept.get("id") == target.get("id") else target


def directory(target: dict[str, Any], workspace_id: str, run: RunLayout) -> str:
    """Return where a run's record lies on its target."""
    if is_local(target):
        return run.root
    return os.path.join(str(target["home"]), "workspaces", workspace_id, "runs", run.run_id)


def scheduler_for(target: dict[str, Any], home: Home) -> schedulers.Scheduler:
    """Return the scheduler of a target given as data (as run.json keeps it)."""
    return schedulers.make(str(target.get("schedule", "process")), reach.make(target, home))


def names(workspace: Workspace) -> list[str]:
    """Return the names of a workspace's compute targets."""
    return [LOCAL, *registry.names(workspace.layout)]


def _kept(workspace: Workspace, name: str) -> dict[str, Any]:
    kept = dict(LOCAL_TARGET) if name == LOCAL else registry.load(workspace.layout, name)
    if kept is None:
        raise ComputeTargetException(
            f"ComputeTargetNotFound: Compute Target with name {name} not found in provided workspace; "
            f"there is: {', '.join(names(workspace))}"
        )
    return kept
