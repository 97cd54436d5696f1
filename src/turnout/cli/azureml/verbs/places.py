"""v1's verbs of workspaces, experiments and environments."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli import common
from turnout.cli.azureml.verbs import options


@click.group("workspace")
def workspace() -> None:
    """Workspaces, as v1's command line made them."""


@workspace.command("create")
@options.place
@click.option("-l", "--location", help="A label.")
@click.option("--tags", multiple=True, metavar="K=V", help="A label.")
@click.option("--exist-ok", is_flag=True, help="Take the one that is there.")
def create(workspace_name: str | None, path: str, location: str | None, tags: tuple[str, ...], exist_ok: bool) -> None:
    """Make a workspace."""
    from turnout.workspace import Workspace

    if not workspace_name:
        raise click.UsageError("give -w NAME", click.get_current_context())
    labels = options.labels()
    made = Workspace.create(
        workspace_name, location=location, tags=common.pairs(tags, "tag"), exist_ok=exist_ok, **labels
    )
    options.show(made.get_details())


@workspace.command("show")
@options.place
def show(workspace_name: str | None, path: str) -> None:
    """Show a workspace."""
    options.show(options.workspace(workspace_name, path).get_details())


@workspace.command("list")
@options.place
def list_workspaces(workspace_name: str | None, path: str) -> None:
    """List the workspaces of this account."""
    from turnout.workspace import Workspace

    options.show([found.get_details() for each in Workspace.list().values() for found in each])


@click.group("experiment")
def experiment() -> None:
    """Experiments."""


@experiment.command("list")
@options.place
def list_experiments(workspace_name: str | None, path: str) -> None:
    """List the experiments."""
    found = options.workspace(workspace_name, path)
    options.show([{"name": each.name, "workspaceName": found.name} for each in found.experiments.values()])


@click.group("environment")
def environment() -> None:
    """Environments."""


@environment.command("register")
@options.place
@click.option("-d", "--directory", required=True, metavar="DIR", help="What `Environment.save_to_directory` wrote.")
def register(workspace_name: str | None, path: str, directory: str) -> None:
    """Register an environment from a directory."""
    from turnout.environments.environment import Environment

    made = Environment.load_from_directory(directory).register(options.workspace(workspace_name, path))
    options.show(_described(made))


@environment.command("list")
@options.place
def list_environments(workspace_name: str | None, path: str) -> None:
    """List the environments."""
    options.show([_described(each) for each in options.workspace(workspace_name, path).environments.values()])


def _described(made: Any) -> dict[str, Any]:
    return {"name": made.name, "version": made.version}
