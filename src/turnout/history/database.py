"""The index's database: what opening one means, whichever kind it is, and how its errors read.

Two kinds: a SQLite file (`database_file`) and a database server (`database_server`). Both open only an index of this
version's schema, and make one first where there is none or an older one, which a cache's filler does from the record.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import sqlalchemy
from sqlalchemy import exc

from turnout.exceptions import RecordException
from turnout.history import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from turnout.history.place import Place

    Fill = Callable[[Connection], None]
    Notice = Callable[[str], None]

BUSY_SECONDS = 60
"""How long a writer waits for another before it gives up."""

_SCHEMA = "schema"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNWRITABLE = (*_FULL, errno.EROFS, errno.EACCES, errno.EPERM)
_UNWRITTEN = ("is full", "readonly database", "disk i/o error")
"""What SQLite says of a disk that is full or read-only; of one that fills up while it is at work, the last."""


class UnwritableIndex(RecordException):
    """The index can't be written where it lies; elsewhere it could."""


class Database(Protocol):
    """A database that holds an index."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Open it to read, in a transaction that sees one state; it is made first if need be."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Open it in a transaction that no other writer shares, committed on a normal end."""
        ...

    def rebuild(self) -> None:
        """Make it anew, whatever state it is in; readers see the old content or all of the new."""
        ...


def open_database(place: Place, fill: Fill, notice: Notice | None = None) -> Database:
    """Return the database of a place.

    Args:
        place: where it lies.
        fill: writes everything that this workspace has into a database that holds nothing of it.
        notice: told in a sentence why something takes long.
    """
    if place.in_memory:
        from turnout.history.database_memory import MemoryDatabase

        return MemoryDatabase(fill)
    if place.path is not None:
        from turnout.history.database_file import FileDatabase

        return FileDatabase(place.path, fill, notice)
    from turnout.history.database_server import ServerDatabase

    return ServerDatabase(place.url or "", place.workspace_id, fill)


def is_current(connection: Connection) -> bool:
    """Say whether the database has this version's schema.

    Raises:
        RecordException: a newer Turnout wrote it.
    """
    query = sqlalchemy.select(schema.meta.c.value).where(schema.meta.c.workspace == "", schema.meta.c.key == _SCHEMA)
    value = connection.execute(query).scalar()
    version = int(value) if value is not None else 0
    if version > schema.VERSION:
        raise RecordException(
            f"the index of this workspace was written by a newer Turnout (its schema is {version}, this version knows "
            f"{schema.VERSION}): update Turnout, or run `turnout reindex` to rebuild it for this version"
        )
    return version == schema.VERSION


def mark_current(connection: Connection) -> None:
    """Write down the version of the schema."""
    meta = schema.meta
    connection.execute(sqlalchemy.delete(meta).where(meta.c.workspace == "", meta.c.key == _SCHEMA))
    connection.execute(sqlalchemy.insert(meta).values(workspace="", key=_SCHEMA, value=str(schema.VERSION)))


@contextmanager
def readable_errors(where: str) -> Iterator[None]:
    """Turn the driver's errors into a line that names the index and the way out.

    Args:
        where: the file, or how to speak of the server, without its password.

    Raises:
        UnwritableIndex: the disk is full or read-only, or permissions are missing.
    """
    try:
        yield
    except exc.DBAPIError as error:
        said = " ".join(str(error.orig).split())
        if "locked" in said:
            way_out = f"another process has been writing it for over {BUSY_SECONDS} s; try again"
        elif any(words in said.lower() for words in _UNWRITTEN):
            message = f"the index {where} can't be written: {said}; make room on the disk, or mend its permissions"
            raise UnwritableIndex(message, error) from error
        else:
            way_out = f"{said}; if it is damaged, `turnout reindex` rebuilds it"
        raise RecordException(f"the index {where} can't be used: {way_out}", error) from error


@contextmanager
def written_file(path: str) -> Iterator[None]:
    """Turn what the system says of a file that belongs to the index into such a line.

    Args:
        path: the index.

    Raises:
        UnwritableIndex: the disk is full or read-only, or permissions are missing.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        way_out = "make room on the disk" if error.errno in _FULL else "mend its permissions"
        said = (error.strerror or str(error)).lower()
        raise UnwritableIndex(f"the index {path} can't be written: {said}; {way_out}", error) from error
