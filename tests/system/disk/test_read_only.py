"""A home that can only be read: everything that reads works, everything that writes says so in one line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from turnout.runtime import layout, processes
from turnout.testing.records import make_run

pytestmark = pytest.mark.system

SCRIPT = """\
import turnout

run = turnout.Run.get_context()
for value in range(5):
    run.log("loss", 1 / (1 + value))
run.log_row("table", x=1, y=2)
run.tag("kind", "small")
open("outputs/model.bin", "wb").write(b"model")
print("hello")
"""


@pytest.fixture
def finished(turnout, home: Path) -> str:
    """A run that has ended in that home, and one that never will: its processes are gone."""
    turnout.script(SCRIPT)
    turnout("submit", "--environment", sys.executable, "train.py")
    run_id: str = turnout.json("runs")[0]["id"]
    workspace = layout.Home(str(home)).workspace("default")
    gone = {**processes.identity(), "pid": 1, "start": 1}
    make_run(workspace, "lost", state="Running", created=1.0, type=None, files={"lock": json.dumps(gone).encode()})
    return run_id


READING = (
    ("runs",),
    ("runs", "--json"),
    ("show", "RUN"),
    ("show", "@last"),
    ("show", "lost"),
    ("logs", "RUN"),
    ("logs", "--system", "RUN"),
    ("metrics", "RUN"),
    ("metrics", "RUN", "loss"),
    ("metrics", "RUN", "--json"),
    ("metrics", "RUN", "loss", "--json"),
    ("download", "RUN", "--to", "TO"),
    ("restore", "RUN", "CODE"),
    ("files", "RUN"),
    ("wait", "RUN"),
    ("experiments",),
    ("workspace",),
    ("snapshot", "."),
    ("doctor",),
    ("doctor", "--json"),
)
WRITING = (
    ("submit", "--detach", "--environment", sys.executable, "train.py"),
    ("tag", "RUN", "a=b"),
    ("cancel", "lost"),
)


def check(turnout, many, finished: str, tmp_path: Path, home: Path) -> None:
    given = {"RUN": finished, "TO": str(tmp_path / "files"), "CODE": str(tmp_path / "code")}
    reading = [[given.get(word, word) for word in words] for words in READING]
    answers = {}
    for words, (code, out, said) in zip(READING, many(*reading), strict=True):
        assert code == (1 if words[0] == "doctor" else 0), (words, said)
        assert words[0] == "wait" or said == "", (words, said)
        answers[words] = out
    assert {run["id"] for run in json.loads(answers["runs", "--json"])} == {finished, "lost"}
    assert answers["logs", "RUN"] == "hello\n"
    assert len(json.loads(answers["metrics", "RUN", "--json"])["loss"]) == 5
    assert len(json.loads(answers["metrics", "RUN", "loss", "--json"])) == 5
    assert next((tmp_path / "files").rglob("model.bin")).read_bytes() == b"model"
    assert (tmp_path / "code" / "train.py").read_text() == SCRIPT
    findings = {one["what"]: one for one in json.loads(answers["doctor", "--json"])["findings"]}
    assert findings["home"]["state"] == "broken"
    assert str(home) in findings["home"]["seen"]
    writing = [[given.get(word, word) for word in words] for words in WRITING]
    for words, (code, _, said) in zip(WRITING, many(*writing), strict=True):
        assert code == 2, (words, said)
        assert len(said.splitlines()) == 1, (words, said)
        assert str(home) in said, (words, said)


def test_on_a_read_only_file_system(turnout, many, finished, disk, home, tmp_path) -> None:
    disk.make_read_only()
    try:
        check(turnout, many, finished, tmp_path, home)
    finally:
        disk.make_writable()
    assert turnout.json("runs")[0]["id"] == finished


def test_without_the_permission_to_write(ordinary, many, finished, home, tmp_path) -> None:
    directories = [home, *(path for path in home.rglob("*") if path.is_dir())]
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        path.chmod(0o400)
    for path in directories:
        path.chmod(0o500)
    try:
        check(ordinary, many, finished, tmp_path, home)
    finally:
        for path in directories:
            path.chmod(0o700)


def test_nothing_of_an_index_is_left_where_it_could_not_be_made(turnout, finished, disk, home) -> None:
    workspace = home / "workspaces/default"
    for path in workspace.glob("index*"):
        path.unlink()
    disk.make_read_only()
    try:
        assert len(turnout.json("runs")) == 2
    finally:
        disk.make_writable()
    assert [name for name in os.listdir(workspace) if name.startswith("index")] == []
