import sqlite3
from pathlib import Path

import pytest

from turnout.runtime.layout import WorkspaceLayout
from turnout.testing.records import make_workspace

_OF_RUNS = "SELECT r.id, x.* FROM {} x JOIN runs r ON r.seq = x.run"
_QUERIES = {
    "runs": "SELECT * FROM runs",
    "tags": _OF_RUNS.format("tags"),
    "properties": _OF_RUNS.format("properties"),
    "settings": _OF_RUNS.format("settings"),
    "writers": _OF_RUNS.format("writers"),
    "series": _OF_RUNS.format("series"),
    "points": """
        SELECT r.id, s.name, s.part, w.name AS writer_name, p.*
        FROM points p JOIN series s ON s.seq = p.series JOIN runs r ON r.seq = s.run
        JOIN writers w ON w.run = r.seq AND w.number = p.writer
    """,
}


@pytest.fixture(autouse=True)
def _no_index_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TURNOUT_INDEX", raising=False)


@pytest.fixture
def workspace(tmp_path: Path) -> WorkspaceLayout:
    return make_workspace(str(tmp_path / "home"))


@pytest.fixture(scope="session")
def dump():
    """Return what an index holds, without the numbers that it gives to rows itself."""

    def read(workspace: WorkspaceLayout) -> dict[str, list[dict]]:
        connection = sqlite3.connect(workspace.index)
        connection.row_factory = sqlite3.Row
        found = {}
        for table, query in _QUERIES.items():
            internal = {"seq", "run", "series"} | ({"number"} if table == "writers" else set())
            internal |= {"writer"} if table == "points" else set()
            rows = [
                {key: row[key] for key in row.keys() if key not in internal}  # noqa: SIM118 (rows iterate over values)
                for row in connection.execute(query)
            ]
            found[table] = sorted(rows, key=repr)
        connection.close()
        return found

    return read
