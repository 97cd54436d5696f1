"""`turnout experiments`: the experiments of the workspace."""

from __future__ import annotations

import click

from turnout.cli import common, text


@click.command("experiments")
@common.json_option
def command(as_json: bool) -> None:
    """List experiments, the one with the newest run first."""
    rows = common.index(common.workspace()).experiments()
    if as_json:
        common.print_json(
            [
                {"name": row.name, "runs": row.runs, "live": row.live, "latest": text.iso_time(row.latest)}
                for row in rows
            ]
        )
        return
    table = common.Table("experiment", "runs", "live", "latest run", right=["runs", "live"])
    for row in rows:
        table.add(row.name, row.runs, row.live, text.local_time(row.latest))
    table.print()
    if not rows:
        common.notice("no experiments yet; `turnout submit --experiment NAME SCRIPT` makes one")
