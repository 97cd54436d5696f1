"""`turnout sweep stop`: ask for the end of a sweep and of its trials."""

from __future__ import annotations

import click

from turnout.cli import common
from turnout.cli.sweep import view


@click.command("stop")
@common.json_option
@click.argument("name", metavar="SWEEP")
def command(name: str, as_json: bool) -> None:
    """End SWEEP: no more trials begin, and those that run are canceled. What has ended stays."""
    run = view.find(common.workspace(), name)
    run.cancel()
    status = run.get_status()
    if as_json:
        common.print_json({run.id: status})
    else:
        click.echo(f"{run.id}  {status}")
