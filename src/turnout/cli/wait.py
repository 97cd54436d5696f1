"""`turnout wait`: follow a run to its end."""

from __future__ import annotations

import click

from turnout.cli import common
from turnout.cli.submit import follow_to_end


@click.command("wait")
@common.json_option
@common.run_argument
def command(run_name: str, as_json: bool) -> int:
    """Follow RUN to its end and exit with the script's own code."""
    return follow_to_end(common.find(common.workspace(), run_name), as_json)
