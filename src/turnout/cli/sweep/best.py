"""`turnout sweep best`: the trial with the best primary metric."""

from __future__ import annotations

import click

from turnout.cli import common
from turnout.cli.sweep import view
from turnout.exceptions import UserErrorException


@click.command("best")
@common.json_option
@click.argument("name", metavar="[SWEEP]", required=False)
def command(name: str | None, as_json: bool) -> None:
    """Print the id of the best trial of SWEEP (default: the newest one), its result and its parameters."""
    seen = view.View(view.find(common.workspace(), name))
    seen.refresh()
    best = seen.best()
    if best is None:
        raise UserErrorException(
            f"no trial of {seen.run.id} has logged {seen.metric.name!r} yet; `turnout sweep show {seen.run.id}` shows them"
        )
    if as_json:
        common.print_json(seen.row(best))
        return
    click.echo(seen.named(best))
