"""The index's tables.

`VERSION` is raised with every change. An index of an older version is rebuilt from the run directories, which is the
whole migration of a cache; one of a newer version is refused.

A value that a point or a label holds is kept so that reading it back gives exactly what was reported: `value` is the
number a chart draws, and `text` its JSON wherever that number alone would not tell (integers, booleans, strings, NaN).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import UserDefinedType

VERSION = 1

metadata = MetaData()


class _Number(UserDefinedType[float]):
    """A number that SQLite stores whole where it is whole, in fewer bytes, and hands back as an int."""

    cache_ok = True

    def get_col_spec(self, **options: object) -> str:
        """Return the type's name."""
        return "NUMERIC"


_Long = BigInteger().with_variant(Integer, "sqlite")  # SQLite's integers are long already

meta = Table(
    "meta",
    metadata,
    Column("workspace", String, primary_key=True),  # an id; empty for what concerns the whole index
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("seq", _Long, primary_key=True, autoincrement=False),
    Column("workspace", String, nullable=False),
    Column("id", String, nullable=False),
    Column("number", Integer),
    Column("experiment", String, nullable=False),
    Column("type", String),
    Column("parent", String),
    Column("root", String),
    Column("status", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("target", String),
    Column("display_name", Text),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("snapshot", String),
    Column("child", Boolean, nullable=False),  # has a parent: left out of most lists
    Column("final", Boolean, nullable=False),  # its journal has ended: read again only when a marker says so
    UniqueConstraint("workspace", "id"),
    Index("runs_newest", "workspace", "child", "created", "id"),
    Index("runs_all_newest", "workspace", "created", "id"),
    Index("runs_by_experiment", "workspace", "experiment", "child", "created", "id"),
    Index("runs_by_status", "workspace", "status", "child", "created", "id"),
    Index("runs_live", "workspace", "final"),
    Index("runs_by_parent", "workspace", "parent"),
)


def _labels(name: str) -> Table:
    """Return a table of keyed texts of runs, each with the stamp of the event that set it (time, writer, position)."""
    return Table(
        name,
        metadata,
        Column("run", _Long, primary_key=True, autoincrement=False),
        Column("key", String, primary_key=True),
        Column("value", Text),
        Column("removed", Boolean, nullable=False),  # kept, so that an older event read later stays without effect
        Column("t", Double, nullable=False),
        Column("writer", String, nullable=False),
        Column("position", _Long, nullable=False),
        Index(f"{name}_by_value", "key", "value", "run"),
        sqlite_with_rowid=False,
    )


tags = _labels("tags")
properties = _labels("properties")
settings = _labels("settings")

writers = Table(  # how far each events file has been read
    "writers",
    metadata,
    Column("run", _Long, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("offset", _Long, nullable=False),
    Column("latest", Double, nullable=False),
    Column("spoken", Double, nullable=False),
    Column("position", _Long, nullable=False),
    Column("skipped", Integer, nullable=False),
    sqlite_with_rowid=False,
)

series = Table(  # one metric of a run, or one column of a metric that has columns, and its last value
    "series",
    metadata,
    Column("seq", _Long, primary_key=True, autoincrement=False),
    Column("run", _Long, nullable=False),
    Column("name", Text, nullable=False),
    Column("part", Text, nullable=False),  # the column's name, else empty
    Column("kind", String, nullable=False),
    Column("count", _Long, nullable=False),
    Column("stepped", _Long, nullable=False),  # how many points have a step
    Column("worded", _Long, nullable=False),  # how many points have a text
    Column("low", Double),
    Column("high", Double),
    Column("t", Double, nullable=False),
    Column("writer", String, nullable=False),
    Column("position", _Long, nullable=False),
    Column("value", Double),
    Column("text", Text),
    UniqueConstraint("run", "name", "part"),
)

points = Table(
    "points",
    metadata,
    Column("series", _Long, primary_key=True, autoincrement=False),
    Column("t", Double, primary_key=True, autoincrement=False),
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("position", _Long, primary_key=True, autoincrement=False),
    Column("step", Double().with_variant(_Number(), "sqlite")),
    Column("value", Double),
    Column("text", Text),
    sqlite_with_rowid=False,
)

markers = Table(  # what was seen of `changes/`, where several indexes read the same markers
    "markers",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("stamp", String, nullable=False),
)
