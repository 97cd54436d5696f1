"""`AmlCompute`: v1's cluster by the size of its machines, as a name over a target: this machine, or one that stands for the size.

There is nothing to provision: a cluster is ready at once. At most `max_nodes` of its runs hold slots of that machine at a time; the
rest of what it was asked for are labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.elements import warn
from turnout.exceptions import ComputeTargetException
from turnout.runtime.script.refusals import refuse
from turnout.targets import clusters, registry
from turnout.targets.clusters import Cluster
from turnout.targets.compute_target import LOCAL, ComputeTarget

if TYPE_CHECKING:
    from turnout.workspace import Workspace

TYPE = "AmlCompute"
"""v1's type of such a target."""

_PRIORITIES = {"dedicated": "Dedicated", "lowpriority": "LowPriority"}
"""What a cluster is asked for → what it says of itself (v1's words)."""

_SAID = (
    "the cluster {name} is this machine: at most {most} of its runs at once take this machine's slots, of which there are {slots} "
    "(`turnout target update local --slots N`); vm_size {size} is kept as a label"
)
_SAID_OVER = (
    "the cluster {name} is the target {over}, which stands for vm_size {size}: at most {most} of its runs at once"
)


class ScaleSettings:
    """How many nodes a cluster may have.

    Args:
        minimum_node_count: v1's least.
        maximum_node_count: v1's most.
        idle_seconds_before_scaledown: v1's, in seconds.
    """

    def __init__(
        self, minimum_node_count: int, maximum_node_count: int, idle_seconds_before_scaledown: int | None
    ) -> None:
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        idle = self.idle_seconds_before_scaledown
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": None if idle is None else f"PT{idle}S",
        }


class AmlComputeNodeStateCounts:
    """How many nodes are in which state; a node is a slot of this machine."""

    def __init__(
        self,
        idle_node_count: int,
        leaving_node_count: int,
        preempted_node_count: int,
        preparing_node_count: int,
        running_node_count: int,
        unusable_node_count: int,
    ) -> None:
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count

    def serialize(self) -> dict[str, int]:
        """Return it under v1's keys."""
        return {
            "idleNodeCount": self.idle_node_count,
            "leavingNodeCount": self.leaving_node_count,
            "preemptedNodeCount": self.preempted_node_count,
            "preparingNodeCount": self.preparing_node_count,
            "runningNodeCount": self.running_node_count,
            "unusableNodeCount": self.unusable_node_count,
        }


class AmlComputeStatus:
    """How a cluster stands; its nodes are the runs that it has just now.

    Attributes:
        allocation_state: Steady.
        current_node_count: runs that hold slots, or the least that was asked for.
        target_node_count: the same.
        node_state_counts: running and idle ones.
        provisioning_state: Succeeded.
        scale_settings: what was asked for.
        vm_size: a label.
        vm_priority: a label.
        errors: None.
        creation_time: when it was made.
        modified_time: when it was changed.
    """

    def __init__(self, kept: dict[str, Any], running: int) -> None:
        scale = _scale(kept)
        nodes = max(running, scale.minimum_node_count)
        self.allocation_state = "Steady"
        self.allocation_state_transition_time = kept.get("created")
        self.creation_time = kept.get("created")
        self.current_node_count = nodes
        self.errors: Any = None
        self.modified_time = kept.get("modified")
        self.node_state_counts = AmlComputeNodeStateCounts(nodes - running, 0, 0, 0, running, 0)
        self.provisioning_state = "Succeeded"
        self.provisioning_state_transition_time: Any = None
        self.scale_settings = scale
        self.target_node_count = nodes
        self.vm_priority = _PRIORITIES.get(str(kept.get("vm_priority")))
        self.vm_size = kept.get("vm_size")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {
            "errors": self.errors,
            "creationTime": self.creation_time,
            "modifiedTime": self.modified_time,
            "provisioningState": self.provisioning_state,
            "provisioningStateTransitionTime": self.provisioning_state_transition_time,
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": self.node_state_counts.serialize(),
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": self.allocation_state_transition_time,
            "scaleSettings": self.scale_settings.serialize(),
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
        }


class AmlCompute(Cluster):
    """A cluster of v1's kind: a name over a target.

    Attributes:
        vm_size: what was asked for; a label.
        vm_priority: likewise.
        scale_settings: `maximum_node_count` is how many of its runs hold slots at once; the rest are labels.
        location: `local`.
        tags: labels of the person's own.
        description: a text.
    """

    def _take_labels(self) -> None:
        super()._take_labels()
        self.vm_priority = _PRIORITIES.get(str(self._kept.get("vm_priority")))
        self.scale_settings = _scale(self._kept)

    def share(self) -> dict[str, Any]:
        """Return what run.json says of how many runs of this cluster may hold slots at once."""
        most = self.scale_settings.maximum_node_count
        return {"group": {"name": f"{self.workspace.id}/{self.name}", "at_most": most}} if most else {}

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: str | None = None,
        admin_user_password: str | None = None,
        admin_user_ssh_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: str | None = None,
        identity_id: Any = None,
        location: str | None = None,
        enable_node_public_ip: bool = True,
    ) -> AmlComputeProvisioningConfiguration:
        """Describe a cluster, for `ComputeTarget.create`.

        Args:
            vm_size: chooses the target that stands for it (`turnout target alias --vm-size`), else this machine; kept as a
                label, like `vm_priority`, `min_nodes` and `idle_seconds_before_scaledown`.
            vm_priority: see `vm_size`.
            min_nodes: see `vm_size`.
            max_nodes: required, as in v1: how many of its runs hold slots at once.
            idle_seconds_before_scaledown: see `vm_size`.
            admin_username: accepted as in v1; nobody logs in. A password is forgotten at once.
            admin_user_password: see `admin_username`.
            admin_user_ssh_key: see `admin_username`.
            vnet_resourcegroup_name: without a cloud it has no meaning, like all that follow but tags and description.
            vnet_name: see there.
            subnet_name: see there.
            tags: labels of your own.
            description: a text.
            remote_login_port_public_access: see `vnet_resourcegroup_name`.
            identity_type: see there.
            identity_id: see there.
            location: see there.
            enable_node_public_ip: see there.

        Raises:
            ComputeTargetException: there is no `max_nodes`, or it is less than `min_nodes`.
        """
        made = AmlComputeProvisioningConfiguration(
            vm_size, vm_priority, min_nodes, max_nodes, idle_seconds_before_scaledown, tags, description
        )
        made.validate_configuration()
        return made

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: str | None = None) -> list[dict[str, Any]]:
        """Return this machine in v1's shape: its processors, memory and GPUs are what there is."""
        import os

        from turnout.runtime import slots

        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
        return [
            {
                "name": os.uname().nodename,
                "vCPUs": os.cpu_count(),
                "gpus": len(slots.found_gpus()),
                "memoryGB": round(memory, 1),
                "maxResourceVolumeMB": None,
            }
        ]

    def get_status(self) -> AmlComputeStatus:
        """Return how the cluster stands now."""
        return AmlComputeStatus(self._kept, len(self._runs(started=True)))

    def list_nodes(self) -> list[dict[str, Any]]:
        """Return a node for each run that the cluster has just now, in v1's shape."""
        return [
            {"nodeId": f"slot-{number}", "ipAddress": "127.0.0.1", "port": 22, "nodeState": "running", "runId": run.id}
            for number, run in enumerate(self._runs(started=True))
        ]

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
    ) -> None:
        """Change what the cluster was asked for.

        Raises:
            ComputeTargetException: `max_nodes` would be less than `min_nodes`.
        """
        scale = _scale(self._kept)
        given: dict[str, Any] = {
            "min_nodes": scale.minimum_node_count if min_nodes is None else min_nodes,
            "max_nodes": scale.maximum_node_count if max_nodes is None else max_nodes,
            "idle_seconds_before_scaledown": (
                scale.idle_seconds_before_scaledown
                if idle_seconds_before_scaledown is None
                else idle_seconds_before_scaledown
            ),
        }
        _check_nodes(given["min_nodes"], given["max_nodes"])
        self._kept = {**self._kept, "scale": given, "modified": clusters.now()}
        registry.replace(self.workspace.layout, self.name, self._kept)
        self._take_labels()

    def wait_for_completion(
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
        **kwargs: Any,
    ) -> None:
        """Return at once: there is nothing to wait for. Printed as v1 prints it."""
        if show_output:
            print(  # noqa: T201 - v1's output
                'Succeeded\nProvisioning operation finished, operation "Succeeded"\n'
                "AmlCompute wait for completion finished\n\nMinimum number of nodes requested have been provisioned"
            )


REFUSED = {
    **dict.fromkeys(("add_identity", "remove_identity"), "there is no managed identity; give a script a secret"),
    **dict.fromkeys(
        ("list_quotas", "list_usages", "update_quotas"),
        "there are no quotas; `turnout target show` says what is used",
    ),
}
"""Methods of v1's AmlCompute that are not there → what to use instead."""
refuse(AmlCompute, REFUSED)


class AmlComputeProvisioningConfiguration:
    """What `AmlCompute.provisioning_configuration` returns."""

    def __init__(
        self,
        vm_size: str,
        vm_priority: str,
        min_nodes: int,
        max_nodes: int | None,
        idle_seconds_before_scaledown: int,
        tags: dict[str, str] | None,
        description: str | None,
    ) -> None:
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.min_nodes = min_nodes
        self.max_nodes = max_nodes
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown
        self.tags = tags
        self.description = description

    def validate_configuration(self) -> None:
        """Check it by v1's rules. Raises ComputeTargetException."""
        if self.vm_priority not in _PRIORITIES:
            raise ComputeTargetException(f"vm_priority is dedicated or lowpriority, not {self.vm_priority!r}")
        _check_nodes(self.min_nodes, self.max_nodes)

    def create(self, workspace: Workspace, name: str) -> ComputeTarget:
        """Make the cluster; see `ComputeTarget.create`."""
        self.validate_configuration()
        kept = {
            "type": TYPE,
            "vm_size": self.vm_size,
            "vm_priority": self.vm_priority,
            "scale": {
                "min_nodes": self.min_nodes,
                "max_nodes": self.max_nodes,
                "idle_seconds_before_scaledown": self.idle_seconds_before_scaledown,
            },
            "tags": dict(self.tags or {}),
            "description": self.description,
        }
        machine = clusters.machine_for(workspace, self.vm_size)
        clusters.keep(workspace, name, kept, machine)
        facts = {"name": name, "size": self.vm_size or "(none)", "most": self.max_nodes}
        if machine != LOCAL:
            warn(_SAID_OVER.format(over=machine, **facts))
        else:
            from turnout.runtime import slots

            warn(_SAID.format(slots=slots.offered(workspace.home.queue_here).cpus, **facts))
        return ComputeTarget(workspace, name)


def _check_nodes(least: int, most: int | None) -> None:
    if most is None:
        raise ComputeTargetException("max nodes count is mandatory: give max_nodes")
    if least < 0 or most < least:
        raise ComputeTargetException(f"max_nodes {most} is less than min_nodes {least}")


def _scale(kept: dict[str, Any]) -> ScaleSettings:
    scale = kept.get("scale") or {}
    return ScaleSettings(
        int(scale.get("min_nodes") or 0), int(scale.get("max_nodes") or 0), scale.get("idle_seconds_before_scaledown")
    )
