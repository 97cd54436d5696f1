"""Writes what was read of runs into the index, within one transaction.

Everything is merged by the stamps of the events (see `reading`), so the outcome is the same whether a run was taken in
at once or in a hundred pieces, in whatever order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, and_, bindparam, delete, func, insert, select

from turnout.history import reading, schema
from turnout.history.reading import Label, Piece, Writer
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from turnout.history.reading import Point
    from turnout.runtime.layout import WorkspaceLayout

BATCH = 500
"""Runs to take in within one transaction."""

PORTION = 100_000
"""Points after which a transaction ends, so that nobody waits long for the turn to write, whatever was logged."""

_BUFFERED = 20_000
_OF_RUNS = (schema.tags, schema.properties, schema.settings, schema.writers)
_DISPLAY_NAME = "display_name"


@dataclass(slots=True)
class _Known:
    """What the index has of a run already."""

    seq: int
    row: dict[str, Any]
    writers: dict[str, Writer] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # of the writers
    new: bool = False


class Ingest:
    """Takes runs into the index.

    Args:
        connection: in a transaction to write.
        workspace: where the runs are.
        workspace_id: which rows are this workspace's.
        answers: status and reason, by id, of runs that have not ended and were looked at.
        ends: by id, up to where the events of a run are read, see `reading.read_events`.
    """

    def __init__(
        self,
        connection: Connection,
        workspace: WorkspaceLayout,
        workspace_id: str,
        answers: Mapping[str, tuple[str, str]] | None = None,
        ends: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self._connection = connection
        self._workspace = workspace
        self._workspace_id = workspace_id
        self._answers = answers or {}
        self._ends = ends or {}
        self._next: dict[Table, int] = {}
        self.outbox = _Outbox(connection)
        self._points = 0
        self._portion: int | None = None
        self._left: list[str] = []
        self.unreadable: list[str] = []  # ids whose run.json is there and can't be read

    def take_in(self, run_ids: Sequence[str], portion: int | None = None) -> list[str]:
        """Bring the index up to date about these runs; one whose directory is gone is forgotten.

        Args:
            run_ids: the runs.
            portion: stop after about so many points; None to go on to the end.

        Returns:
            Those runs that are not, or not wholly, taken in, for the next transaction.
        """
        known = self._load(run_ids)
        gone: list[int] = []
        self._portion = portion
        self._left = []
        for run_id in run_ids:
            if self._is_over():
                self._left.append(run_id)
                continue
            record = RunRecord(self._workspace.run(run_id).root)
            try:
                row = reading.read_row(record, self._answers.get(run_id))
            except PermissionError:  # one run that can't be read must not hide the others
                row = None
            entry = known.get(run_id)
            if row is not None:
                self._take_run(record, row, entry)
            elif record.exists():
                self.unreadable.append(run_id)
            elif entry is not None:
                gone.append(entry.seq)
        self.outbox.flush()
        forget_runs(self._connection, gone)
        return self._left

    def _is_over(self) -> bool:
        return self._portion is not None and self._points >= self._portion

    def _take_run(self, record: RunRecord, row: dict[str, Any], entry: _Known | None) -> None:
        if entry is not None and entry.writers and reading.is_rewritten(record, entry.writers):
            forget_runs(self._connection, [entry.seq])
            entry = None
        if entry is None:
            entry = _Known(self._take_number(schema.runs), {}, new=True)
        name = self._take_reports(record, entry) or entry.row.get("set_name")
        if name:
            row[_DISPLAY_NAME] = name
        if entry.new or any(entry.row[key] != value for key, value in row.items()):
            whole = {**row, "seq": entry.seq, "workspace": self._workspace_id}
            self.outbox.put(schema.runs, [whole], [] if entry.new else [(entry.seq,)])

    def _take_reports(self, record: RunRecord, entry: _Known) -> str | None:
        """Take in what the run reported since; return the display name that was set, if one was."""
        labels: dict[Table, list[Label]] = {schema.tags: [], schema.properties: [], schema.settings: []}
        if entry.new:
            labels[schema.tags] += reading.defined_labels(record, "tags")
            labels[schema.properties] += reading.defined_labels(record, "properties")
        series = None
        latest: dict[str, Writer] = {}
        for piece in reading.read_events(record, entry.writers, ends=self._ends.get(record.layout.run_id)):
            if self._is_over():
                self._left.append(record.layout.run_id)
                break
            self._points += sum(len(points) for points in piece.points.values())
            labels[schema.tags] += piece.tags
            labels[schema.properties] += piece.properties
            labels[schema.settings] += piece.settings
            latest.update(piece.writers)
            self._number_writers(entry, piece)
            if piece.points:
                if series is None:
                    series = _SeriesOfRun(self, entry.seq, {} if entry.new else self._load_series(entry.seq))
                for (name, part), points in piece.points.items():
                    seq = series.add(name, part, piece.kinds[name, part], points)
                    self._put_points(seq, points, entry.numbers)
        if series is not None:
            series.write()
        if latest:
            self._write_writers(entry, latest)
        set_name = None
        for table, found in labels.items():
            if found:
                merged = self._merge_labels(table, entry, found)
                if table is schema.settings and _DISPLAY_NAME in merged:
                    set_name = merged[_DISPLAY_NAME].value
        return set_name

    def _merge_labels(self, table: Table, entry: _Known, found: list[Label]) -> dict[str, Label]:
        current = {} if entry.new else self._load_labels(table, entry.seq)
        changed: dict[str, Label] = {}
        for label in found:
            before = changed.get(label.key) or current.get(label.key)
            # Tags and settings: the last stands. Properties are immutable: the first stands.
            if before is None or (label.stamp < before.stamp) == (table is schema.properties):
                changed[label.key] = label
        if changed:
            self.outbox.put(
                table,
                [
                    {
                        "run": entry.seq,
                        "key": label.key,
                        "value": label.value,
                        "removed": label.removed,
                        "t": label.stamp[0],
                        "writer": label.stamp[1],
                        "position": label.stamp[2],
                    }
                    for label in changed.values()
                ],
                [] if entry.new else [(entry.seq, key) for key in changed],
            )
        return {**current, **changed}

    def _write_writers(self, entry: _Known, latest: dict[str, Writer]) -> None:
        numbers = entry.numbers
        rows = [
            {
                "run": entry.seq,
                "number": numbers[name],
                "name": name,
                "offset": writer.offset,
                "latest": writer.latest,
                "spoken": writer.spoken,
                "position": writer.position,
                "skipped": writer.skipped,
            }
            for name, writer in latest.items()
        ]
        self.outbox.put(schema.writers, rows, [(entry.seq, numbers[name]) for name in latest if name in entry.writers])

    def _number_writers(self, entry: _Known, piece: Piece) -> None:
        for name in piece.writers:
            entry.numbers.setdefault(name, len(entry.numbers))

    def _put_points(self, seq: int, points: list[Point], numbers: dict[str, int]) -> None:
        self.outbox.put(
            schema.points,
            [
                {
                    "series": seq,
                    "t": t,
                    "writer": numbers[writer],
                    "position": position,
                    "step": step,
                    "value": value,
                    "text": text,
                }
                for t, writer, position, step, value, text in points
            ],
        )

    def _take_number(self, table: Table) -> int:
        """Return the next `seq` of a table; writers take turns, so it stays free until it is used."""
        if table not in self._next:
            highest = self._connection.execute(select(func.max(table.c.seq))).scalar()
            self._next[table] = (highest or 0) + 1
        number = self._next[table]
        self._next[table] = number + 1
        return number

    def take_series_number(self) -> int:
        """Return a number for a new series."""
        return self._take_number(schema.series)

    def _load(self, run_ids: Sequence[str]) -> dict[str, _Known]:
        runs, writers, settings = schema.runs.c, schema.writers.c, schema.settings.c
        query = select(schema.runs).where(runs.workspace == self._workspace_id, runs.id.in_(run_ids))
        known = {row["id"]: _Known(row["seq"], dict(row)) for row in self._connection.execute(query).mappings()}
        by_seq = {entry.seq: entry for entry in known.values()}
        if not by_seq:
            return known
        for row in self._connection.execute(select(schema.writers).where(writers.run.in_(by_seq))):
            entry = by_seq[row.run]
            entry.numbers[row.name] = row.number
            entry.writers[row.name] = Writer(row.offset, row.latest, row.spoken, row.position, row.skipped)
        names = select(settings.run, settings.value).where(settings.run.in_(by_seq), settings.key == _DISPLAY_NAME)
        for run, value in self._connection.execute(names):
            by_seq[run].row["set_name"] = value
        return known

    def _load_labels(self, table: Table, seq: int) -> dict[str, Label]:
        return {
            row["key"]: Label(row["key"], row["value"], (row["t"], row["writer"], row["position"]), row["removed"])
            for row in self._connection.execute(select(table).where(table.c.run == seq)).mappings()
        }

    def _load_series(self, seq: int) -> dict[tuple[str, str], dict[str, Any]]:
        query = select(schema.series).where(schema.series.c.run == seq)
        return {(row["name"], row["part"]): dict(row) for row in self._connection.execute(query).mappings()}


class _SeriesOfRun:
    """The metrics of one run: how many points, lowest, highest and last."""

    def __init__(self, ingest: Ingest, run: int, current: dict[tuple[str, str], dict[str, Any]]) -> None:
        self._ingest = ingest
        self._run = run
        self._rows = current
        self._known = {row["seq"] for row in current.values()}
        self._changed: dict[int, dict[str, Any]] = {}

    def add(self, name: str, part: str, kind: str, points: list[Point]) -> int:
        """Count points in; return the number of their series."""
        row = self._rows.get((name, part))
        if row is None:
            row = self._rows[name, part] = {
                "seq": self._ingest.take_series_number(),
                "run": self._run,
                "name": name,
                "part": part,
                "kind": kind,
                "count": 0,
                "stepped": 0,
                "worded": 0,
                "low": None,
                "high": None,
                "t": -1.0,
                "writer": "",
                "position": -1,
                "value": None,
                "text": None,
            }
        row["count"] += len(points)
        row["stepped"] += sum(point[3] is not None for point in points)
        row["worded"] += sum(point[5] is not None for point in points)
        numbers = [point[4] for point in points if point[4] is not None]
        if numbers:
            row["low"] = min(numbers) if row["low"] is None else min(row["low"], *numbers)
            row["high"] = max(numbers) if row["high"] is None else max(row["high"], *numbers)
        last = max(points, key=lambda point: point[:3])
        if last[:3] > (row["t"], row["writer"], row["position"]):
            row.update(t=last[0], writer=last[1], position=last[2], value=last[4], text=last[5], kind=kind)
        seq: int = row["seq"]
        self._changed[seq] = row
        return seq

    def write(self) -> None:
        """Write the changed ones."""
        former = [(seq,) for seq in self._changed if seq in self._known]
        self._ingest.outbox.put(schema.series, list(self._changed.values()), former)


class _Outbox:
    """Rows to write, gathered so that many runs cost few statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._former: dict[Table, list[tuple[Any, ...]]] = {}
        self._count = 0

    def put(self, table: Table, rows: list[dict[str, Any]], former: Sequence[tuple[Any, ...]] = ()) -> None:
        """Write rows, over those that have the primary keys `former`."""
        self._rows.setdefault(table, []).extend(rows)
        if former:
            self._former.setdefault(table, []).extend(former)
        self._count += len(rows)
        if self._count > _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        for table, keys in self._former.items():
            columns = list(table.primary_key.columns)
            where = and_(*(column == bindparam(f"key_{column.name}") for column in columns))
            values = [{f"key_{column.name}": value for column, value in zip(columns, key, strict=True)} for key in keys]
            self._connection.execute(delete(table).where(where), values)
        for table, rows in self._rows.items():
            if rows:
                self._connection.execute(insert(table), rows)
        self._rows, self._former, self._count = {}, {}, 0


def forget_runs(connection: Connection, seqs: Iterable[int]) -> None:
    """Remove runs, and all that belongs to them, from the index."""
    wanted = list(seqs)
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        of_part = select(schema.series.c.seq).where(schema.series.c.run.in_(part))
        connection.execute(delete(schema.points).where(schema.points.c.series.in_(of_part)))
        connection.execute(delete(schema.series).where(schema.series.c.run.in_(part)))
        for table in _OF_RUNS:
            connection.execute(delete(table).where(table.c.run.in_(part)))
        connection.execute(delete(schema.runs).where(schema.runs.c.seq.in_(part)))


def forget_workspace(connection: Connection, workspace_id: str) -> None:
    """Remove everything of a workspace from the index."""
    runs = schema.runs
    forget_runs(connection, connection.execute(select(runs.c.seq).where(runs.c.workspace == workspace_id)).scalars())
    for table in (schema.markers, schema.meta):
        connection.execute(delete(table).where(table.c.workspace == workspace_id))
