"""Snapshots come out whole and verified, nothing is written through a link, and only what is unchanged is removed."""

import errno
import os
import time
import tracemalloc

import pytest

from turnout.runtime import checkout as module
from turnout.runtime.checkout import CheckoutError, CorruptObject, checkout, remove_unchanged
from turnout.runtime.manifest import Entry
from turnout.runtime.objects import ObjectStore


@pytest.fixture
def store(tmp_path):
    return ObjectStore(str(tmp_path / "objects"))


@pytest.fixture
def into(tmp_path):
    return tmp_path / "code"


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "checkout"


@pytest.fixture
def entry(store):
    """Makes an entry and stores its content."""

    def make(path, content=b"x", kind="f"):
        with store.incoming() as incoming:
            digest = incoming.add_bytes(content)
            incoming.commit()
        return Entry(kind, digest, len(content), path)

    return make


def tree(directory):
    """What lies in a directory: kind and content of each path."""
    found = {}
    for above, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(above, name)
            relative = os.path.relpath(path, directory)
            if os.path.islink(path):
                found[relative] = os.readlink(path)
            elif os.path.isdir(path):
                found[relative] = None
            else:
                with open(path, "rb") as stream:
                    found[relative] = stream.read()
    return found


@pytest.fixture
def entries(entry):
    return [
        entry("a.py", b"a"),
        entry("deep/er/b.py", b"b"),
        entry("deep/run.sh", b"true", "x"),
        Entry("d", "", 0, "empty/inside"),
        Entry("l", "../a.py", 0, "deep/link"),
        entry("name \udcff\n", b""),
    ]


EXPECTED = {
    "a.py": b"a", "deep": None, "deep/er": None, "deep/er/b.py": b"b", "deep/run.sh": b"true", "deep/link": "../a.py",
    "empty": None, "empty/inside": None, "name \udcff\n": b"",
}  # fmt: skip


def test_everything_comes_out(entries, store, into, notes):
    checkout(entries, store, str(into), str(notes))
    assert tree(into) == EXPECTED
    assert os.stat(into / "a.py").st_mode & 0o777 == 0o600
    assert os.stat(into / "deep" / "run.sh").st_mode & 0o777 == 0o700
    assert os.stat(into / "deep").st_mode & 0o777 == 0o700
    assert os.stat(into / "a.py").st_nlink == 1


def test_a_public_copy_has_the_modes_of_the_umask(entries, store, into):
    before = os.umask(0o027)
    try:
        checkout(entries, store, str(into), public=True)
    finally:
        os.umask(before)
    assert os.stat(into / "a.py").st_mode & 0o777 == 0o640
    assert os.stat(into / "deep" / "run.sh").st_mode & 0o777 == 0o750


def test_a_flipped_bit_is_found_named_and_set_aside(entries, store, into, notes):
    path = store.path(entries[1].content)
    os.chmod(path, 0o600)
    with open(path, "wb") as stream:
        stream.write(b"c")
    with pytest.raises(CorruptObject, match=rf"^deep/er/b\.py: object {entries[1].content} is damaged") as caught:
        checkout(entries, store, str(into), str(notes))
    assert (caught.value.digest, caught.value.path) == (entries[1].content, "deep/er/b.py")
    assert (tree(into), notes.exists()) == ({}, False)
    assert not store.has(entries[1].content)


def test_a_missing_object_is_named_with_its_file(entries, store, into):
    os.unlink(store.path(entries[1].content))
    before = store.state()
    with pytest.raises(CheckoutError, match=r"^deep/er/b\.py: its object can't be read: no such file or directory"):
        checkout(entries, store, str(into))
    assert tree(into) == {}
    assert store.state() != before  # or the next snapshot would count on the object again


def test_a_directory_in_use_is_refused(entries, store, into):
    into.mkdir()
    (into / "mine").write_text("x")
    with pytest.raises(CheckoutError, match="not empty"):
        checkout(entries, store, str(into))
    assert tree(into) == {"mine": b"x"}


def test_what_a_dead_supervisor_left_is_made_anew(entries, store, into, notes, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("x")
    (into / "deep").mkdir(parents=True)
    (into / "deep" / "half").write_text("x")
    (into / "link").symlink_to(tmp_path / "outside")
    checkout(entries, store, str(into), str(notes))
    assert tree(into) == EXPECTED
    assert (tmp_path / "outside" / "kept").exists()


def test_a_finished_copy_is_left_alone(entries, store, into, notes):
    checkout(entries, store, str(into), str(notes))
    (into / "a.py").write_text("changed by the script")
    checkout(entries, store, str(into), str(notes))
    assert (into / "a.py").read_text() == "changed by the script"


def test_nothing_is_written_through_a_link(entry, store, into, tmp_path):
    (tmp_path / "outside").mkdir()
    hostile = [Entry("l", str(tmp_path / "outside"), 0, "a"), entry("a/b", b"x")]
    with pytest.raises((OSError, CheckoutError)):
        checkout(hostile, store, str(into))
    assert os.listdir(tmp_path / "outside") == []
    assert tree(into) == {}


def test_a_path_twice_is_refused(entry, store, into):
    with pytest.raises(FileExistsError):
        checkout([entry("a", b"1"), entry("a", b"2")], store, str(into))
    assert tree(into) == {}


def test_a_full_disk_leaves_nothing(entries, store, into, notes, monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.records, "write_all", full)
    with pytest.raises(OSError, match="No space left"):
        checkout(entries, store, str(into), str(notes))
    assert (tree(into), notes.exists()) == ({}, False)


@pytest.mark.parametrize("clones", [True, False])
def test_a_large_file_comes_out_whole_with_and_without_clones(entry, store, into, monkeypatch, clones):
    content = os.urandom(3 * module.CLONE_FROM + 5)

    def clone(target, request, source):
        if not clones:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        assert request == module._FICLONE
        os.pwrite(target, os.pread(source, len(content), 0), 0)

    monkeypatch.setattr(module.fcntl, "ioctl", clone)
    checkout([entry("large", content), entry("other", content[:-1])], store, str(into))
    assert tree(into) == {"large": content, "other": content[:-1]}


def test_a_damaged_object_is_found_in_a_clone_too(entry, store, into, monkeypatch):
    content = os.urandom(module.CLONE_FROM)
    monkeypatch.setattr(module.fcntl, "ioctl", lambda target, request, source: os.pwrite(target, b"damaged", 0))
    with pytest.raises(CorruptObject):
        checkout([entry("large", content)], store, str(into))


def test_a_large_file_needs_no_memory_for_its_content(store, into, tmp_path):
    with open(tmp_path / "large", "wb") as stream:
        stream.truncate(64_000_000)
    with open(tmp_path / "large", "rb") as stream, store.incoming() as incoming:
        digest, size = incoming.add(stream.fileno(), lambda size: True)
        incoming.commit()
    tracemalloc.start()
    try:
        checkout([Entry("f", digest, size, "large")], store, str(into))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert os.path.getsize(into / "large") == 64_000_000
    assert peak < 8_000_000


def test_the_unchanged_files_and_their_directories_go(entries, store, into, notes):
    checkout(entries, store, str(into), str(notes))
    assert remove_unchanged(str(into), str(notes)) == 5
    assert (tree(into), notes.exists()) == ({}, False)


def test_what_the_script_made_or_changed_stays(entries, store, into, notes):
    checkout(entries, store, str(into), str(notes))
    (into / "a.py").write_text("A")
    (into / "deep" / "er" / "model").write_text("new")
    (into / "made").mkdir()
    (into / "deep" / "link").unlink()
    (into / "deep" / "link").symlink_to("elsewhere")
    remove_unchanged(str(into), str(notes))
    assert tree(into) == {
        "a.py": b"A", "deep": None, "deep/er": None, "deep/er/model": b"new", "deep/link": "elsewhere", "made": None,
    }  # fmt: skip


def test_a_change_of_the_same_size_with_its_mtime_set_back_stays(entries, store, into, notes):
    checkout(entries, store, str(into), str(notes))
    status = os.stat(into / "a.py")
    (into / "a.py").write_bytes(b"B")
    os.utime(into / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    remove_unchanged(str(into), str(notes))
    assert tree(into) == {"a.py": b"B"}


def test_where_times_are_whole_seconds_the_content_decides(entries, store, into, notes, monkeypatch):
    """As on a file system that keeps whole seconds: the change shows in no time."""
    monkeypatch.setattr(module, "_times", lambda status: (7_000_000_000, 7_000_000_000, status.st_ino, status.st_size))
    checkout(entries, store, str(into), str(notes))
    (into / "a.py").write_bytes(b"B")
    remove_unchanged(str(into), str(notes))
    assert tree(into) == {"a.py": b"B"}


def test_a_link_in_the_place_of_a_directory_is_not_followed(entries, store, into, notes, tmp_path):
    checkout(entries, store, str(into), str(notes))
    os.rename(into / "deep", tmp_path / "moved")
    (into / "deep").symlink_to(tmp_path / "moved")
    remove_unchanged(str(into), str(notes))
    assert set(tree(tmp_path / "moved")) == {"er", "er/b.py", "run.sh", "link"}
    assert set(tree(into)) == {"deep"}


def test_a_file_in_the_place_of_a_directory_stays(entries, store, into, notes):
    checkout(entries, store, str(into), str(notes))
    os.rmdir(into / "empty" / "inside")
    os.rmdir(into / "empty")
    (into / "empty").write_text("mine")
    remove_unchanged(str(into), str(notes))
    assert tree(into) == {"empty": b"mine"}


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_without_usable_notes_nothing_is_removed(entries, store, into, notes, content):
    checkout(entries, store, str(into), str(notes))
    notes.unlink()
    if content is not None:
        notes.write_bytes(content)
    assert remove_unchanged(str(into), str(notes)) == 0
    assert tree(into) == EXPECTED


@pytest.mark.parametrize("linked", [False, True])
def test_a_working_directory_that_is_gone_is_no_error(entries, store, into, notes, tmp_path, linked):
    checkout(entries, store, str(into), str(notes))
    into.rename(tmp_path / "moved")
    if linked:
        into.symlink_to(tmp_path / "moved")
    assert remove_unchanged(str(into), str(notes)) == 0
    assert tree(tmp_path / "moved") == EXPECTED


def test_thousands_of_files_take_seconds_at_most(entry, store, into, notes):
    one = entry("x", b"content")
    many = [Entry("f", one.content, one.size, f"{number % 40}/{number}") for number in range(2000)]
    begun = time.monotonic()
    checkout(many, store, str(into), str(notes))
    assert remove_unchanged(str(into), str(notes)) == 2000
    assert time.monotonic() - begun < 5
