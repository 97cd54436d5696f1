"""The index as a SQLite file.

A session holds `index.lock` shared for as long as it has the file open; making the file, or putting a rebuilt one in
its place, needs the lock alone. So no process has a file open that another has replaced, and of many that meet a
workspace without an index one makes it while the others wait. Between sessions SQLite's own locks serialise the
writers, and in its WAL mode readers never wait for them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import exc

from turnout.exceptions import RecordException
from turnout.history import schema
from turnout.history.database import (
    BUSY_SECONDS,
    UnwritableIndex,
    is_current,
    mark_current,
    readable_errors,
    written_file,
)
from turnout.runtime import filelocks, layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from turnout.history.database import Fill, Notice

_ATTEMPTS = 5  # to open a file that others may replace or remove at the same time
_PATIENCE = 1.0  # seconds of waiting for the lock before a person is told
_UNUSABLE = ("unable to open", "not a database", "malformed", "no such table", "no such column")
_JOURNALS = ("-wal", "-shm", "-journal")


class FileDatabase:
    """An index in one SQLite file.

    Args:
        path: the file; its directory exists.
        fill: writes everything into an empty database.
        notice: told in a sentence why a session waits.
    """

    def __init__(self, path: str, fill: Fill, notice: Notice | None = None) -> None:
        self._path = path
        self._fill = fill
        self._notice = notice

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open the file to read; see `Database`."""
        with self._session("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open the file to write; see `Database`."""
        with self._session("BEGIN IMMEDIATE") as connection:
            yield connection

    def rebuild(self) -> None:
        """Build a file beside the old one and rename it; see `Database`."""
        with readable_errors(self._path), self._alone():
            self._make()

    @contextmanager
    def _session(self, begin: str) -> Iterator[Connection]:
        with readable_errors(self._path):
            lock, connection = self._open(begin)
            try:
                yield connection
                connection.commit()
            finally:
                connection.close()  # rolls back what isn't committed
                os.close(lock)

    def _open(self, begin: str) -> tuple[int, Connection]:
        """Return the held lock and a connection, in a transaction, that has been proven usable."""
        for _ in range(_ATTEMPTS):
            lock = self._lock(shared=True)
            try:
                connection = self._usable(begin)
                if connection is not None:
                    return lock, connection
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
            with self._alone():
                again = self._usable(begin)
                if again is None:
                    self._make()
                else:
                    again.close()  # another process made it while this one waited
        raise RecordException(f"the index {self._path} is unusable again right after it was made; remove it")

    def _usable(self, begin: str) -> Connection | None:
        """Return a connection, or None when the file is missing, damaged, or of an older schema."""
        connection = None
        try:
            connection = _connect(self._path, begin)
            if is_current(connection):
                return connection
        except exc.DatabaseError as error:
            if self._is_refused():
                raise UnwritableIndex(f"the index {self._path} can't be used: mend its permissions", error) from error
            if not any(words in str(error.orig) for words in _UNUSABLE):
                raise
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        if connection is not None:
            connection.close()
        return None

    def _is_refused(self) -> bool:
        """Say whether the file is there but permissions keep it closed, which no rebuilding mends."""
        return os.path.exists(self._path) and not os.access(self._path, os.R_OK | os.W_OK)

    def _make(self) -> None:
        """Build the file under another name, then put it in place; the lock is held alone."""
        temporary = self._path + ".tmp"  # always this name: what a killed builder left is overwritten
        with written_file(self._path):
            _remove(temporary)
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, layout.FILE_MODE))
        try:
            self._build(temporary)
            with written_file(self._path):
                descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
                os.fsync(descriptor)
                os.close(descriptor)
                for suffix in _JOURNALS:  # an old journal must not be taken for the new file's
                    _remove(self._path + suffix)
                os.rename(temporary, self._path)
        except BaseException:
            _remove(temporary)
            raise

    def _build(self, path: str) -> None:
        # Nobody sees the file yet, so nothing in it needs to survive a crash until it is whole.
        connection = _connect(path, "BEGIN", "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF")
        try:
            schema.metadata.create_all(connection)
            self._fill(connection)
            mark_current(connection)
            connection.commit()
        finally:
            connection.close()
        plain = sqlite3.connect(path)
        try:
            plain.execute("PRAGMA journal_mode=WAL")  # stays with the file
        except sqlite3.Error as error:
            raise UnwritableIndex(f"the index {self._path} can't be written: {error}; make room on the disk") from error
        finally:
            plain.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self._lock(shared=False)
        try:
            yield
        finally:
            os.close(lock)

    def _lock(self, shared: bool) -> int:
        path = os.path.join(os.path.dirname(self._path), "index.lock")
        with written_file(self._path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        try:
            self._flock(descriptor, path, shared)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _flock(self, descriptor: int, path: str, shared: bool) -> None:
        try:
            filelocks.lock(descriptor, path, shared, wait=False)
            return
        except BlockingIOError:
            pass
        except filelocks.NoFileLocks as error:
            raise UnwritableIndex(f"the index {self._path} can't be used: {error.strerror}", error) from error
        timer = threading.Timer(_PATIENCE, self._say_waiting)
        timer.daemon = True
        timer.start()
        try:
            filelocks.lock(descriptor, path, shared)
        finally:
            timer.cancel()

    def _say_waiting(self) -> None:
        if self._notice is not None:
            self._notice("waiting for another process, which is rebuilding the index")


def _connect(path: str, begin: str, *pragmas: str) -> Connection:
    """Return a connection whose transactions start with `begin`; a missing file is an error, not an empty database."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(path))}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        # In WAL mode NORMAL loses at most the last commits in a power cut, which the next refresh repeats.
        try:
            for pragma in pragmas or ("PRAGMA synchronous=NORMAL",):
                connection.execute(pragma)
        except BaseException:  # not even a pragma can be asked of some damaged files
            connection.close()
            raise
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=sqlalchemy.NullPool)
    sqlalchemy.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine.connect()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
