"""The index in a database server, which several workspaces may share: PostgreSQL for a team.

Every run belongs to a workspace, so that a workspace's part can be rebuilt by itself, in one transaction. Writers take
turns by an advisory lock that the server frees when a client dies.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import exc

from turnout.exceptions import RecordException
from turnout.history import schema
from turnout.history.database import is_current, mark_current, readable_errors
from turnout.history.ingest import forget_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from turnout.history.database import Fill

_LOCK = 0x7475726E6F7574  # "turnout"
_FILLED = "filled"


class ServerDatabase:
    """This workspace's part of an index in a database server.

    Args:
        url: SQLAlchemy's URL of it.
        workspace_id: whose part.
        fill: writes everything that this workspace has.

    Raises:
        RecordException: the URL can't be used.
    """

    def __init__(self, url: str, workspace_id: str, fill: Fill) -> None:
        self._engine = _engine(url)
        self._name = self._engine.url.render_as_string(hide_password=True)
        self._workspace_id = workspace_id
        self._fill = fill
        self._made = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction to read; see `Database`."""
        with readable_errors(self._name):
            self._make_once()
            with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction to write; see `Database`."""
        with readable_errors(self._name):
            self._make_once()
            with self._engine.begin() as connection:
                _lock(connection)
                yield connection

    def rebuild(self) -> None:
        """Write this workspace's part anew in one transaction; see `Database`."""
        with readable_errors(self._name), self._engine.begin() as connection:
            _lock(connection)
            self._refill(connection)
            self._made = True

    def _make_once(self) -> None:
        if self._made:
            return
        with self._engine.begin() as connection:
            if not self._is_filled(connection):
                _lock(connection)
                if not self._is_filled(connection):  # nobody did while this one waited
                    self._refill(connection)
        self._made = True

    def _is_filled(self, connection: Connection) -> bool:
        if not sqlalchemy.inspect(connection).has_table(schema.meta.name) or not is_current(connection):
            return False
        meta = schema.meta
        query = sqlalchemy.select(meta.c.value).where(meta.c.workspace == self._workspace_id, meta.c.key == _FILLED)
        return connection.execute(query).first() is not None

    def _refill(self, connection: Connection) -> None:
        if sqlalchemy.inspect(connection).has_table(schema.meta.name):
            try:
                current = is_current(connection)
            except RecordException:
                current = False  # a newer one, and the person asked for a rebuild
            if current:
                forget_workspace(connection, self._workspace_id)
            else:  # with all its workspaces: each fills its own part at its next look
                schema.metadata.drop_all(connection)
        schema.metadata.create_all(connection)
        self._fill(connection)
        mark_current(connection)
        connection.execute(
            sqlalchemy.insert(schema.meta).values(workspace=self._workspace_id, key=_FILLED, value="yes")
        )


def _lock(connection: Connection) -> None:
    """Wait for the turn to write, which ends with the transaction; servers but PostgreSQL use their own locks."""
    if connection.dialect.name == "postgresql":
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK)))


def _engine(url: str) -> Engine:
    try:
        return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    except (exc.ArgumentError, exc.NoSuchModuleError):
        raise RecordException(
            "TURNOUT_INDEX is no URL of a database that SQLAlchemy knows; write it like postgresql+psycopg://user@host/name"
        ) from None
    except ModuleNotFoundError as error:
        raise RecordException(
            f"TURNOUT_INDEX needs the Python package {error.name}, which isn't installed: install it beside turnout"
        ) from None
