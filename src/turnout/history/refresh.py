"""Keeps the index up to date.

What is new is found by three cheap signs: the markers in `changes/`, the runs that had not ended at the last look, and
the time of the `runs` directory, which changes whenever a run appears or goes, with or without a marker. A refresh can be
killed at any moment: what it did not commit, the next one does.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from turnout.history import markers, reading, schema
from turnout.history.ingest import BATCH, PORTION, Ingest
from turnout.history.queries import count
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from turnout.history.database import Database
    from turnout.history.markers import Marker
    from turnout.history.place import Place
    from turnout.history.reading import Look
    from turnout.runtime.layout import WorkspaceLayout

_SEEN = "runs directory"  # its modification time when its names were last compared
_REFRESHED = "refreshed"
_DAY = 86400.0
_FEW = 500


class Refresher:
    """Takes a workspace's runs into its index.

    Args:
        workspace: whose runs.
        place: where the index lies.
    """

    def __init__(self, workspace: WorkspaceLayout, place: Place) -> None:
        self._workspace = workspace
        self._place = place

    def fill(self, connection: Connection) -> list[str]:
        """Take every run into an empty index; return the ids of those whose definition can't be read."""
        stamp = self._runs_stamp()
        names = sorted(self.names())
        ingest = Ingest(connection, self._workspace, self._place.workspace_id)
        for start in range(0, len(names), BATCH):
            ingest.take_in(names[start : start + BATCH])
        self._remember(connection, stamp)
        return ingest.unreadable

    def names(self) -> Iterator[str]:
        """Yield the names in the runs directory that may be runs."""
        try:
            found = os.listdir(self._workspace.runs)
        except FileNotFoundError:
            found = []
        return (name for name in found if not name.startswith("."))

    def take_in_changes(self, database: Database) -> bool:
        """Take in what the record has that the index has not.

        Returns:
            False when the index was away for so long that markers may have come and gone: only a rebuild helps.
        """
        with database.reading() as connection:
            if self._is_overdue(connection):
                return False
            if not self._has_news(connection):
                return True
        stamp = self._runs_stamp()
        with database.writing() as connection:
            found = self._new_markers(connection)
            if not self._place.private:
                found = markers.take(self._workspace.changes, found)
            expired = self._forget_expired(connection)
            wanted = self._wanted(connection, found, stamp)
            left = self._take_in(connection, wanted, found)
            if not left:
                self._remember(connection, stamp)
        self._let_go(found, wanted, left)
        ends = {run_id: reading.event_sizes(RunRecord(self._workspace.run(run_id).root)) for run_id in left}
        while left:  # in portions: others get their turn to write in between
            wanted = left
            with database.writing() as connection:
                left = self._take_in(connection, wanted, found, ends)
                if not left:
                    self._remember(connection, stamp)
            self._let_go(found, wanted, left)
        markers.remove(self._workspace.changes, expired)
        return True

    def look_at_live(self, database: Database, look: Look) -> None:
        """Ask `look` about each run that has not ended, and take in what it says.

        It may take its time, even bring a run to its end, so nobody waits for the database meanwhile.
        """
        with database.reading() as connection:
            live = self._live(connection)
        answers = {run_id: look(run_id) for run_id in live}
        different = [run_id for run_id, known in live.items() if answers[run_id] != known]
        for start in range(0, len(different), BATCH):
            with database.writing() as connection:
                ingest = Ingest(connection, self._workspace, self._place.workspace_id, answers)
                ingest.take_in(different[start : start + BATCH])

    def _has_news(self, connection: Connection) -> bool:
        if self._new_markers(connection) or self._is_changed(connection, self._runs_stamp()):
            return True
        if self._place.private and self._age(connection) > _DAY:
            return True
        return bool(self._live(connection))

    def _wanted(self, connection: Connection, found: Iterable[Marker], stamp: int) -> list[str]:
        """Return the ids of the runs to look at, each once."""
        wanted = dict.fromkeys(marker.run_id for marker in found)
        wanted.update(dict.fromkeys(self._live(connection)))
        if self._is_changed(connection, stamp):
            names = set(self.names())
            # While the directory still changes, counting tells what its markers don't; once it rests it is compared.
            if stamp != 0 or not self._is_explained(connection, names, wanted):
                wanted.update(dict.fromkeys(sorted(names ^ self._indexed(connection))))
        return list(wanted)

    def _is_explained(self, connection: Connection, names: set[str], marked: Iterable[str]) -> bool:
        """Say whether there are as many runs as the index has, but for those that will be looked at anyway."""
        some = list(marked)[:_FEW]
        columns = schema.runs.c
        ours = columns.workspace == self._place.workspace_id
        known = set(connection.execute(select(columns.id).where(ours, columns.id.in_(some))).scalars())
        coming = sum(run_id in names for run_id in some if run_id not in known)
        going = sum(run_id not in names for run_id in known)
        return len(names) == count(connection, self._place.workspace_id) + coming - going

    def _take_in(
        self,
        connection: Connection,
        run_ids: list[str],
        found: Iterable[Marker],
        ends: dict[str, dict[str, int]] | None = None,
    ) -> list[str]:
        """Take in as many of these runs as belong into one transaction; return those that are left."""
        if not run_ids:
            return []
        part, rest = run_ids[:BATCH], run_ids[BATCH:]
        ingest = Ingest(connection, self._workspace, self._place.workspace_id, ends=ends)
        left = ingest.take_in(part, PORTION)
        if self._place.private:
            self._remember_markers(connection, found, set(part) - set(left))
        return [*left, *rest]

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
        settled = [
            marker for marker in found if marker.run_id in run_ids and markers.is_older(marker, markers.UNSETTLED)
        ]
        self._forget_markers(connection, settled)
        if settled:
            rows = [
                {"workspace": self._place.workspace_id, "name": marker.name, "stamp": str(marker.stamp)}
                for marker in settled
            ]
            connection.execute(insert(schema.markers), rows)

    def _forget_expired(self, connection: Connection) -> list[Marker]:
        """Return the markers that every index that is still in use has seen."""
        if not self._place.private:
            return []
        pending = markers.pending(self._workspace.changes)
        expired = [marker for marker in pending if markers.is_older(marker, markers.SHARED_FOR)]
        self._forget_markers(connection, expired)
        return expired

    def _forget_markers(self, connection: Connection, gone: Iterable[Marker]) -> None:
        columns = schema.markers.c
        for marker in gone:
            ours = columns.workspace == self._place.workspace_id
            connection.execute(delete(schema.markers).where(ours, columns.name == marker.name))

    def _let_go(self, found: Iterable[Marker], run_ids: Sequence[str], left: Sequence[str]) -> None:
        """Remove the markers of runs that are committed, unless other indexes need them or they announce a run to come."""
        if self._place.private:
            return
        done = set(run_ids) - set(left)
        away = [marker for marker in found if marker.run_id in done and not self._waits(marker)]
        markers.remove(self._workspace.changes, away)

    def _waits(self, marker: Marker) -> bool:
        there = os.path.exists(self._workspace.run(marker.run_id).definition)
        return not there and not markers.is_older(marker, markers.ABSENT_FOR)

    def _runs_stamp(self) -> int:
        """Return the modification time of the runs directory, or 0 while it is too fresh to tell two changes apart."""
        try:
            stamp = os.stat(self._workspace.runs).st_mtime_ns
        except FileNotFoundError:
            return -1
        return stamp if time.time_ns() - stamp > markers.UNSETTLED * 1e9 else 0

    def _is_changed(self, connection: Connection, stamp: int) -> bool:
        return stamp == 0 or self._read(connection, _SEEN) != str(stamp)

    def _indexed(self, connection: Connection) -> set[str]:
        columns = schema.runs.c
        query = select(columns.id).where(columns.workspace == self._place.workspace_id)
        return set(connection.execute(query).scalars())

    def _live(self, connection: Connection) -> dict[str, tuple[str, str]]:
        """Return status and reason of the runs that have not ended, by id."""
        columns = schema.runs.c
        query = select(columns.id, columns.status, columns.reason).where(
            columns.workspace == self._place.workspace_id, columns.final.is_(False)
        )
        return {row.id: (row.status, row.reason) for row in connection.execute(query)}

    def _is_overdue(self, connection: Connection) -> bool:
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
