"""What has not changed is not looked at again, and whatever has changed is."""

import os
import shutil

import pytest

from turnout.runtime import gc, layout, manifest
from turnout.runtime.checkout import CheckoutError, checkout
from turnout.runtime.objects import Incoming, ObjectStore
from turnout.snapshots import statcache


@pytest.fixture
def tree(source):
    """A source directory with files at three levels."""
    for path in ("train.py", "package/model.py", "package/deep/layer.py", "other/data.txt"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(path)
    return source


def cache_file(home):
    directory = home.workspace("default").stat_cache
    (name,) = os.listdir(directory)
    return os.path.join(directory, name)


def test_an_unchanged_tree_is_neither_listed_nor_read_nor_written(tree, pack, calm, reads, listings, store_home):
    first = pack()
    reads.clear()
    listings.clear()
    before = os.stat(cache_file(store_home))
    second = pack()
    after = os.stat(cache_file(store_home))
    assert (reads, listings) == ([], [])
    assert (second.id, second.manifest, second.files, second.bytes) == (first.id, first.manifest, 4, first.bytes)
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_was_modified_just_now_is_looked_at_again(tree, pack, reads, listings):
    pack()
    pack()
    assert len(reads) == 8
    assert sorted(listings) == sorted(["", "package/", "package/deep/", "other/"] * 2)


def test_a_change_of_the_same_size_just_after_the_snapshot_is_seen(tree, pack, reads):
    pack()
    status = os.stat(tree / "train.py")
    (tree / "train.py").write_text("TRAIN.py")
    os.utime(tree / "train.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert pack().written == 1


def test_a_file_from_the_future_is_read_each_time(tree, pack, calm, reads):
    os.utime(tree / "train.py", (4e9, 4e9))
    pack()
    reads.clear()
    pack()
    assert reads == ["train.py"]


def test_a_changed_file_is_the_only_one_read(tree, pack, calm, reads, listings):
    pack()
    reads.clear()
    listings.clear()
    (tree / "package" / "model.py").write_text("changed")
    assert pack().written == 1
    assert (reads, listings) == (["package/model.py"], [])
    assert pack().written == 0
    assert reads == ["package/model.py"]


def test_a_change_whose_mtime_was_set_back_is_seen(tree, pack, calm):
    pack()
    status = os.stat(tree / "train.py")
    (tree / "train.py").write_text("TRAIN.py")
    os.utime(tree / "train.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert pack().written == 1


def test_a_file_renamed_over_another_is_seen(tree, pack, calm, reads, listings):
    pack()
    reads.clear()
    listings.clear()
    status = os.stat(tree / "train.py")
    (tree / "new").write_text("TRAIN.py")
    os.utime(tree / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.rename(tree / "new", tree / "train.py")
    assert pack().written == 1
    assert (reads, listings) == (["train.py"], [""])


def test_files_and_directories_come_and_go(tree, pack, calm, reads, paths_of):
    pack()
    reads.clear()
    (tree / "package" / "deep" / "more").mkdir()
    (tree / "package" / "deep" / "more" / "x.py").write_text("x")
    (tree / "train.py").unlink()
    shutil.rmtree(tree / "other")
    assert paths_of(pack()) == ["package/deep/layer.py", "package/deep/more/x.py", "package/model.py"]
    assert reads == ["package/deep/more/x.py"]
    (tree / "package" / "deep" / "more" / "x.py").unlink()
    assert paths_of(pack()) == ["package/deep/layer.py", "package/deep/more/", "package/model.py"]
    (tree / "package" / "deep" / "more").rmdir()
    assert paths_of(pack()) == ["package/deep/layer.py", "package/model.py"]


def test_a_directory_moved_elsewhere_is_read_again_and_writes_nothing(tree, pack, calm, paths_of):
    pack()
    os.rename(tree / "package", tree / "renamed")
    snapshot = pack()
    assert snapshot.written == 0
    assert paths_of(snapshot) == ["other/data.txt", "renamed/deep/layer.py", "renamed/model.py", "train.py"]


def test_a_mode_is_taken_over(tree, pack, calm):
    pack()
    (tree / "train.py").chmod(0o755)
    assert manifest.parse(pack().manifest)[-1].kind == manifest.EXECUTABLE


def test_a_link_is_followed_up_each_time(tree, pack, calm):
    (tree / "link").symlink_to("hop")
    (tree / ".turnoutignore").write_text("/hop")
    (tree / "hop").symlink_to("train.py")
    first = pack()
    assert pack().id == first.id
    (tree / "link").unlink()
    (tree / "link").symlink_to("other")
    assert pack().id != first.id


@pytest.mark.parametrize("where", ["", "package"])
def test_a_changed_ignore_file_is_applied_below_it(tree, pack, calm, paths_of, reads, where):
    (tree / where / ".gitignore").write_text("nothing\n")
    kept = paths_of(pack())
    reads.clear()
    (tree / where / ".gitignore").write_text("layer*\n")
    assert paths_of(pack()) == [path.replace("deep/layer.py", "deep/") for path in kept]
    assert reads == [os.path.join(where, ".gitignore")]
    (tree / where / ".gitignore").unlink()
    assert "package/deep/layer.py" in paths_of(pack())


def test_an_ignore_file_that_is_itself_left_out_is_watched(tree, pack, calm, paths_of):
    (tree / "package" / ".gitignore").write_text(".gitignore\n")
    assert "package/model.py" in paths_of(pack())
    (tree / "package" / ".gitignore").write_text("*\n")
    assert paths_of(pack()) == ["other/data.txt", "package/", "train.py"]


def test_another_kind_of_ignore_file_takes_over(tree, pack, calm, paths_of):
    (tree / "package" / ".gitignore").write_text("*.py\n")
    assert "package/model.py" not in paths_of(pack())
    (tree / ".turnoutignore").write_text("other\n")
    assert "package/model.py" in paths_of(pack())
    (tree / ".turnoutignore").unlink()
    assert "package/model.py" not in paths_of(pack())


def test_rules_outside_the_source_directory_are_watched(tree, pack, calm, paths_of, git):
    git(tree.parent, "init", "-q")
    before = paths_of(pack())
    (tree.parent / ".gitignore").write_text("model.py\n")
    assert paths_of(pack()) == [path for path in before if path != "package/model.py"]
    (tree.parent / ".git" / "info" / "exclude").write_text("data.txt\n")
    assert "other/data.txt" not in paths_of(pack())


def test_a_directory_becomes_a_virtual_environment_and_back(tree, pack, calm, paths_of, listings):
    pack()
    (tree / "package" / "pyvenv.cfg").write_text("")
    assert paths_of(pack()) == ["other/data.txt", "train.py"]
    listings.clear()
    assert paths_of(pack()) == ["other/data.txt", "train.py"]
    assert listings == []
    (tree / "package" / "pyvenv.cfg").unlink()
    assert "package/deep/layer.py" in paths_of(pack())


def test_objects_removed_in_a_new_generation_are_stored_again(tree, pack, calm, store_home):
    snapshot = pack()
    store = ObjectStore(store_home.objects)
    digest = manifest.parse(snapshot.manifest)[0].content
    os.unlink(store.path(digest))
    store.start_generation()
    assert pack().written == 1
    assert store.has(digest)
    assert pack().written == 0


def test_a_lost_object_store_is_filled_again(tree, pack, calm, store_home):
    pack()
    shutil.rmtree(store_home.objects)
    assert pack().written == 4


def test_a_lost_part_of_the_object_store_is_filled_again(tree, pack, calm, store_home):
    pack()
    prefix = next(name for name in os.listdir(store_home.objects) if len(name) == 2)
    shutil.rmtree(os.path.join(store_home.objects, prefix))
    assert pack().written >= 1


def test_a_generation_that_begins_during_a_snapshot_is_heeded_by_the_next(tree, pack, calm, store_home, monkeypatch):
    first = pack()
    store = ObjectStore(store_home.objects)
    digest = manifest.parse(first.manifest)[0].content
    (tree / "train.py").write_text("changed")
    commit = Incoming.commit

    def commit_late(self):
        written = commit(self)
        os.unlink(store.path(digest))
        store.start_generation()
        return written

    monkeypatch.setattr(Incoming, "commit", commit_late)
    pack()
    monkeypatch.undo()
    assert not store.has(digest)
    pack()
    assert store.has(digest)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "another version", "empty", "garbage"])
def test_a_damaged_cache_is_not_used(tree, pack, calm, reads, store_home, damage):
    first = pack()
    path = cache_file(store_home)
    with open(path, "rb") as stream:
        data = stream.read()
    middle = len(data) // 2
    with open(path, "wb") as stream:
        stream.write(
            {
                "truncated": data[:-9],
                "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
                "another version": data.replace(b"turnout-stat-cache 2", b"turnout-stat-cache 1"),
                "empty": b"",
                "garbage": b"\0" * 500,
            }[damage]
        )
    reads.clear()
    assert pack().id == first.id
    assert len(reads) == 4


def test_another_directory_at_the_same_path_is_read_anew(tree, pack, calm, reads):
    pack()
    os.rename(tree, tree.parent / "away")
    shutil.copytree(tree.parent / "away", tree)
    reads.clear()
    pack()
    assert len(reads) == 4


def test_each_source_directory_has_a_cache_of_its_own(store_home):
    workspace = store_home.workspace("default")
    assert statcache.file_name(workspace, b"/a") != statcache.file_name(workspace, b"/b")
    assert isinstance(workspace, layout.WorkspaceLayout)


def test_an_object_that_was_found_missing_is_stored_again(tree, pack, calm, store_home, tmp_path):
    """Until then the cache counts on it: no snapshot looks at each object anew."""
    snapshot = pack()
    store = ObjectStore(store_home.objects)
    entries = manifest.parse(snapshot.manifest)
    os.unlink(store.path(entries[0].content))
    assert pack().written == 0
    with pytest.raises(CheckoutError):
        checkout(entries, store, str(tmp_path / "code"))
    assert pack().written == 1
    checkout(entries, store, str(tmp_path / "code"))


def test_what_gc_has_freed_is_stored_again(tree, pack, calm, store_home):
    pack()
    assert pack().written == 0
    assert gc.collect(store_home, older_than=0.0).freed["objects"].count == 4
    assert pack().written == 4
