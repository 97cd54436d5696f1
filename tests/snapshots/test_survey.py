"""What would be packed is what is packed, and nothing is stored by looking."""

import os

import pytest

from turnout.exceptions import SnapshotException
from turnout.snapshots.survey import survey


@pytest.fixture
def tree(source):
    (source / ".gitignore").write_text("*.log\n/data/\n")
    (source / "outputs").mkdir()
    (source / "data").mkdir()
    (source / "package").mkdir()
    for number in range(12):
        (source / "package" / f"{number}.py").write_text("x" * (number * 10))
    (source / "package" / "a.log").write_text("x")
    (source / "link").symlink_to("package")
    return source


def test_files_bytes_and_the_ten_largest(tree, store_home, pack):
    found = survey(str(tree), store_home)
    snapshot = pack()
    assert (found.files, found.bytes) == (snapshot.files, snapshot.bytes)
    assert found.largest[0] == (b"package/11.py", 110)
    assert len(found.largest) == 10
    assert [size for _, size in found.largest] == sorted((size for _, size in found.largest), reverse=True)


def test_what_is_left_out_is_named_with_its_rule(tree, store_home):
    assert [(each.path, str(each.reason)) for each in survey(str(tree), store_home).left_out] == [
        (b"data/", ".gitignore:2: /data/"),
        (b"outputs/", "default: outputs"),
        (b"package/a.log", ".gitignore:1: *.log"),
    ]


def test_nothing_is_stored(tree, store_home):
    survey(str(tree), store_home)
    assert os.listdir(store_home.root) == []


def test_what_a_snapshot_would_refuse_is_refused(tree, store_home):
    (tree / "out").symlink_to("/etc")
    with pytest.raises(SnapshotException, match="the link out leads out"):
        survey(str(tree), store_home)
    (tree / "out").unlink()
    os.mkfifo(tree / "pipe")
    assert survey(str(tree), store_home).notices == ["left out pipe: a FIFO can't be packed"]


def test_the_home_of_the_account_is_the_default(source, monkeypatch):
    (source / "train.py").write_text("x")
    (source / "mine").mkdir()
    (source / "mine" / "x").write_text("x")
    monkeypatch.setenv("TURNOUT_HOME", str(source / "mine"))
    assert [str(each.reason) for each in survey(str(source)).left_out] == ["default: the Turnout home"]
