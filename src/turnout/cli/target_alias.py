"""`turnout target alias`: names over targets, for scripts that name clusters of their own."""

from __future__ import annotations

import click

from turnout.cli import common, streams


@click.command("alias")
@click.option("--vm-size", is_flag=True, help="NAME is a pattern of v1's machine sizes, such as 'STANDARD_NC*'.")
@click.option("--at-most", type=click.IntRange(1), metavar="N", help="How many runs of this name hold slots at once.")
@click.option("--remove", is_flag=True, help="Forget NAME.")
@common.json_option
@click.argument("name", required=False)
@click.argument("target", required=False)
def alias(
    name: str | None, target: str | None, vm_size: bool, at_most: int | None, remove: bool, as_json: bool
) -> None:
    r"""Let NAME stand for TARGET, so that a script runs there without an edit; without NAME, list what stands for what.

    A script that submits to cpu-cluster finds a cluster of that name. One that makes its cluster by the size of its machines gets
    the target that stands for that size:

    \b
        turnout target alias cpu-cluster gpu-box
        turnout target alias --vm-size 'STANDARD_NC*' gpu-box
    """
    from turnout.targets import clusters

    workspace = common.workspace()
    context = click.get_current_context()
    if name is None:
        _list(as_json)
        return
    if remove == (target is not None):
        raise click.UsageError("give NAME and TARGET, or --remove and NAME", context)
    if vm_size:
        if at_most is not None:
            raise click.UsageError("--at-most is for a name; a cluster of a size has its own max_nodes", context)
        clusters.map_size(workspace, name, target)
    elif remove:
        _remove(name)
    else:
        from turnout.targets import aml_compute, registry

        kept = registry.load(workspace.layout, name)
        if kept is not None and kept.get("type") == aml_compute.TYPE:
            registry.remove(workspace.layout, name)  # it stands for another target from now on
        scale = {"min_nodes": 0, "max_nodes": at_most or 0, "idle_seconds_before_scaledown": None}
        clusters.keep(workspace, name, {"type": aml_compute.TYPE, "vm_size": "", "scale": scale}, str(target))
    streams.say(f"{name} stands for {target}" if target else f"{name} stands for nothing any more")


def _remove(name: str) -> None:
    from turnout.exceptions import ComputeTargetException
    from turnout.targets.clusters import Cluster
    from turnout.targets.compute_target import ComputeTarget

    found = ComputeTarget(common.workspace(), name)
    if not isinstance(found, Cluster):
        raise ComputeTargetException(f"{name} is a target itself; `turnout target remove {name}` removes it")
    found.delete()


def _list(as_json: bool) -> None:
    from turnout.targets import clusters

    workspace = common.workspace()
    rows = [
        {"name": target.name, "vm_size": None, "target": target._kept.get(clusters.OVER) or "local"}
        for target in workspace.compute_targets.values()
        if isinstance(target, clusters.Cluster)
    ]
    rows += [{"name": None, "vm_size": pattern, "target": over} for pattern, over in clusters.sizes(workspace)]
    if as_json:
        common.print_json(rows)
        return
    table = common.Table("name", "vm_size", "target")
    for row in rows:
        table.add(row["name"], row["vm_size"], row["target"])
    table.print()
