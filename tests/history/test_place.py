import os
import stat

import pytest

from turnout.exceptions import RecordException
from turnout.history import place
from turnout.history.index import Index
from turnout.testing.records import make_run

MOUNTS = """\
overlay / overlay rw 0 0
proc /proc proc rw 0 0
server:/home {home} nfs4 rw 0 0
/dev/sdb1 {home}/local\\040disk ext4 rw 0 0
someone@box:/data {home}/box fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("below", "kind", "network"),
    [
        ("", "nfs4", True),
        ("someone/.turnout", "nfs4", True),
        ("local disk/x", "ext4", False),
        ("box", "fuse.sshfs", True),
        ("boxes", "nfs4", True),
        ("../elsewhere", "overlay", False),
    ],
)
def test_the_innermost_mount_decides(tmp_path, below, kind, network):
    home = tmp_path / "home"
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(home=home))
    found = place.file_system(str(home / below), str(mounts))
    assert found == kind
    assert place.is_network(found) is network


def test_where_no_mount_table_is_the_disk_counts_as_local(tmp_path):
    assert place.file_system(str(tmp_path), str(tmp_path / "none")) == ""
    assert not place.is_network("")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk"])
def test_local_file_systems_are_not_taken_for_network_ones(kind):
    assert not place.is_network(kind)


def test_on_a_local_disk_the_index_lies_beside_the_workspace(workspace):
    found = place.locate(workspace, {})
    assert (found.path, found.url, found.private) == (workspace.index, None, False)


@pytest.fixture
def on_network(workspace, monkeypatch, tmp_path):
    """The home, and nothing else, is on a network file system; the cache is below tmp_path."""
    monkeypatch.setattr(place, "file_system", lambda path: "nfs4" if str(path).startswith(workspace.root) else "ext4")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return workspace


def test_on_a_network_file_system_the_index_lies_in_the_machine_s_cache(on_network, tmp_path):
    make_run(on_network, "a")
    index = Index(on_network)
    index.refresh()
    assert [row.id for row in index.list_runs()] == ["a"]
    assert not os.path.exists(on_network.index)
    directory = os.path.dirname(index.where)
    assert directory.startswith(str(tmp_path / "cache" / "turnout"))
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700


def test_where_the_cache_is_on_the_network_too_a_local_directory_of_the_account_is_used(workspace, monkeypatch):
    monkeypatch.setattr(place, "file_system", lambda path: "lustre")
    made = []
    monkeypatch.setattr(place, "_make_private", made.append)
    found = place.locate(workspace, {"XDG_CACHE_HOME": os.path.dirname(workspace.root)})
    assert found.path.startswith(f"/var/tmp/turnout-{os.getuid()}/")
    assert made == [f"/var/tmp/turnout-{os.getuid()}", os.path.dirname(found.path)]


def test_a_cache_directory_of_someone_else_is_refused(workspace, monkeypatch, tmp_path):
    theirs = tmp_path / "theirs"
    os.symlink("/", theirs)
    with pytest.raises(RecordException, match=r"belongs to someone else.*TURNOUT_INDEX"):
        place._make_private(str(theirs))
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o777)
    place._make_private(str(mine))
    assert stat.S_IMODE(mine.stat().st_mode) == 0o700


def test_turnout_index_names_another_database(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("TURNOUT_INDEX", f"sqlite:///{tmp_path / 'other.sqlite'}")
    make_run(workspace, "a")
    index = Index(workspace)
    index.refresh()
    assert index.where == str(tmp_path / "other.sqlite")
    assert [row.id for row in index.list_runs()] == ["a"]
    assert not os.path.exists(workspace.index)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("index.sqlite", "no database URL"),
        ("nosuchthing://somewhere/x", "no URL of a database"),
        ("mssql+pyodbc://me:secret@box/x", "needs the Python package pyodbc"),
    ],
)
def test_an_unusable_turnout_index_says_what_is_wrong(workspace, monkeypatch, url, message):
    monkeypatch.setenv("TURNOUT_INDEX", url)
    with pytest.raises(RecordException, match=message) as caught:
        Index(workspace)
    assert "secret" not in str(caught.value)


def _mark_at(workspace, run_id, age):
    import time

    path = os.path.join(workspace.changes, run_id)
    with open(path, "wb"):
        pass
    os.utime(path, (time.time() - age,) * 2)


def test_markers_stay_for_the_indexes_of_other_machines_and_are_read_once(on_network, monkeypatch, tmp_path):
    run = make_run(on_network, "a", mark=False)
    indexes = []
    for machine in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))
        indexes.append(Index(on_network))
        indexes[-1].refresh()
    os.utime(on_network.runs, (1, 1))
    for index in indexes:
        index.refresh()
    from turnout.runtime import events
    from turnout.testing.records import write_events

    write_events(run, [{"e": events.TAG, "key": "k", "value": "v"}])
    _mark_at(on_network, "a", age=10)
    for index in indexes:
        index.refresh()
        assert index.list_runs()[0].tags == {"k": "v"}
        with index._database.reading() as connection:
            assert not index._refresher._has_news(connection)
    assert os.listdir(on_network.changes) == ["a"]


def test_a_marker_goes_away_when_every_index_in_use_must_have_seen_it(on_network, monkeypatch):
    from turnout.history import markers

    make_run(on_network, "a", mark=False)
    index = Index(on_network)
    index.refresh()
    _mark_at(on_network, "a", age=markers.SHARED_FOR - 60)
    index.refresh()
    assert os.listdir(on_network.changes) == ["a"]
    monkeypatch.setattr(markers, "SHARED_FOR", markers.SHARED_FOR - 120)
    make_run(on_network, "b", mark=False)
    index.refresh()
    assert os.listdir(on_network.changes) == []
    with index._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM markers").scalar() == 0


def test_an_index_that_was_away_longer_than_markers_stay_is_rebuilt(on_network, monkeypatch):
    from turnout.history import markers
    from turnout.runtime import events
    from turnout.testing.records import write_events

    run = make_run(on_network, "a", mark=False)
    index = Index(on_network)
    index.refresh()
    os.utime(on_network.runs, (1, 1))
    index.refresh()
    write_events(run, [{"e": events.TAG, "key": "k", "value": "v"}])
    monkeypatch.setattr(markers, "SHARED_FOR", 0.0)
    index.refresh()
    assert index.list_runs()[0].tags == {"k": "v"}
