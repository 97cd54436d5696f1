import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from turnout.history import replica
from turnout.runtime import runlock, states
from turnout.runtime.layout import WorkspaceLayout
from turnout.runtime.records import read_json, write_json
from turnout.targets import reach
from turnout.targets.reach.ssh.reach import close_all
from turnout.testing import pipereach
from turnout.testing.records import make_run, make_workspace, write_state

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


class Away:
    """A run on another machine: its record there, as a supervisor would write it, and the copy here.

    Attributes:
        here: the copy's layout.
        there: the record's layout on its target.
        target: the target as data.
    """

    def __init__(self, workspace: WorkspaceLayout, account: Path, number: int = 1, name: str = "box") -> None:
        self.cut = account / "cut"
        self.target = pipereach.target(name, str(account), cut=str(self.cut))
        run_id = f"away_{number}"
        self.here = make_run(workspace, run_id, state=states.NOT_STARTED, target=self.target)
        workspace_there = make_workspace(self.target["home"], read_json(self.here.definition)["workspace"]["id"])
        self.there = make_run(workspace_there, run_id, state=states.RUNNING, log=b"first\n", target=self.target)
        shutil.copyfile(self.here.journal, self.there.journal)
        write_state(self.there, states.RUNNING)
        assert runlock.acquire(self.there.lock)  # this process supervises it
        replica.mark_handed_over(self.here)
        self.copy = replica.Replica(self.here, workspace.home)

    def leave(self, **contents: bytes) -> None:
        """Leave files in outputs/."""
        outputs = Path(self.there.code, "outputs")
        outputs.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (outputs / name).write_bytes(content)

    def end(self, state: str = states.COMPLETED) -> None:
        """End the run, as its supervisor does: the journal last."""
        write_json(self.there.result, {"state": state, "reason": "", "exit_code": 0})
        write_state(self.there, state)

    def break_off(self) -> None:
        """End the connection from the other side, so that there is no other one for now."""
        self.cut.touch()
        self.copy.reach._drop()

    def text(self, *parts: str) -> bytes:
        return Path(self.here.root, *parts).read_bytes()


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of an account on a machine that can be reached."""
    monkeypatch.setitem(reach.KINDS, pipereach.KIND, f"{pipereach.__name__}:PipeReach")
    made = tmp_path / "account"
    made.mkdir()
    yield made
    close_all()


@pytest.fixture
def away(workspace: WorkspaceLayout, account: Path) -> Away:
    return Away(workspace, account)


@pytest.fixture
def more_away(workspace: WorkspaceLayout, account: Path) -> Callable[[int, str], Away]:
    """Return a function that makes another run there."""

    def make(number: int, name: str = "box") -> Away:
        return Away(workspace, account, number, name)

    return make
