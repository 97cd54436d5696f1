"""`turnout azureml`: projects that were written for Azure ML SDK v1."""

from __future__ import annotations

import click

from turnout.cli.azureml import check, run


@click.group("azureml")
def command() -> None:
    """Run what was written for Azure ML SDK v1, without an edit and without an account."""


command.add_command(run.command)
command.add_command(check.command)
