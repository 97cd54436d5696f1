"""What a snapshot holds, what it refuses, and that a failure leaves nothing half-made."""

import errno
import os
import socket
import subprocess
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.exceptions import RecordException, SnapshotException
from turnout.runtime import layout, manifest, records
from turnout.runtime.objects import Incoming, ObjectStore
from turnout.snapshots import contents
from turnout.snapshots.take import take
from turnout.snapshots.walk import Walk


def objects_in(home):
    """All that lies in the object store, but for its directories."""
    return sorted(
        os.path.relpath(os.path.join(directory, name), home.objects)
        for directory, _, names in os.walk(home.objects)
        for name in names
    )


def entries(snapshot):
    return {entry.path: entry for entry in manifest.parse(snapshot.manifest)}


def test_contents_are_stored_once_by_digest(source, pack, store_home):
    (source / "a.py").write_text("same")
    (source / "b.py").write_text("same")
    (source / "empty").write_text("")
    snapshot = pack()
    assert (snapshot.files, snapshot.bytes, snapshot.written, snapshot.notices) == (3, 8, 2, [])
    assert snapshot.id == manifest.digest(snapshot.manifest)
    store = ObjectStore(store_home.objects)
    for entry in entries(snapshot).values():
        with open(store.path(entry.content), "rb") as stream:
            assert stream.read() == (source / entry.path).read_bytes()
    assert len(objects_in(store_home)) == 2


def test_equal_sources_have_equal_ids_wherever_they_lie(source, pack, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for directory in (source, other):
        (directory / "deep").mkdir()
        (directory / "deep" / "a.py").write_text("x")
        (directory / "link").symlink_to("deep/a.py")
    assert pack().id == pack(other).id


def test_a_snapshot_says_what_it_holds(source, pack):
    (source / "deep").mkdir()
    (source / "deep" / "train.py").write_text("x")
    (source / "train.log").write_text("x")
    (source / "empty").mkdir()
    (source / ".gitignore").write_text("*.log")
    snapshot = pack()
    assert [snapshot.holds(path) for path in ("deep/train.py", "./deep/train.py", "deep/../deep/train.py")] == [
        True
    ] * 3
    assert [snapshot.holds(path) for path in ("train.py", "train.log", "deep", "empty", "../x")] == [False] * 5


def test_one_change_writes_one_object(source, pack):
    for number in range(20):
        (source / f"{number}.py").write_text(str(number))
    before = pack()
    (source / "7.py").write_text("changed")
    after = pack()
    assert (before.written, after.written, pack().written) == (20, 1, 0)
    assert before.id != after.id


def test_modes_links_and_empty_directories_are_kept(source, pack):
    (source / "run.sh").write_text("true")
    (source / "run.sh").chmod(0o755)
    (source / "data").mkdir()
    (source / "data" / "a").write_text("x")
    (source / "empty" / "inside").mkdir(parents=True)
    (source / "only-ignored").mkdir()
    (source / "only-ignored" / "x.log").write_text("x")
    (source / ".turnoutignore").write_text("*.log")
    (source / "to-file").symlink_to("data/a")
    (source / "to-directory").symlink_to("data")
    (source / "to-nothing").symlink_to("data/missing")
    kinds = {path: (entry.kind, entry.content) for path, entry in entries(pack()).items() if entry.kind not in "f"}
    assert kinds.pop("run.sh")[0] == "x"
    assert kinds == {
        "empty/inside": ("d", ""),
        "only-ignored": ("d", ""),
        "to-file": ("l", "data/a"),
        "to-directory": ("l", "data"),
        "to-nothing": ("l", "data/missing"),
    }


def test_a_link_that_comes_back_into_the_tree_becomes_relative(source, pack):
    (source / "deep").mkdir()
    (source / "a").write_text("x")
    (source / "deep" / "absolute").symlink_to(source / "a")
    (source / "deep" / "around").symlink_to("../../source/a")
    (source / "deep" / "top").symlink_to(source)
    found = entries(pack())
    assert [found[f"deep/{name}"].content for name in ("absolute", "around", "top")] == ["../a", "../a", ".."]


@pytest.mark.parametrize("target", ["/etc/hostname", "../beside", "inner", "../source-two/x"])
def test_a_link_that_leads_out_is_refused_by_name(source, pack, target):
    (source / "a").write_text("x")
    (source / "inner").symlink_to("/etc")
    (source / ".turnoutignore").write_text("/inner")
    (source / "link").symlink_to(target)
    with pytest.raises(SnapshotException, match=rf"link leads out of the source directory, to {target};"):
        pack()


def test_what_is_no_file_is_skipped_and_said_each_time(source, pack, monkeypatch, calm):
    (source / "a").write_text("x")
    (source / "deep").mkdir()
    os.mkfifo(source / "deep" / "pipe")
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for _ in range(2):
            snapshot = pack()
            assert snapshot.notices == [
                "left out deep/pipe: a FIFO can't be packed",
                "left out socket: a socket can't be packed",
            ]
    assert list(entries(snapshot)) == ["a", "deep"]


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.binary(min_size=1, max_size=8).filter(lambda name: not set(name) & set(b"\0/")), min_size=1, max_size=6)
)
def test_names_of_any_bytes_survive(tmp_path_factory, names):
    top = tmp_path_factory.mktemp("names")
    (top / "source").mkdir()
    wanted = sorted(names - {b".", b"..", b".git", b".gitignore"})
    if not wanted:
        return
    for name in wanted:
        with open(os.path.join(os.fsencode(top), b"source", name), "wb"):
            pass
    home = layout.Home(str(top / "home"))
    snapshot = take(str(top / "source"), home, home.workspace("w"))
    assert [os.fsencode(entry.path) for entry in manifest.parse(snapshot.manifest)] == wanted


def test_a_tree_deeper_than_the_interpreters_stack_is_packed(source, pack, monkeypatch):
    monkeypatch.chdir(source)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    with open("a", "w") as stream:
        stream.write("x")
    os.chdir(source)
    try:
        assert next(iter(entries(pack()))) == "d/" * 1100 + "a"
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # pytest would run out of stack


@pytest.mark.parametrize("make", [lambda path: None, lambda path: (path / "deep").mkdir()])
def test_a_source_directory_without_files_is_refused(source, pack, make):
    make(source)
    with pytest.raises(SnapshotException, match=r"source holds no files$"):
        pack()


def test_if_everything_is_left_out_the_rule_is_named(source, pack):
    (source / ".gitignore").write_text("*")
    with pytest.raises(
        SnapshotException, match=r"no files but those left out \(such as \.gitignore, by \.gitignore:1: \*\)"
    ):
        pack()


@pytest.mark.parametrize(("name", "what"), [("missing", "does not exist"), ("file", "is not a directory")])
def test_a_source_that_is_no_directory_is_refused(tmp_path, pack, name, what):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SnapshotException, match=what):
        pack(tmp_path / name)


def test_the_home_inside_the_source_is_not_packed(source, tmp_path):
    (source / "a").write_text("x")
    home = layout.Home(str(source / ".turnout"))
    os.mkdir(home.root)
    for _ in range(2):
        assert list(entries(take(str(source), home, home.workspace("w")))) == ["a"]


@pytest.fixture
def after_the_walk(monkeypatch):
    """Has something done between the walk and the reading."""
    original = Walk.run

    def arrange(act):
        def run(self):
            tree = original(self)
            act()
            return tree

        monkeypatch.setattr(Walk, "run", run)

    return arrange


@pytest.mark.parametrize("known", [False, True])
def test_a_file_that_goes_after_the_walk_is_not_in_the_snapshot(source, pack, calm, after_the_walk, paths_of, known):
    (source / "a").write_text("x")
    (source / "b").write_text("x")
    if known:
        pack()
    after_the_walk(lambda: (source / "b").unlink(missing_ok=True))
    assert paths_of(pack()) == ["a"]
    assert paths_of(pack()) == ["a"]


def test_a_directory_or_link_that_goes_after_it_was_listed_is_not_in_the_snapshot(source, pack, monkeypatch, paths_of):
    (source / "a").write_text("x")
    (source / "link").symlink_to("a")
    (source / "deep").mkdir()
    original = Walk._sort_out

    def listed_then_gone(self, tree, path, index, entries):
        below = original(self, tree, path, index, entries)
        (source / "deep").rmdir()
        (source / "link").unlink()
        return below

    monkeypatch.setattr(Walk, "_sort_out", listed_then_gone)
    assert paths_of(pack()) == ["a"]


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_takes_a_files_place_after_the_walk_is_never_read(source, pack, monkeypatch, after_the_walk, kind):
    monkeypatch.setattr(contents, "PAUSE", 0.0)
    (source / "a").write_text("x")

    def replace():
        (source / "a").unlink()
        if kind == "link":
            (source / "a").symlink_to("/etc/hostname")
        else:
            os.mkfifo(source / "a")

    after_the_walk(replace)
    with pytest.raises(SnapshotException, match="a changes while it is read"):
        pack()


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_file_that_changes_while_it_is_read_is_read_again(source, pack, monkeypatch, store_home, size):
    monkeypatch.setattr(contents, "PAUSE", 0.0)
    (source / "log").write_bytes(b"x" * size)
    changes = iter([b"y", b"z", None])
    original = Incoming.add

    def add(self, descriptor, accept):
        change = next(changes)
        if change:
            with open(source / "log", "ab") as stream:
                stream.write(change)
        return original(self, descriptor, accept)

    monkeypatch.setattr(Incoming, "add", add)
    snapshot = pack()
    assert (snapshot.bytes, snapshot.written) == (size + 2, 1)
    assert len(objects_in(store_home)) == 1


def test_a_file_that_never_stops_changing_is_refused_by_name(source, pack, monkeypatch, store_home):
    monkeypatch.setattr(contents, "PAUSE", 0.0)
    (source / "train.log").write_text("x")
    original = Incoming.add

    def add(self, descriptor, accept):
        with open(source / "train.log", "a") as stream:
            stream.write("more")
        return original(self, descriptor, accept)

    monkeypatch.setattr(Incoming, "add", add)
    with pytest.raises(SnapshotException, match=r"train\.log changes while it is read; .* a line in \.gitignore"):
        pack()
    assert objects_in(store_home) == []


def test_a_file_that_cannot_be_read_is_refused_by_name(source, pack, monkeypatch, store_home):
    (source / "a").write_text("x")
    (source / "secret").write_text("x")
    original = os.open

    def refusing(path, *arguments, **named):
        if os.fsencode(path).endswith(b"/secret"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return original(path, *arguments, **named)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(
        SnapshotException, match=r"^secret can't be read: permission denied; make it readable, or leave"
    ):
        pack()
    assert objects_in(store_home) == []


def test_a_directory_that_cannot_be_listed_is_refused_by_name(source, pack, monkeypatch):
    (source / "secret").mkdir()
    original = os.scandir

    def refusing(path):
        if path.endswith(b"/secret/"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SnapshotException, match=r"^secret/ can't be read: permission denied"):
        pack()


@pytest.mark.parametrize("size", [10, 3_000_000])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_and_leaves_nothing(source, pack, monkeypatch, store_home, size, number):
    (source / "a").write_bytes(b"x" * size)
    (source / "b").write_bytes(b"y" * size)
    left = iter([None])
    original = records.write_all

    def full(descriptor, data):
        if next(left, "full"):
            raise OSError(number, os.strerror(number))
        original(descriptor, data)

    monkeypatch.setattr(records, "write_all", full)
    with pytest.raises(
        RecordException, match=r"^the disk is full: the Turnout home .*; make room, or name another home"
    ):
        pack()
    assert objects_in(store_home) == []
    assert os.listdir(os.path.join(store_home.objects, "incoming")) == []


def test_a_home_that_cannot_be_written_is_one_line(source, pack, store_home):
    (source / "a").write_text("x")
    with open(store_home.objects, "w"):
        pass
    with pytest.raises(RecordException, match=r"^the Turnout home .* can't be used: (not a directory|file exists)"):
        pack()


def test_a_stat_cache_that_cannot_be_written_costs_only_time(source, pack, store_home):
    (source / "a").write_text("x")
    os.makedirs(store_home.workspace("default").root)
    with open(store_home.workspace("default").stat_cache, "w"):
        pass
    assert pack().written == 1
    assert pack().written == 0


def test_a_large_file_needs_no_memory_for_its_content(source, pack):
    with open(source / "large", "wb") as stream:
        stream.truncate(96_000_000)
    tracemalloc.start()
    try:
        snapshot = pack()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (snapshot.bytes, snapshot.written) == (96_000_000, 1)
    assert peak < 8_000_000


def test_what_is_large_is_said_with_the_way_out(source, pack, monkeypatch):
    monkeypatch.setattr("turnout.snapshots.sizes.MANY_FILES", 3)
    (source / "data").mkdir()
    for number in range(4):
        (source / "data" / str(number)).write_text("x" * 1000)
    (source / "train.py").write_text("x")
    (notice,) = pack().notices
    assert notice == (
        "the snapshot is large: 5 files, 4.0 kB; most of it is data/ (4 files, 4.0 kB), train.py (1 B); "
        "what the run doesn't need can be left out with a line in .gitignore"
    )
    monkeypatch.setattr("turnout.snapshots.sizes.MANY_FILES", 2000)
    (source / "data" / "0").write_text("")
    assert pack().notices == []
