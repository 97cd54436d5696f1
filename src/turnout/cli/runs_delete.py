"""`turnout runs delete`: remove runs and their children for good."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from turnout.cli import common, streams, text

if TYPE_CHECKING:
    from turnout.run import Run


@click.command("delete")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@common.json_option
@click.argument("run_names", metavar="RUN…", nargs=-1, required=True)
def command(run_names: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Delete each RUN and its child runs: records, logs and outputs. Runs that have not ended are refused.

    What the store keeps of their snapshots is freed by `turnout gc`, unless other runs use it.
    """
    from turnout import deletion

    workspace = common.workspace()
    named = [common.find(workspace, name) for name in run_names]  # a name that is wrong deletes nothing
    runs = deletion.plan(workspace.layout, named)
    if not yes and not _confirmed(runs, len({run.id for run in named})):
        streams.say("turnout: nothing was deleted")
        return 1
    deleted = deletion.carry_out(workspace.layout, runs)
    if as_json:
        common.print_json({"deleted": deleted.ids, "bytes": deleted.bytes, "problems": deleted.problems})
    else:
        print("".join(f"deleted {run_id}\n" for run_id in deleted.ids), end="")
        common.notice(f"{text.size(deleted.bytes)} freed; `turnout gc` frees what no run refers to any more")
    for problem in deleted.problems:
        streams.say(f"turnout: {problem}; `turnout gc` tries again")
    return 0


def _confirmed(runs: list[Run], named: int) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("deleting is for good, and there is no terminal to ask at: say --yes")
    children = f" ({text.count(len(runs) - named, 'child run')} with them)" if len(runs) > named else ""
    what = runs[0].id if len(runs) == 1 else f"{text.count(named, 'run')}{children}"
    return click.confirm(f"Delete {what} for good?", err=True)
