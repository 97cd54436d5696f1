"""`turnout runs`: the runs of the workspace, newest first; `turnout runs delete` is beside it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from turnout import cli
from turnout.cli import common, text
from turnout.runtime import states

if TYPE_CHECKING:
    from turnout.history.queries import RunRow

_UNREMARKABLE = (states.RUNNING, states.COMPLETED)


class _Runs(click.Group):
    """`turnout runs` lists; what else there is to do with runs is a file of its own, loaded when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["delete"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != "delete":
            return None
        from turnout.cli import runs_delete

        return cli.with_debug(runs_delete.command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] != "delete":
            raise click.UsageError(f"there is no 'turnout runs {args[0]}'; there is: delete", ctx)
        return super().resolve_command(ctx, args)


@click.group("runs", cls=_Runs, invoke_without_command=True)
@click.option("--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option(
    "--status",
    "status",
    multiple=True,
    type=click.Choice(states.ALL, case_sensitive=False),
    metavar="STATUS",
    help=f"Only runs in this state; may be repeated. One of {', '.join(states.ALL)}.",
)
@click.option("--tag", "tags", multiple=True, metavar="K[=V]", help="Only runs with this tag; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="As many as there are.")
@click.option("--children", is_flag=True, help="Child runs too.")
@click.option("-q", "--quiet", is_flag=True, help="Only the ids.")
@common.json_option
@click.pass_context
def command(
    context: click.Context,
    experiment: str | None,
    status: tuple[str, ...],
    tags: tuple[str, ...],
    limit: int,
    everything: bool,
    children: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """List runs, newest first; or delete some."""
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    index = common.index(common.workspace())
    wanted = None if everything else limit
    rows = index.list_runs(
        experiment=experiment,
        status=status or None,
        tags=_tags(tags),
        include_children=children,
        limit=None if wanted is None else wanted + 1,  # one more tells whether there are more
    )
    shown = rows[:wanted]
    if as_json:
        common.print_json([_as_data(row) for row in shown])
    elif quiet:
        sys.stdout.write("".join(f"{row.id}\n" for row in shown))
    elif shown:
        _table(shown, with_experiment=experiment is None).print()
        if len(rows) > len(shown):
            common.notice("there are more: --limit N or --all")
    else:
        narrowed = experiment or status or tags
        common.notice("no run is like that" if narrowed else "no runs yet; `turnout submit SCRIPT` makes one")


def _refuse_options(context: click.Context) -> None:
    """Refuse `turnout runs --json delete …`: an option before the word would be ignored."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.expose_value and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[-1]} belongs to the list; write it after the word delete", context)


def _tags(words: tuple[str, ...]) -> dict[str, str | None] | None:
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key:
            raise click.UsageError(f"a tag is written KEY or KEY=VALUE, not '{word}'")
        found[key] = value if equals else None
    return found or None


def _table(rows: list[RunRow], with_experiment: bool) -> common.Table:
    """Return the table; a column that would say nothing is left out."""
    named = any(row.display_name not in (None, row.id) for row in rows)
    columns = ["run", "status", "created", "duration", "target", *["experiment"] * with_experiment, *["name"] * named]
    table = common.Table(
        *columns, right=["duration"], status="status", optional=["target", "experiment", "name"], note="reason"
    )
    now = time.time()
    for row in rows:
        cells = [row.id, row.status, text.local_time(row.created), text.duration(_seconds(row, now)), row.target]
        cells += [row.experiment] * with_experiment
        cells += [row.display_name if row.display_name != row.id else None] * named
        table.add(*cells, note=_reason(row))
    return table


def _reason(row: RunRow) -> str | None:
    """Return why the run is as it is, unless that goes without saying."""
    return row.reason if row.reason and row.status not in _UNREMARKABLE else None


def _seconds(row: RunRow, now: float) -> float | None:
    if row.started is None:
        return None
    return (row.ended if row.ended is not None else now) - row.started


def _as_data(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "experiment": row.experiment,
        "display_name": row.display_name,
        "type": row.type,
        "parent": row.parent,
        "status": row.status,
        "reason": row.reason,
        "created": text.iso_time(row.created),
        "started": text.iso_time(row.started),
        "ended": text.iso_time(row.ended),
        "duration": None if row.started is None or row.ended is None else round(row.ended - row.started, 6),
        "target": row.target,
        "exit_code": row.exit_code,
        "signal": row.signal,
        "snapshot": row.snapshot,
        "tags": row.tags,
    }
