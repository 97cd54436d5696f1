"""What is asked of the index: plain functions of an open connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from turnout.history import schema
from turnout.history.reading import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select, Table

    Labels = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as lists show it; times are Unix seconds, None until they are known."""

    id: str
    number: int | None
    experiment: str
    type: str | None
    parent: str | None
    root: str | None
    status: str
    reason: str
    created: float
    started: float | None
    ended: float | None
    target: str | None
    display_name: str | None
    exit_code: int | None
    signal: int | None
    snapshot: str | None
    tags: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; None means any.

    Attributes:
        experiment: only those of this experiment.
        status: only those in one of these.
        tags: only those that have all of these, with the value unless it is None.
        properties: the same of properties.
        type: only those of this type, such as "azureml.scriptrun".
        include_children: child runs too; otherwise only runs without a parent (v1's default).
    """

    experiment: str | None = None
    status: Sequence[str] | None = None
    tags: Labels | None = None
    properties: Labels | None = None
    type: str | None = None
    include_children: bool = False


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """An experiment: how many top-level runs it has, how many of those have not ended, and when the newest was made."""

    name: str
    runs: int
    live: int
    latest: float


@dataclass(frozen=True, slots=True)
class LastMetric:
    """What is known of a metric (or of one column of it) without its points."""

    name: str
    column: str
    kind: str
    count: int
    last: Any
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """The points of a metric (or of one column of it) in the order in which they were logged, as three equal lists."""

    name: str
    column: str
    kind: str
    times: list[float]
    steps: list[int | float | None]
    values: list[Any]


_NAMES = [name for name in RunRow.__dataclass_fields__ if name != "tags"]
_BLOCK = 500
_COLUMNS = [schema.runs.c[name] for name in _NAMES]


def list_runs(
    connection: Connection, workspace_id: str, which: RunFilter, limit: int | None = None, offset: int = 0
) -> list[RunRow]:
    """Return runs, newest first: at most `limit`, leaving out `offset` of the newest."""
    runs = schema.runs.c
    wanted = [runs.workspace == workspace_id]
    if which.experiment is not None:
        wanted.append(runs.experiment == which.experiment)
    if which.status is not None:
        wanted.append(runs.status.in_(list(which.status)))
    if which.type is not None:
        wanted.append(runs.type == which.type)
    if not which.include_children:
        wanted.append(runs.child.is_(False))
    wanted += _with_labels(schema.tags, which.tags) + _with_labels(schema.properties, which.properties)
    query = select(runs.seq, *_COLUMNS).where(and_(*wanted)).order_by(runs.created.desc(), runs.id.desc())
    rows = connection.execute(query.limit(limit).offset(offset)).all()
    tagged = _labels(connection, schema.tags, [row[0] for row in rows])
    return [RunRow(**dict(zip(_NAMES, row[1:], strict=True)), tags=tagged.get(row[0], {})) for row in rows]


def experiments(connection: Connection, workspace_id: str) -> list[ExperimentRow]:
    """Return the experiments that have runs, the one with the newest run first."""
    runs = schema.runs.c
    counted = (
        select(runs.experiment, func.count(), func.max(runs.created))
        .where(runs.workspace == workspace_id, runs.child.is_(False))
        .group_by(runs.experiment)
    )
    live = (
        select(runs.experiment, func.count())
        .where(runs.workspace == workspace_id, runs.final.is_(False), runs.child.is_(False))
        .group_by(runs.experiment)
    )
    unfinished = {row[0]: row[1] for row in connection.execute(live)}
    rows = [
        ExperimentRow(name, count, unfinished.get(name, 0), latest)
        for name, count, latest in connection.execute(counted)
    ]
    return sorted(rows, key=lambda row: (-row.latest, row.name))


def counts(connection: Connection, workspace_id: str) -> dict[str, int]:
    """Return how many top-level runs there are in each status."""
    runs = schema.runs.c
    query = (
        select(runs.status, func.count())
        .where(runs.workspace == workspace_id, runs.child.is_(False))
        .group_by(runs.status)
        .order_by(runs.status)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def count(connection: Connection, workspace_id: str) -> int:
    """Return how many runs there are, child runs and all."""
    query = select(func.count()).select_from(schema.runs).where(schema.runs.c.workspace == workspace_id)
    return int(connection.execute(query).scalar() or 0)


def children(connection: Connection, workspace_id: str, run_ids: Sequence[str]) -> list[str]:
    """Return the ids of the runs whose parent is one of these."""
    runs = schema.runs.c
    found: list[str] = []
    for start in range(0, len(run_ids), _BLOCK):
        part = list(run_ids[start : start + _BLOCK])
        query = select(runs.id).where(runs.workspace == workspace_id, runs.parent.in_(part)).order_by(runs.id)
        found += connection.execute(query).scalars()
    return found


def last_metrics(connection: Connection, workspace_id: str, run_id: str) -> list[LastMetric]:
    """Return each metric of a run with its last value, in the order in which they were first seen."""
    series = schema.series.c
    query = select(schema.series).where(series.run == _seq(workspace_id, run_id)).order_by(series.name, series.part)
    return [
        LastMetric(
            row["name"],
            row["part"],
            row["kind"],
            row["count"],
            join(row["value"], row["text"]),
            row["low"],
            row["high"],
        )
        for row in connection.execute(query).mappings()
    ]


def metric_series(connection: Connection, workspace_id: str, run_id: str, name: str) -> list[Series]:
    """Return the points of a metric: one series, or one a column for rows and tables; empty when there is none."""
    series, runs = schema.series.c, schema.runs.c
    writers = select(func.count()).where(schema.writers.c.run == series.run).scalar_subquery()
    query = (
        select(schema.series, writers.label("writers"))
        .join(schema.runs, runs.seq == series.run)
        .where(runs.workspace == workspace_id, runs.id == run_id, series.name == name)
        .order_by(series.part)
    )
    return [_read_series(connection, row) for row in connection.execute(query).all()]


def _read_series(connection: Connection, row: Row[Any]) -> Series:
    """Read the points of one series; columns that are empty throughout are not fetched."""
    points, writers = schema.points.c, schema.writers.c
    wanted = [points.t, points.value, *([points.step] if row.stepped else []), *([points.text] if row.worded else [])]
    query = select(*wanted).where(points.series == row.seq)
    if row.writers == 1:  # the primary key's own order
        query = query.order_by(points.t, points.writer, points.position)
    else:
        query = query.join(schema.writers, (writers.run == row.run) & (writers.number == points.writer))
        query = query.order_by(points.t, writers.name, points.position)
    columns = _columns(connection, query, len(wanted))
    times, values = columns[0], columns[1]
    steps = _whole(columns[2]) if row.stepped else [None] * len(times)
    if row.worded:
        values = list(map(join, values, columns[-1]))
    return Series(row.name, row.part, row.kind, times, steps, values)


def _columns(connection: Connection, query: Select[Any], count: int) -> list[list[Any]]:
    """Return the `count` columns of a query whose only parameters are integers.

    A chart's budget is a microsecond a point, so the driver's cursor is read without a row object around each, in
    blocks so small that Python takes the same memory again for each.
    """
    statement = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    columns: list[list[Any]] = [[] for _ in range(count)]
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_BLOCK):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    finally:
        cursor.close()
    return columns


def _whole(steps: list[Any]) -> list[Any]:
    """Return steps as whole numbers where they are whole, as SQLite does by itself."""
    if float not in set(map(type, steps)):
        return steps
    return [int(step) if isinstance(step, float) and step.is_integer() else step for step in steps]


def _seq(workspace_id: str, run_id: str) -> Any:
    runs = schema.runs.c
    return select(runs.seq).where(runs.workspace == workspace_id, runs.id == run_id).scalar_subquery()


def _with_labels(table: Table, labels: Labels | None) -> list[ColumnElement[bool]]:
    """Return conditions on runs: each label is there, and has the value when one is given."""
    conditions: list[ColumnElement[bool]] = []
    for key, value in (labels or {}).items():
        having = select(table.c.run).where(table.c.key == key, table.c.removed.is_(False))
        if value is not None:
            having = having.where(table.c.value == value)
        conditions.append(schema.runs.c.seq.in_(having))
    return conditions


def _labels(connection: Connection, table: Table, seqs: Iterable[int]) -> dict[int, dict[str, str | None]]:
    found: dict[int, dict[str, str | None]] = {}
    wanted = list(seqs)
    for start in range(0, len(wanted), 1000):
        query = (
            select(table.c.run, table.c.key, table.c.value)
            .where(table.c.run.in_(wanted[start : start + 1000]), table.c.removed.is_(False))
            .order_by(table.c.run, table.c.key)
        )
        for run, key, value in connection.execute(query):
            found.setdefault(run, {})[key] = value
    return found
