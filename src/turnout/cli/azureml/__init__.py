"""`turnout azureml`: projects that were written for Azure ML SDK v1."""

from __future__ import annotations

from importlib import import_module

import click

from turnout.cli.azureml import check, run

_VERBS = {
    "computetarget": "compute:group",
    "dataset": "data:dataset",
    "datastore": "data:datastore",
    "environment": "places:environment",
    "experiment": "places:experiment",
    "folder": "folder:group",
    "model": "models:group",
    "workspace": "places:workspace",
}
"""v1's nouns → where their verbs are; `run` has v1's and its own."""


class _Azureml(click.Group):
    """Loads v1's verbs when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_VERBS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = _VERBS.get(cmd_name)
        if where is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = where.partition(":")
        found: click.Command = getattr(import_module(f"turnout.cli.azureml.verbs.{module}"), name)
        return found


@click.group("azureml", cls=_Azureml)
def command() -> None:
    """Run what was written for Azure ML SDK v1, without an edit and without an account.

    The verbs of v1's command line are there, too: `az ml run submit-script …` is `turnout azureml run submit-script …`.
    """


command.add_command(run.command)
command.add_command(check.command)
