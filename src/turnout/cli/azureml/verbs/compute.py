"""v1's verbs of compute targets: `computetarget create amlcompute` and its kin."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli.azureml.verbs import options


@click.group("computetarget")
def group() -> None:
    """Compute targets, as v1's command line made and showed them."""


@group.group("create")
def create() -> None:
    """Make a name over a target; see `turnout target alias`."""


_NAME = click.option("-n", "--name", required=True, metavar="NAME", help="What it is called.")


@create.command("amlcompute", context_settings={"ignore_unknown_options": False})
@options.place
@_NAME
@click.option("-s", "--vm-size", default="", metavar="SIZE", help="v1's size; chooses the target that stands for it.")
@click.option("--vm-priority", default="dedicated", help="A label.")
@click.option("--min-nodes", type=int, default=0, help="A label.")
@click.option("--max-nodes", type=int, required=True, help="How many runs it has at once.")
@click.option("--idle-seconds-before-scaledown", type=int, default=1800, help="A label.")
@click.option("--location", "-l", expose_value=False, help="Accepted as in v1; there is no cloud.")
def amlcompute(workspace_name: str | None, path: str, name: str, **given: Any) -> None:
    """Make a cluster."""
    from turnout.targets.aml_compute import AmlCompute

    _create(workspace_name, path, name, AmlCompute.provisioning_configuration(**given))


@create.command("computeinstance")
@options.place
@_NAME
@click.option("-s", "--vm-size", default="", metavar="SIZE", help="v1's size; chooses the target that stands for it.")
def computeinstance(workspace_name: str | None, path: str, name: str, vm_size: str) -> None:
    """Make an instance."""
    from turnout.targets.compute_instance import ComputeInstance

    _create(workspace_name, path, name, ComputeInstance.provisioning_configuration(vm_size))


@group.group("attach")
def attach() -> None:
    """Attach a machine."""


@attach.command("remote")
@options.place
@_NAME
@click.option("-a", "--address", required=True, metavar="HOST", help="Where it is.")
@click.option("-u", "--username", metavar="NAME", help="The account there.")
@click.option("--ssh-port", type=int, default=22, help="The port (default: 22).")
@click.option("--private-key-file", metavar="FILE", help="A private key.")
def remote(workspace_name: str | None, path: str, name: str, **given: Any) -> None:
    """Attach a machine over SSH."""
    from turnout.targets.compute_target import ComputeTarget
    from turnout.targets.remote_compute import RemoteCompute

    workspace = options.workspace(workspace_name, path)
    made = ComputeTarget.attach(workspace, name, RemoteCompute.attach_configuration(**given))
    options.show(_described(made))


def _create(workspace_name: str | None, path: str, name: str, configuration: Any) -> None:
    from turnout.targets.compute_target import ComputeTarget

    options.show(_described(ComputeTarget.create(options.workspace(workspace_name, path), name, configuration)))


def _described(target: Any) -> dict[str, Any]:
    return {"name": target.name, "computeType": target.type, "provisioningState": target.provisioning_state}


@group.command("list")
@options.place
def list_targets(workspace_name: str | None, path: str) -> None:
    """List the compute targets."""
    workspace = options.workspace(workspace_name, path)
    options.show([_described(target) for target in workspace.compute_targets.values()])


@group.command("show")
@options.place
@_NAME
def show(workspace_name: str | None, path: str, name: str) -> None:
    """Show a compute target."""
    from turnout.targets.compute_target import ComputeTarget

    target = ComputeTarget(options.workspace(workspace_name, path), name)
    status = target.get_status()
    extra = {"properties": status.serialize()} if hasattr(status, "serialize") else {}
    options.show({**_described(target), **extra})


@group.command("delete")
@options.place
@_NAME
def delete(workspace_name: str | None, path: str, name: str) -> None:
    """Forget a name over a target."""
    from turnout.targets.compute_target import ComputeTarget

    ComputeTarget(options.workspace(workspace_name, path), name).delete()
