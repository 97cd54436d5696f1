import os
from contextlib import contextmanager

import pytest

from turnout.runtime.removal import Tally, remove


def tree(path):
    (path / "deep" / "er").mkdir(parents=True)
    (path / "deep" / "er" / "file").write_bytes(b"x" * 10_000)
    (path / "link").symlink_to("deep")
    return path


def used(path):
    return sum(
        os.lstat(os.path.join(path, name)).st_blocks for name in [".", "deep", "deep/er", "deep/er/file", "link"]
    )


@pytest.fixture
def ordinary_user():
    """Be someone whom permissions bind; root becomes the owner of a directory who isn't root."""

    @contextmanager
    def become(directory):
        if os.geteuid() != 0:
            yield
            return
        for path in [directory, *directory.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return become


def test_a_tree_goes_and_what_it_took_is_counted(tmp_path):
    victim = tree(tmp_path / "victim")
    expected = used(victim) * 512
    dry, real = Tally(dry=True), Tally()
    remove(str(victim), dry)
    assert victim.exists()
    remove(str(victim), real)
    assert not victim.exists()
    assert dry.bytes == real.bytes == expected > 10_000


def test_what_is_gone_already_is_no_error(tmp_path):
    remove(str(tmp_path / "never"), Tally())
    remove(str(tmp_path / "never" / "ever"), Tally())


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path):
    kept = tree(tmp_path / "kept")
    (tmp_path / "link").symlink_to(kept)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "to").symlink_to(kept)
    remove(str(tmp_path / "link"), Tally())
    remove(str(victim), Tally())
    assert (kept / "deep" / "er" / "file").exists()
    assert sorted(os.listdir(tmp_path)) == ["kept"]


@pytest.mark.parametrize("dry", [True, False])
def test_a_file_with_two_names_is_counted_when_both_go(tmp_path, dry):
    first, second, outside = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for directory in (first, second, outside):
        directory.mkdir()
    (first / "file").write_bytes(b"x" * 50_000)
    os.link(first / "file", second / "file")
    (first / "shared").write_bytes(b"x" * 50_000)
    os.link(first / "shared", outside / "shared")
    blocks = os.stat(first / "file").st_blocks * 512
    tally = Tally(dry)
    remove(str(first), tally)
    assert tally.bytes < blocks  # the directory alone: every file has another name still
    remove(str(second), tally)
    assert blocks <= tally.bytes < 2 * blocks


def test_directories_that_a_script_locked_are_opened_up(tmp_path, monkeypatch, ordinary_user):
    victim = tree(tmp_path / "victim")
    monkeypatch.chdir(tmp_path)
    with ordinary_user(tmp_path):
        os.chmod("victim/deep/er", 0o500)
        os.chmod("victim/deep", 0)
        with pytest.raises(PermissionError):
            os.listdir("victim/deep")
        tally = Tally(dry=True)
        remove("victim", tally)  # counts what it can see
        assert tally.bytes > 0
        remove("victim", Tally())
    assert not victim.exists()


def test_all_that_can_be_removed_is_although_something_can_not(tmp_path, monkeypatch):
    victim = tree(tmp_path / "victim")
    (victim / "stuck").write_bytes(b"")
    unlink = os.unlink

    def refuse(name, **options):
        if name == "stuck":
            raise OSError(5, "Input/output error")
        unlink(name, **options)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="Input/output error") as failure:
        remove(str(victim), Tally())
    assert failure.value.filename == str(victim / "stuck")
    assert os.listdir(victim) == ["stuck"]


def test_names_longer_than_a_path_can_be(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    descriptor = os.open(victim, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=descriptor)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    remove(str(victim), Tally())
    assert not victim.exists()
