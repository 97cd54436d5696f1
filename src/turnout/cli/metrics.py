"""`turnout metrics`: a run's metrics, or one of them point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from turnout.cli import common, text
from turnout.exceptions import UserErrorException

if TYPE_CHECKING:
    from turnout.history.queries import Series
    from turnout.run import Run


@click.command("metrics")
@common.json_option
@common.run_argument
@click.argument("name", required=False)
def command(run_name: str, name: str | None, as_json: bool) -> None:
    """Print the metrics of RUN, or the points of the one called NAME.

    With --json: what `Run.get_metrics` returns; with NAME, its points as {"t": Unix seconds, "step": …, "value": …}, of
    a metric with columns also {"column": …}. JSON has no NaN and no infinities: they are the strings "NaN", "Infinity"
    and "-Infinity".
    """
    workspace = common.workspace()
    run = common.find(workspace, run_name)
    if name is None and as_json:
        common.print_json(run.get_metrics())
        return
    index = common.index(workspace)
    if name is None:
        _print_all(run, index)
        return
    found = index.metric_series(run.id, name)
    if not found:
        known = ", ".join(dict.fromkeys(metric.name for metric in index.last_metrics(run.id)))
        has = f"it has: {known}" if known else "it has logged none"
        raise UserErrorException(f"the run {run.id} has no metric '{name}'; {has}")
    if as_json:
        common.print_json([point for series in found for point in _points(series)])
    else:
        _print_points(found)


def _print_all(run: Run, index: Any) -> None:
    metrics = index.last_metrics(run.id)
    if not metrics:
        common.notice(f"the run {run.id} has logged no metrics")
        return
    table = common.Table("metric", "last", "logged", "lowest", "highest", right=["last", "logged", "lowest", "highest"])
    for metric in metrics:
        name = f"{metric.name} [{metric.column}]" if metric.column else metric.name
        table.add(name, text.number(metric.last), metric.count, _extreme(metric.low), _extreme(metric.high))
    table.print()


def _extreme(value: float | None) -> str:
    return "-" if value is None else text.number(value)


def _points(series: Series) -> list[dict[str, Any]]:
    column = {"column": series.column} if series.column else {}
    return [
        {"t": t, "step": step, "value": value, **column}
        for t, step, value in zip(series.times, series.steps, series.values, strict=True)
    ]


def _print_points(found: list[Series]) -> None:
    stepped = any(step is not None for series in found for step in series.steps)
    split = any(series.column for series in found)
    table = common.Table(*["step"] * stepped, "time", *["column"] * split, "value", right=["step", "value"])
    for series in found:
        for t, step, value in zip(series.times, series.steps, series.values, strict=True):
            table.add(*[step] * stepped, text.local_time(t), *[series.column] * split, text.exact(value))
    table.print()
