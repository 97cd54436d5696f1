"""The index over a workspace's runs: kept up to date, rebuilt, and asked. The run directories are the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from turnout.history import place, queries
from turnout.history.database import UnwritableIndex, open_database
from turnout.history.refresh import Refresher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from turnout.history.database import Notice
    from turnout.history.queries import ExperimentRow, LastMetric, RunRow, Series
    from turnout.history.reading import Look
    from turnout.runtime.layout import WorkspaceLayout

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
        in_memory: make one in memory, from the records alone, whatever lies on the disk.

    Raises:
        RecordException: there is no place for it (see `place.locate`).
    """

    def __init__(self, workspace: WorkspaceLayout, notice: Notice | None = None, in_memory: bool = False) -> None:
        self._workspace = workspace
        self._notice = notice
        self._unreadable: list[str] = []
        self._lie_in(place.in_memory(workspace) if in_memory else place.locate(workspace))

    @property
    def where(self) -> str:
        """The file that the index lies in, "a database server", or "memory"."""
        return "memory" if self._place.in_memory else self._place.path or "a database server"

    def _lie_in(self, where: place.Place) -> None:
        self._place = where
        self._refresher = Refresher(self._workspace, where)
        self._database = open_database(where, self._fill, self._notice)

    def refresh(self, look: Look | None = None) -> None:
        """Take in what has changed since the last time.

        Where the index can't be written (a full disk, a read-only home), one in memory takes its place for as long as
        this object lives: who wants to know what ran should not need a disk with room.

        Args:
            look: asked for (status, reason) of each run that has not ended, by id; None to believe the records.

        Raises:
            RecordException: the index can't be used.
        """
        try:
            self._refresh(look)
        except UnwritableIndex as error:
            if self._place.in_memory:
                raise
            if self._notice is not None:
                self._notice(f"{error}; this answer comes from the records, without it")
            self._lie_in(place.in_memory(self._workspace))
            self._refresh(look)

    def _refresh(self, look: Look | None) -> None:
        if not self._refresher.take_in_changes(self._database):
            self.reindex()
        if look is not None:
            self._refresher.look_at_live(self._database, look)

    def reindex(self) -> Rebuilt:
        """Rebuild the index from the run directories.

        Raises:
            RecordException: the index can't be used.
        """
        self._unreadable = []
        self._database.rebuild()
        with self._database.reading() as connection:
            return Rebuilt(queries.count(connection, self._place.workspace_id), sorted(self._unreadable))

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

    def children(self, run_ids: Sequence[str]) -> list[str]:
        """Return the ids of the runs that name one of these as their parent.

        Raises:
            RecordException: the index can't be used.
        """
        with self._database.reading() as connection:
            return queries.children(connection, self._place.workspace_id, run_ids)

    def last_metrics(self, run_id: str) -> list[LastMetric]:
        """Return each metric of a run with its last value, count, lowest and highest; by name."""
        with self._database.reading() as connection:
            return queries.last_metrics(connection, self._place.workspace_id, run_id)

    def metric_series(self, run_id: str, name: str) -> list[Series]:
        """Return the points of a metric: one series, or one a column for rows and tables; empty when there is none."""
        with self._database.reading() as connection:
            return queries.metric_series(connection, self._place.workspace_id, run_id, name)

    def _fill(self, connection: Connection) -> None:
        count = sum(1 for _ in self._refresher.names())
        if self._notice is not None and count >= _WORTH_SAYING:
            self._notice(f"building the index of {count:,} runs")
        self._unreadable = self._refresher.fill(connection)
