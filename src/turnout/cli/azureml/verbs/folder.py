"""`turnout azureml folder attach`: make a directory a project of a workspace, with v1's files."""

from __future__ import annotations

import os

import click

from turnout.cli.azureml.verbs import options

_PACKAGES = "conda_dependencies.yml"


@click.group("folder")
def group() -> None:
    """Directories of projects."""


@group.command("attach")
@options.place
@click.option("-e", "--experiment-name", metavar="NAME", help="The experiment; the directory's name by default.")
def attach(workspace_name: str | None, path: str, experiment_name: str | None) -> None:
    """Write .azureml/: config.json, the run configurations local and docker, and their packages; what is there stays."""
    from turnout.config.run_configuration import RunConfiguration
    from turnout.runtime import records

    workspace = options.workspace(workspace_name, path)
    directory = os.path.join(path, ".azureml")
    os.makedirs(directory, exist_ok=True)
    records.write_json(
        os.path.join(directory, "config.json"),
        {
            "subscription_id": workspace.subscription_id,
            "resource_group": workspace.resource_group,
            "workspace_name": workspace.name,
        },
    )
    packages = os.path.join(directory, _PACKAGES)
    if not os.path.exists(packages):
        records.write_atomic(packages, b"name: project_environment\ndependencies:\n- python\n- pip\n")
    for name in ("local", "docker"):
        if not os.path.exists(os.path.join(directory, f"{name}.runconfig")):
            made = RunConfiguration()
            made.script = "train.py"
            made.docker.use_docker = name == "docker"
            made.save(path, name)
    name = experiment_name or os.path.basename(os.path.abspath(path))
    options.show(
        {
            "Experiment name": name,
            "Project path": os.path.abspath(path),
            "Resource group": workspace.resource_group,
            "Subscription id": workspace.subscription_id,
            "Workspace name": workspace.name,
        }
    )
