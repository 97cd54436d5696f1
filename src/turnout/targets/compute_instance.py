"""`ComputeInstance`: v1's machine of one's own in the cloud, as a name over a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.elements import warn
from turnout.targets import clusters
from turnout.targets.aml_compute import AmlCompute
from turnout.targets.clusters import Cluster
from turnout.targets.compute_target import ComputeTarget

if TYPE_CHECKING:
    from turnout.workspace import Workspace

TYPE = "ComputeInstance"
"""v1's type of such a target."""
_NOTHING = "{what} does nothing: {name} is {machine}, which Turnout neither starts nor stops"


class ComputeInstanceStatus:
    """How an instance stands.

    Attributes:
        state: Running.
        vm_size: a label.
        creation_time: when it was made.
        modified_time: the same.
        errors: None.
        created_by_user_name: the account.
    """

    def __init__(self, kept: dict[str, Any]) -> None:
        from turnout.runtime.script import ownership

        self.creation_time = kept.get("created")
        self.created_by_user_name = ownership.account()
        self.created_by_user_id: Any = None
        self.created_by_user_org: Any = None
        self.errors: Any = None
        self.modified_time = kept.get("modified")
        self.state = "Running"
        self.vm_size = kept.get("vm_size")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {
            "creationTime": self.creation_time,
            "createdByUserName": self.created_by_user_name,
            "createdByUserId": self.created_by_user_id,
            "createdByUserOrg": self.created_by_user_org,
            "errors": self.errors,
            "modifiedTime": self.modified_time,
            "state": self.state,
            "vmSize": self.vm_size,
        }


class ComputeInstance(Cluster):
    """An instance of v1's kind: a name over a target, always running."""

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        assigned_user_object_id: str | None = None,
        assigned_user_tenant_id: str | None = None,
    ) -> ComputeInstanceProvisioningConfiguration:
        """Describe an instance, for `ComputeTarget.create`.

        Args:
            vm_size: chooses the target that stands for it (`turnout target alias --vm-size`), else this machine; a label.
            ssh_public_access: without a cloud it has no meaning, like all that follow but tags and description.
            admin_user_ssh_public_key: see `ssh_public_access`.
            vnet_resourcegroup_name: see there.
            vnet_name: see there.
            subnet_name: see there.
            tags: labels of your own.
            description: a text.
            assigned_user_object_id: see `ssh_public_access`.
            assigned_user_tenant_id: see there.
        """
        return ComputeInstanceProvisioningConfiguration(vm_size, tags, description)

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: str | None = None) -> list[dict[str, Any]]:
        """Return this machine in v1's shape; see `AmlCompute.supported_vmsizes`."""
        return AmlCompute.supported_vmsizes(workspace, location)

    def get_status(self) -> ComputeInstanceStatus:
        """Return how the instance stands."""
        return ComputeInstanceStatus(self._kept)

    def start(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Do nothing, and say so: it runs."""
        self._say("start")

    def stop(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Do nothing, and say so."""
        self._say("stop")

    def restart(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Do nothing, and say so."""
        self._say("restart")

    def delete(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Forget the name. Its runs stay."""
        super().delete()

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False, **kwargs: Any) -> None:
        """Return at once: it is ready. Printed as v1 prints it."""
        super().wait_for_completion(show_output)

    def _say(self, what: str) -> None:
        over = self.machine.name
        machine = "this machine" if over == "local" else f"the target {over}"
        warn(_NOTHING.format(what=what, name=self.name, machine=machine))


class ComputeInstanceProvisioningConfiguration:
    """What `ComputeInstance.provisioning_configuration` returns."""

    def __init__(self, vm_size: str, tags: dict[str, str] | None, description: str | None) -> None:
        self.vm_size = vm_size
        self.tags = tags
        self.description = description

    def validate_configuration(self) -> None:
        """Find nothing wrong: all is a label."""

    def create(self, workspace: Workspace, name: str) -> ComputeTarget:
        """Make the instance; see `ComputeTarget.create`."""
        kept = {"type": TYPE, "vm_size": self.vm_size, "tags": dict(self.tags or {}), "description": self.description}
        machine = clusters.machine_for(workspace, self.vm_size)
        clusters.keep(workspace, name, kept, machine)
        where = "this machine" if machine == "local" else f"the target {machine}"
        warn(f"the instance {name} is {where}; vm_size {self.vm_size or '(none)'} is kept as a label")
        return ComputeTarget(workspace, name)
