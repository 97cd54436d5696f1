"""The index in this process's memory, for where no file can be written: a full disk, a read-only home.

It is made from the record when it is first used, which takes as long as `turnout reindex`, and is gone with the process.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy

from turnout.history import schema
from turnout.history.database import mark_current, readable_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from turnout.history.database import Fill


class MemoryDatabase:
    """An index that nobody else sees.

    Args:
        fill: writes everything into an empty database.
    """

    def __init__(self, fill: Fill) -> None:
        self._engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
        self._fill = fill
        self._made = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction; see `Database`."""
        if not self._made:
            self.rebuild()
        with readable_errors("in memory"), self._engine.begin() as connection:
            yield connection

    writing = reading

    def rebuild(self) -> None:
        """Make it anew; see `Database`."""
        with readable_errors("in memory"), self._engine.begin() as connection:
            schema.metadata.drop_all(connection)
            schema.metadata.create_all(connection)
            self._fill(connection)
            mark_current(connection)
        self._made = True
