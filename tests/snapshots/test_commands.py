"""`turnout snapshot` and `turnout restore`, as a person calls them."""

import json
import os

import pytest

from turnout.cli import run as turnout
from turnout.runtime import layout, records
from turnout.snapshots.take import take


@pytest.fixture
def tree(source):
    (source / ".gitignore").write_text("*.log\n")
    (source / "train.py").write_text("print(1)")
    (source / "__pycache__").mkdir()
    for number in range(5):
        (source / f"{number}.log").write_text("x")
    return source


def test_snapshot_names_size_largest_and_rules(tree, home, capsys):
    assert turnout(["snapshot", str(tree)]) == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines()[1:4]] == [
        ["files", "2"], ["size", "14", "B"], ["rules", ".gitignore,", "and", "the", "defaults"],
    ]  # fmt: skip
    assert "8 B  train.py" in out
    assert "0.log, 1.log, 2.log and 2 more  .gitignore:1: *.log" in out
    assert "default: __pycache__" in out


def test_snapshot_can_list_everything(tree, home, capsys):
    assert turnout(["snapshot", "--all", str(tree)]) == 0
    assert sum(".gitignore:1" in line for line in capsys.readouterr().out.splitlines()) == 5


def test_snapshot_prints_json_and_nothing_else(tree, home, capsys, monkeypatch):
    monkeypatch.chdir(tree)
    assert turnout(["snapshot", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["files"], found["bytes"], found["ignore_file"], found["notices"]) == (2, 14, ".gitignore", [])
    assert {"path": "train.py", "bytes": 8} in found["largest"]
    assert {"path": "4.log", "rule": ".gitignore:1: *.log"} in found["left_out"]


def test_snapshot_of_nothing_is_one_line(tmp_path, home, capsys):
    assert turnout(["snapshot", str(tmp_path / "missing")]) == 2
    assert capsys.readouterr().err == f"turnout: the source directory {tmp_path / 'missing'} does not exist\n"


@pytest.fixture
def submitted(tree, home):
    """A run in the default workspace, as far as its snapshot needs it."""
    from turnout.workspace import Workspace

    workspace = Workspace.from_config()
    record = workspace.layout.run("diabetes_1_00000000")
    os.makedirs(record.root)
    snapshot = take(str(tree), layout.Home(str(home)), workspace.layout)
    records.write_atomic(record.manifest, snapshot.manifest)
    records.write_json(record.definition, {"id": "diabetes_1_00000000"})
    return record


def test_restore_writes_the_snapshot(submitted, tmp_path, capsys):
    assert turnout(["restore", "diabetes_1", str(tmp_path / "back")]) == 0
    assert (tmp_path / "back" / "train.py").read_text() == "print(1)"
    assert capsys.readouterr().out == f"{tmp_path / 'back'}: 2 files (14 B) of diabetes_1_00000000\n"


def test_restore_into_a_used_directory_is_one_line(submitted, tree, capsys):
    assert turnout(["restore", "--json", "diabetes_1", str(tree)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "the directory is not empty" in captured.err
    assert captured.err.count("\n") == 1


def test_restore_can_answer_in_json(submitted, tmp_path, capsys):
    assert turnout(["restore", "--json", "diabetes_1", str(tmp_path / "back")]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "run": "diabetes_1_00000000", "directory": str(tmp_path / "back"), "files": 2, "bytes": 14,
    }  # fmt: skip
