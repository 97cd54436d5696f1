"""Objects are whole under their names or not there, stored once, and nothing half-made is left."""

import errno
import hashlib
import os
import time

import pytest

from turnout.runtime import objects, records
from turnout.runtime.objects import ObjectStore, StoreError


@pytest.fixture
def store(tmp_path):
    return ObjectStore(str(tmp_path / "objects"))


def names(store):
    """Everything below the store that is a file."""
    return [name for _, _, files in os.walk(store.root) for name in files]


def add(store, *contents):
    with store.incoming() as incoming:
        found = [incoming.add_bytes(content) for content in contents]
        return found, incoming.commit()


def read(store, digest):
    descriptor = store.open(digest)
    try:
        return os.read(descriptor, 1 << 20)
    finally:
        os.close(descriptor)


def add_file(store, path, accept=lambda size: True):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with store.incoming() as incoming:
            return incoming.add(descriptor, accept), incoming.commit()
    finally:
        os.close(descriptor)


def test_an_object_is_named_by_its_digest_and_read_only(store):
    (digest,), written = add(store, b"content")
    assert (digest, written) == (hashlib.sha256(b"content").hexdigest(), 1)
    assert store.has(digest)
    assert read(store, digest) == b"content"
    assert os.stat(store.path(digest)).st_mode & 0o777 == 0o400
    assert store.path(digest).endswith(f"objects/{digest[:2]}/{digest[2:]}")


def test_the_same_content_is_stored_once(store):
    assert add(store, b"a", b"b", b"a")[1] == 2
    before = os.stat(store.path(hashlib.sha256(b"a").hexdigest()))
    assert add(store, b"a", b"c")[1] == 1
    assert os.stat(store.path(hashlib.sha256(b"a").hexdigest())).st_ino == before.st_ino


@pytest.mark.parametrize("size", [0, 1, objects.CHUNK - 1, objects.CHUNK, objects.CHUNK + 1, 3 * objects.CHUNK + 7])
def test_a_file_of_any_size_is_stored(store, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert add_file(store, tmp_path / "file") == ((hashlib.sha256(content).hexdigest(), size), 1)
    with open(store.path(hashlib.sha256(content).hexdigest()), "rb") as stream:
        assert stream.read() == content
    assert add_file(store, tmp_path / "file")[1] == 0


@pytest.mark.parametrize("size", [10, 3 * objects.CHUNK])
def test_what_is_not_accepted_is_not_stored(store, tmp_path, size):
    (tmp_path / "file").write_bytes(b"x" * size)
    seen = []
    assert add_file(store, tmp_path / "file", seen.append) == (None, 0)
    assert (seen, names(store)) == ([size], [])


def test_nothing_is_seen_before_the_commit_and_nothing_stays_without_it(store):
    with store.incoming() as incoming:
        digest = incoming.add_bytes(b"content")
        assert not store.has(digest)
    assert names(store) == []
    assert os.listdir(os.path.join(store.root, "incoming")) == []


def test_many_objects_are_synced_together(store, monkeypatch):
    single = []
    monkeypatch.setattr(os, "fsync", single.append)
    many = [b"%d" % number for number in range(objects.SYNC_TOGETHER)]
    found, written = add(store, *many)
    assert (written, single) == (len(many), [])
    assert all(store.has(digest) for digest in found)


def test_few_objects_are_on_the_disk_before_they_have_their_names(store, monkeypatch):
    order = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("sync"), fsync(descriptor)))
    monkeypatch.setattr(os, "rename", lambda *paths: (order.append("rename"), rename(*paths)))
    add(store, b"a", b"b")
    assert order[:4] == ["sync", "sync", "rename", "rename"]
    assert set(order[4:]) == {"sync"}


def test_without_syncfs_each_object_is_synced(store, monkeypatch):
    monkeypatch.setattr(objects, "_sync_file_system", lambda directory: False)
    single = []
    monkeypatch.setattr(os, "fsync", single.append)
    add(store, *(b"%d" % number for number in range(objects.SYNC_TOGETHER)))
    assert len(single) > objects.SYNC_TOGETHER


def test_an_object_of_the_wrong_size_is_replaced(store):
    (digest,), _ = add(store, b"content")
    os.chmod(store.path(digest), 0o600)
    os.truncate(store.path(digest), 3)
    assert add(store, b"content") == ([digest], 1)
    assert read(store, digest) == b"content"


def test_a_full_disk_is_told_and_leaves_nothing(store, monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(records, "write_all", full)
    with pytest.raises(StoreError, match="no space left on device") as caught:
        add(store, b"content")
    assert caught.value.error.errno == errno.ENOSPC
    assert names(store) == []


def test_a_missing_object_is_told_with_its_file(store):
    with pytest.raises(StoreError, match=r"no such file or directory: .*/objects/ab/ab"):
        store.open("ab" * 32)


def test_what_a_dead_writer_left_is_removed_after_a_day(store):
    add(store, b"a")
    incoming = os.path.join(store.root, "incoming")
    for name, age in (("old", objects.STALE_SECONDS + 60), ("young", 60)):
        os.mkdir(os.path.join(incoming, name))
        with open(os.path.join(incoming, name, "1"), "w"):
            pass
        os.utime(os.path.join(incoming, name), (0, time.time() - age))
    add(store, b"b")
    assert os.listdir(incoming) == ["young"]


def test_the_state_shows_when_objects_may_have_gone(store):
    assert store.state() == []
    (digest,), _ = add(store, b"a")
    state = store.state()
    assert store.state() == state
    add(store, b"a")
    assert store.state() == state
    store.start_generation()
    after = store.state()
    assert after != state
    assert store.generation()
    os.unlink(store.path(digest))
    os.rmdir(os.path.dirname(store.path(digest)))
    assert store.state() != after


def test_a_damaged_object_is_set_aside_and_can_be_stored_again(store):
    (digest,), _ = add(store, b"a")
    state = store.state()
    store.set_aside(digest)
    store.set_aside(digest)
    assert not store.has(digest)
    assert store.state() != state
    assert store.missing({digest}) == {digest}
    assert add(store, b"a")[1] == 1
    assert store.missing({digest}) == set()
