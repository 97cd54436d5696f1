"""A run's snapshot comes back as it was, or not at all."""

import os

import pytest

from turnout.exceptions import SnapshotException
from turnout.runtime import manifest
from turnout.runtime.objects import ObjectStore
from turnout.snapshots.restore import restore


@pytest.fixture
def run(source, pack, store_home):
    """The record of a run with a snapshot."""
    (source / "deep").mkdir()
    (source / "deep" / "train.py").write_text("print(1)")
    (source / "run.sh").write_text("true")
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("deep/train.py")
    record = store_home.workspace("default").run("diabetes_1_00000000")
    os.makedirs(record.root)
    with open(record.manifest, "wb") as stream:
        stream.write(pack().manifest)
    return record


def test_the_sources_come_back(run, store_home, tmp_path, pack, source):
    entries = restore(run, store_home, str(tmp_path / "back"))
    assert [entry.path for entry in entries] == ["deep/train.py", "link", "run.sh"]
    assert pack(tmp_path / "back").id == pack(source).id


def test_an_empty_directory_may_be_there(run, store_home, tmp_path, monkeypatch):
    (tmp_path / "back").mkdir()
    monkeypatch.chdir(tmp_path / "back")
    restore(run, store_home, ".")
    assert (tmp_path / "back" / "deep" / "train.py").read_text() == "print(1)"


@pytest.mark.parametrize("kind", ["used", "file"])
def test_a_place_in_use_is_refused(run, store_home, tmp_path, kind):
    if kind == "used":
        (tmp_path / "back").mkdir()
        (tmp_path / "back" / "mine").write_text("x")
    else:
        (tmp_path / "back").write_text("x")
    with pytest.raises(SnapshotException, match=r"not empty|file exists"):
        restore(run, store_home, str(tmp_path / "back"))
    assert (tmp_path / "back").exists()


def test_a_damaged_object_leaves_nothing(run, store_home, tmp_path):
    with open(run.manifest, "rb") as stream:
        entry = manifest.parse(stream.read())[0]
    path = ObjectStore(store_home.objects).path(entry.content)
    os.chmod(path, 0o600)
    with open(path, "wb") as stream:
        stream.write(b"print(2)")
    with pytest.raises(
        SnapshotException, match=r"diabetes_1_00000000 can't be restored: deep/train\.py: object .* damaged"
    ):
        restore(run, store_home, str(tmp_path / "back"))
    assert not (tmp_path / "back").exists()


def test_a_run_without_a_snapshot_is_named(run, store_home, tmp_path):
    os.unlink(run.manifest)
    with pytest.raises(SnapshotException, match="the run diabetes_1_00000000 has no snapshot"):
        restore(run, store_home, str(tmp_path / "back"))


def test_a_damaged_manifest_is_named(run, store_home, tmp_path):
    with open(run.manifest, "wb") as stream:
        stream.write(b"x")
    with pytest.raises(SnapshotException, match=r"can't be read: not a snapshot manifest of version 1"):
        restore(run, store_home, str(tmp_path / "back"))
