"""The index over a workspace's runs: kept up to date, rebuilt, and asked.

The run directories are the truth. `refresh` finds what is new by three cheap signs: the markers in `changes/`, the runs
that had not ended at the last look, and the time of the `runs` directory, which changes whenever a run appears or goes,
with or without a marker. It can be killed at any moment: what it did not commit, the next one does.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from turnout.history import markers, place, queries, schema
from turnout.history.database import open_database
from turnout.history.ingest import BATCH, Ingest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from turnout.history.database import Notice
    from turnout.history.markers import Marker
    from turnout.history.queries import ExperimentRow, LastMetric, RunRow, Series
    from turnout.history.reading import Look
    from turnout.runtime.layout import WorkspaceLayout

_SEEN = "runs directory"  # its modification time when its names were last compared
_REFRESHED = "refreshed"
_DAY = 86400.0
_FEW = 500
_WORTH_SAYING = 2000  # runs whose reading takes a person's notice


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What `reindex` found: how many runs, and the ids of those whose definition can't be read."""

    runs: int
    unreadable: list[str]


class Index:
    """The index of one workspace.

    Args:
        workspace: whose runs.
        notice: told in a sentence why something takes long; None to say nothing.

    Raises:
        RecordException: there is no place for it (see `place.locate`).
    """

    def __init__(self, workspace: WorkspaceLayout, notice: Notice | None = None) -> None:
        self._workspace = workspace
        self._place = place.locate(workspace)
        self._notice = notice
        self._unreadable: list[str] = []
        self._database = open_database(self._place, self._fill, notice)

    @property
    def where(self) -> str:
        """The file that the index lies in, or "a database server"."""
        return self._place.path or "a database server"

    def refresh(self, look: Look | None = None) -> None:
        """Take in what has changed since the last time.

        Args:
            look: asked for (status, reason) of each run that has not ended, by id; None to believe the records.

        Raises:
            RecordException: the index can't be used.
        """
        with self._database.reading() as connection:
            overdue = self._is_overdue(connection)
            if not overdue and not self._has_news(connection):
                return
        if overdue:
            self.reindex()
            return
        stamp = self._runs_stamp()
        with self._database.writing() as connection:
            found = self._new_markers(connection)
            if not self._place.private:
                found = markers.take(self._workspace.changes, found)
            wanted = self._wanted(connection, found, stamp)
            self._take_in(connection, wanted[:BATCH], found, look)
            if len(wanted) <= BATCH:
                self._remember(connection, stamp)
        self._let_go(found, wanted[:BATCH])
        for start in range(BATCH, len(wanted), BATCH):
            part = wanted[start : start + BATCH]
            with self._database.writing() as connection:
                self._take_in(connection, part, found, look)
                if start + BATCH >= len(wanted):
                    self._remember(connection, stamp)
            self._let_go(found, part)

    def reindex(self) -> Rebuilt:
        """Rebuild the index from the run directories.

        Raises:
            RecordException: the index can't be used.
        """
        self._unreadable = []
        self._database.rebuild()
        with self._database.reading() as connection:
            count = sum(1 for _ in self._indexed(connection))
        return Rebuilt(count, sorted(self._unreadable))

    def list_runs(
        self,
        experiment: str | None = None,
        status: str | Sequence[str] | None = None,
        tags: str | Mapping[str, str | None] | None = None,
        properties: str | Mapping[str, str | None] | None = None,
        type: str | None = None,  # noqa: A002 (v1's name)
        include_children: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[RunRow]:
        """Return runs, newest first: by the time they were made, then by id.

        Args:
            experiment: only those of this experiment.
            status: only those in this state, or in one of these.
            tags: only those that have this tag; or all of these, with the value unless it is None.
            properties: the same of properties.
            type: only those of this type, such as "azureml.scriptrun".
            include_children: child runs too; otherwise only runs without a parent (v1's default).
            limit: at most so many.
            offset: leave out so many of the newest.

        Raises:
            RecordException: the index can't be used.
        """
        which = queries.RunFilter(
            experiment,
            [status] if isinstance(status, str) else status,
            {tags: None} if isinstance(tags, str) else tags,
            {properties: None} if isinstance(properties, str) else properties,
            type,
            include_children,
        )
        with self._database.reading() as connection:
            return queries.list_runs(connection, self._place.workspace_id, which, limit, offset)

    def experiments(self) -> list[ExperimentRow]:
        """Return the experiments that have runs, the one with the newest run first."""
        with self._database.reading() as connection:
            return queries.experiments(connection, self._place.workspace_id)

    def counts(self) -> dict[str, int]:
        """Return how many top-level runs there are in each status."""
        with self._database.reading() as connection:
            return queries.counts(connection, self._place.workspace_id)

    def last_metrics(self, run_id: str) -> list[LastMetric]:
        """Return each metric of a run with its last value, count, lowest and highest; by name."""
        with self._database.reading() as connection:
            return queries.last_metrics(connection, self._place.workspace_id, run_id)

    def metric_series(self, run_id: str, name: str) -> list[Series]:
        """Return the points of a metric: one series, or one a column for rows and tables; empty when there is none."""
        with self._database.reading() as connection:
            return queries.metric_series(connection, self._place.workspace_id, run_id, name)

    def _has_news(self, connection: Connection) -> bool:
        if self._new_markers(connection) or self._is_changed(connection, self._runs_stamp()):
            return True
        if self._place.private and self._age(connection) > _DAY:
            return True
        return next(self._live(connection), None) is not None

    def _wanted(self, connection: Connection, found: Iterable[Marker], stamp: int) -> list[str]:
        """Return the ids of the runs to look at, each once."""
        wanted = dict.fromkeys(marker.run_id for marker in found)
        wanted.update(dict.fromkeys(self._live(connection)))
        if self._is_changed(connection, stamp):
            names = set(self._names())
            # While the directory still changes, counting tells what its markers don't; once it rests it is compared.
            if stamp != 0 or not self._is_explained(connection, names, wanted):
                wanted.update(dict.fromkeys(sorted(names ^ set(self._indexed(connection)))))
        return list(wanted)

    def _is_explained(self, connection: Connection, names: set[str], marked: Iterable[str]) -> bool:
        """Say whether there are as many runs as the index has, but for those that will be looked at anyway."""
        some = list(marked)[:_FEW]
        columns = schema.runs.c
        ours = columns.workspace == self._place.workspace_id
        known = set(connection.execute(select(columns.id).where(ours, columns.id.in_(some))).scalars())
        coming = sum(run_id in names for run_id in some if run_id not in known)
        going = sum(run_id not in names for run_id in known)
        count = connection.execute(select(func.count()).select_from(schema.runs).where(ours)).scalar() or 0
        return len(names) == count + coming - going

    def _take_in(
        self, connection: Connection, run_ids: list[str], found: Iterable[Marker], look: Look | None = None
    ) -> None:
        if not run_ids:
            return
        Ingest(connection, self._workspace, self._place.workspace_id, look).take_in(run_ids)
        if self._place.private:
            self._remember_markers(connection, found, set(run_ids))

    def _fill(self, connection: Connection) -> None:
        """Take in every run there is."""
        stamp = self._runs_stamp()
        names = sorted(self._names())
        if self._notice is not None and len(names) >= _WORTH_SAYING:
            self._notice(f"building the index of {len(names):,} runs")
        ingest = Ingest(connection, self._workspace, self._place.workspace_id)
        for start in range(0, len(names), BATCH):
            ingest.take_in(names[start : start + BATCH])
        self._unreadable = ingest.unreadable
        self._remember(connection, stamp)

    def _new_markers(self, connection: Connection) -> list[Marker]:
        found = markers.pending(self._workspace.changes)
        if not found or not self._place.private:
            return found
        columns = schema.markers.c
        query = select(columns.name, columns.stamp).where(columns.workspace == self._place.workspace_id)
        seen = {row.name: row.stamp for row in connection.execute(query)}
        return [marker for marker in found if seen.get(marker.name) != str(marker.stamp)]

    def _remember_markers(self, connection: Connection, found: Iterable[Marker], run_ids: set[str]) -> None:
        """Note which markers were seen; one so fresh that it could change within its time is seen again."""
        columns = schema.markers.c
        settled = [
            marker for marker in found if marker.run_id in run_ids and markers.is_older(marker, markers.UNSETTLED)
        ]
        for marker in settled:
            connection.execute(
                delete(schema.markers).where(columns.workspace == self._place.workspace_id, columns.name == marker.name)
            )
            connection.execute(
                insert(schema.markers).values(
                    workspace=self._place.workspace_id, name=marker.name, stamp=str(marker.stamp)
                )
            )

    def _let_go(self, found: Iterable[Marker], run_ids: Sequence[str]) -> None:
        """Remove the markers of runs that are committed, unless they still announce something to come."""
        done = set(run_ids)
        away = []
        for marker in found:
            waits = not os.path.exists(self._workspace.run(marker.run_id).definition)
            age = max(markers.ABSENT_FOR if waits else 0.0, markers.SHARED_FOR if self._place.private else 0.0)
            if marker.run_id in done and (age == 0.0 or markers.is_older(marker, age)):
                away.append(marker)
        markers.remove(self._workspace.changes, away)

    def _runs_stamp(self) -> int:
        """Return the modification time of the runs directory, or 0 while it is too fresh to tell two changes apart."""
        try:
            stamp = os.stat(self._workspace.runs).st_mtime_ns
        except FileNotFoundError:
            return -1
        return stamp if time.time_ns() - stamp > markers.UNSETTLED * 1e9 else 0

    def _is_changed(self, connection: Connection, stamp: int) -> bool:
        return stamp == 0 or self._read(connection, _SEEN) != str(stamp)

    def _names(self) -> Iterator[str]:
        try:
            names = os.listdir(self._workspace.runs)
        except FileNotFoundError:
            return iter(())
        return (name for name in names if not name.startswith("."))

    def _indexed(self, connection: Connection) -> Iterator[str]:
        columns = schema.runs.c
        query = select(columns.id).where(columns.workspace == self._place.workspace_id)
        return iter(connection.execute(query).scalars().all())

    def _live(self, connection: Connection) -> Iterator[str]:
        columns = schema.runs.c
        query = select(columns.id).where(columns.workspace == self._place.workspace_id, columns.final.is_(False))
        return iter(connection.execute(query).scalars().all())

    def _is_overdue(self, connection: Connection) -> bool:
        """Say whether markers may have come and gone unseen by this index."""
        return self._place.private and self._age(connection) > markers.SHARED_FOR - _DAY

    def _age(self, connection: Connection) -> float:
        return time.time() - float(self._read(connection, _REFRESHED) or 0)

    def _read(self, connection: Connection, key: str) -> str | None:
        columns = schema.meta.c
        query = select(columns.value).where(columns.workspace == self._place.workspace_id, columns.key == key)
        value: str | None = connection.execute(query).scalar()
        return value

    def _remember(self, connection: Connection, stamp: int) -> None:
        self._write(connection, _SEEN, str(stamp))
        if self._place.private:
            self._write(connection, _REFRESHED, str(time.time()))

    def _write(self, connection: Connection, key: str, value: str) -> None:
        if self._read(connection, key) == value:
            return
        columns = schema.meta.c
        connection.execute(delete(schema.meta).where(columns.workspace == self._place.workspace_id, columns.key == key))
        connection.execute(insert(schema.meta).values(workspace=self._place.workspace_id, key=key, value=value))
