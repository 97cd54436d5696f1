"""`turnout cancel`: ask for the end of runs."""

from __future__ import annotations

import click

from turnout.cli import common


@click.command("cancel")
@common.json_option
@click.argument("run_names", metavar="RUN…", nargs=-1, required=True)
def command(run_names: tuple[str, ...], as_json: bool) -> int:
    """Ask for the end of each RUN. One that has ended already is left as it is, and that is no error."""
    workspace = common.workspace()
    runs = [common.find(workspace, name) for name in run_names]  # a name that is wrong cancels nothing
    found = {}
    for run in runs:
        run.cancel()
        found[run.id] = run.get_status()
        if not as_json:
            click.echo(f"{run.id}  {found[run.id]}")
    if as_json:
        common.print_json(found)
    return 0
