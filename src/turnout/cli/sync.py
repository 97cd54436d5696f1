"""`turnout sync`: bring what is outstanding from every target."""

from __future__ import annotations

import click

from turnout.cli import common, streams


@click.command("sync")
@click.option("--target", "only", metavar="NAME", help="Only from this compute target.")
@common.json_option
def command(only: str | None, as_json: bool) -> int:
    """Bring states, logs, metrics and outputs of all runs on other machines that have not ended as far as is known here."""
    from turnout.history import synchronising

    workspace = common.workspace()
    if only is not None:
        from turnout.targets.compute_target import ComputeTarget

        ComputeTarget(workspace, only)  # says what there is when there is none of that name
    found = synchronising.synchronise(workspace.layout, only, common.notice)
    if as_json:
        common.print_json([outcome._asdict() for outcome in found])
    else:
        table = common.Table("run", "target", "status", "reason", status="status", optional=["reason"])
        for outcome in found:
            table.add(outcome.run, outcome.target, outcome.status, outcome.reason)
        table.print()
        if not found:
            streams.say("nothing is outstanding")
    return 1 if any(outcome.failed for outcome in found) else 0
