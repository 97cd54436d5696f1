"""`turnout sweep show`: a sweep's trials; on a terminal a table that changes until the sweep has ended."""

from __future__ import annotations

import click

from turnout.cli import common
from turnout.cli.sweep import follow, view
from turnout.runtime import states


@click.command("show")
@click.option("--once", is_flag=True, help="Print it as it stands and return, also at a terminal.")
@common.json_option
@click.argument("name", metavar="[SWEEP]", required=False)
def command(name: str | None, once: bool, as_json: bool) -> int:
    """Show SWEEP (default: the newest one): its trials, the best so far, and how it got there."""
    seen = view.View(view.find(common.workspace(), name))
    seen.refresh()
    if as_json:
        common.print_json(seen.facts())
        return 0
    if common.on_terminal() and not once and not states.is_final(seen.status):
        return follow.to_end(seen.run)
    follow.show(seen)
    return 0
