"""The index's database: found, made whole, guarded, opened and closed.

A session holds the lock file shared for as long as it has the SQLite file open; making the file, or putting a rebuilt
one in its place, needs the lock alone. So no process ever has a file open that another has replaced, and of many
processes that meet a workspace without an index one makes it while the others wait. Within a session SQLite's own locks
serialise the writers (WAL: readers never wait).

A database server does the same with one transaction, under an advisory lock.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import exc

from turnout.exceptions import RecordException
from turnout.history import schema
from turnout.runtime import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

    from turnout.history.place import Place

BUSY_SECONDS = 60
"""How long a writer waits for another before it gives up."""

_ADVISORY_KEY = 0x7475726E6F7574  # "turnout": one writer at a time in a database server
_PATIENCE = 1.0  # seconds of waiting for the lock before a person is told
_SCHEMA_KEY = "schema"
_BROKEN = ("malformed", "not a database", "no such table", "no such column", "disk image")

Notice = "Callable[[str], None]"


class _Unusable(Exception):
    """The index isn't there, is of an older schema, or is damaged: it has to be made anew."""


class Database:
    """The database of one place.

    Args:
        place: where it lies.
        fill: writes everything into an empty database; it is given the connection.
        notice: told in a sentence why a session has to wait; None to say nothing.
    """

    def __init__(
        self, place: Place, fill: Callable[[Connection], None], notice: Callable[[str], None] | None = None
    ) -> None:
        self.place = place
        self._fill = fill
        self._notice = notice

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open the index to read; it is made first if need be.

        Raises:
            RecordException: it can't be used.
        """
        with self._session() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open the index in a transaction that no other writer shares; committed on a normal end.

        Raises:
            RecordException: it can't be used, or another writer doesn't come to an end.
        """
        with self._session(write=True) as connection:
            yield connection

    def rebuild(self) -> None:
        """Make the database anew, whatever state it is in. A SQLite file is built beside the old one and renamed."""
        if self.place.path is None:
            engine = self._server_engine()
            with self._translated(), engine.begin() as connection:
                _lock_server(connection)
                self._refill(connection)
            return
        with self._translated(), self._locked(fcntl.LOCK_EX):
            self._make_file(self.place.path)

    @contextmanager
    def _session(self, write: bool = False) -> Iterator[Connection]:
        if self.place.path is None:
            self._make_tables()
        with self._translated():
            for attempt in (1, 2):
                try:
                    with self._opened(write) as connection:
                        yield connection
                    return
                except _Unusable:
                    if attempt == 2:
                        raise RecordException(f"the index {self.place.path} is damaged: remove that file") from None
                self._make_if_needed()

    @contextmanager
    def _opened(self, write: bool) -> Iterator[Connection]:
        """Open a connection that has been proven usable; raises _Unusable before anything is handed out."""
        if self.place.path is None:
            with self._server_engine().begin() as connection:
                if write:
                    _lock_server(connection)
                yield connection
            return
        with self._locked(fcntl.LOCK_SH):
            engine = _file_engine(self.place.path, write)
            with engine.connect() as connection:
                self._check(connection)
                with connection.begin():
                    yield connection

    def _check(self, connection: Connection) -> None:
        try:
            version = _version(connection)
            connection.rollback()
        except exc.DatabaseError as error:
            if _is_broken(error):
                raise _Unusable from None
            raise
        if version is not None and version > schema.VERSION:
            raise RecordException(
                f"the index of this workspace was written by a newer Turnout (schema {version}, this one knows "
                f"{schema.VERSION}): update Turnout, or run `turnout reindex` to rebuild it for this version"
            )
        if version != schema.VERSION:
            raise _Unusable

    def _make_if_needed(self) -> None:
        path = self.place.path
        assert path is not None
        with self._locked(fcntl.LOCK_EX):
            try:
                if os.path.exists(path):
                    with _file_engine(path, write=False).connect() as connection:
                        self._check(connection)
                    return  # another process made it while this one waited
            except _Unusable:
                pass
            self._make_file(path)

    def _make_file(self, path: str) -> None:
        """Build the file under another name, then put it in place; the lock is held alone."""
        temporary = f"{path}.tmp"  # one name: what a killed builder left is overwritten
        _remove_file(temporary)
        engine = _file_engine(temporary, write=True, building=True)
        try:
            with engine.connect() as connection:
                with connection.begin():
                    schema.metadata.create_all(connection)
                    self._fill(connection)
                    _set_version(connection)
                connection.exec_driver_sql("ANALYZE")
                connection.commit()
            _sync(temporary)
            _remove_file(path, keep_main=True)  # an old journal must not be taken for the new file's
            os.rename(temporary, path)
        except BaseException:
            _remove_file(temporary)
            raise

    def _make_tables(self) -> None:
        with self._translated(), self._server_engine().begin() as connection:
            if sqlalchemy.inspect(connection).has_table(schema.meta.name):
                version = _version(connection)
                if version == schema.VERSION and self._is_filled(connection):
                    return
                if version is not None and version > schema.VERSION:
                    self._check(connection)
            _lock_server(connection)
            self._refill(connection)

    def _is_filled(self, connection: Connection) -> bool:
        found = connection.execute(
            sqlalchemy.select(schema.meta.c.value).where(schema.meta.c.workspace == self.place.workspace_id)
        ).first()
        return found is not None

    def _refill(self, connection: Connection) -> None:
        """Make this workspace's part of a server's database anew; an older schema goes with all its workspaces."""
        if sqlalchemy.inspect(connection).has_table(schema.meta.name):
            if _version(connection) != schema.VERSION:
                schema.metadata.drop_all(connection)
            else:
                _forget(connection, self.place.workspace_id)
        schema.metadata.create_all(connection)
        self._fill(connection)
        _set_version(connection)

    def _server_engine(self) -> Engine:
        assert self.place.url is not None
        try:
            return sqlalchemy.create_engine(self.place.url, poolclass=sqlalchemy.NullPool)
        except (exc.ArgumentError, exc.NoSuchModuleError):
            raise RecordException("TURNOUT_INDEX is no database URL that SQLAlchemy knows") from None
        except ModuleNotFoundError as error:
            raise RecordException(
                f"TURNOUT_INDEX needs the package {error.name}, which isn't installed: pip install {error.name}"
            ) from None

    @contextmanager
    def _locked(self, operation: int) -> Iterator[None]:
        assert self.place.lock is not None
        descriptor = os.open(self.place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        try:
            self._wait_for(descriptor, operation)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int, operation: int) -> None:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        timer = threading.Timer(_PATIENCE, self._say, ["waiting for another process that rebuilds the index"])
        timer.daemon = True
        timer.start()
        try:
            fcntl.flock(descriptor, operation)
        finally:
            timer.cancel()

    def _say(self, sentence: str) -> None:
        if self._notice is not None:
            self._notice(sentence)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the driver's errors into a line that a person can act on."""
        where = self.place.path or "that TURNOUT_INDEX names"
        try:
            yield
        except exc.DBAPIError as error:
            text = str(error.orig).strip().split("\n")[0]
            if "locked" in text:
                way_out = f"another process has been writing it for over {BUSY_SECONDS} s: try again"
            elif "full" in text:
                way_out = "make room on that disk"
            else:
                way_out = f"{text}; if it is damaged, `turnout reindex` rebuilds it"
            raise RecordException(f"the index {where} can't be used: {way_out}", error) from error


def _file_engine(path: str, write: bool, building: bool = False) -> Engine:
    def connect() -> sqlite3.Connection:
        # Opened with mode=rw: a missing file is an error here, never an empty database.
        connection = sqlite3.connect(
            f"file:{_quoted(path)}?mode={'rwc' if building else 'rw'}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        if building:  # nobody sees the file yet, so nothing needs to survive a crash
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
        else:
            connection.execute("PRAGMA synchronous=NORMAL")  # in WAL: safe but for the last commits in a power cut
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=sqlalchemy.NullPool)
    begin = "BEGIN IMMEDIATE" if write else "BEGIN"
    sqlalchemy.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
