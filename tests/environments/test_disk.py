"""What directories take on the disk when their files have further names."""

from __future__ import annotations

import os
from pathlib import Path

from turnout.environments.disk import Disk

SIZE = 1 << 20


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(SIZE))
    return path


def _directories(disk: Disk, *paths: Path) -> int:
    return sum(os.lstat(path).st_blocks * 512 for path in paths)


def test_a_file_with_a_name_elsewhere_is_not_freed_and_one_with_two_names_counts_once(tmp_path: Path) -> None:
    own = _file(tmp_path / "a" / "own")
    os.link(own, tmp_path / "a" / "again")
    shared = _file(tmp_path / "cache" / "shared")
    os.link(shared, tmp_path / "a" / "shared")
    disk = Disk()
    usage = disk.add(str(tmp_path / "a"))
    around = _directories(disk, tmp_path / "a")
    assert usage == (2 * SIZE + around, SIZE + around)
    assert disk.together() == usage


def test_what_environments_share_counts_once_for_all_and_is_freed_with_the_last(tmp_path: Path) -> None:
    shared = _file(tmp_path / "a" / "deep" / "shared")
    (tmp_path / "b").mkdir()
    os.link(shared, tmp_path / "b" / "shared")
    disk = Disk()
    one, other = disk.add(str(tmp_path / "a")), disk.add(str(tmp_path / "b"))
    around = _directories(disk, tmp_path / "a", tmp_path / "a" / "deep"), _directories(disk, tmp_path / "b")
    assert one == (SIZE + around[0], around[0])
    assert other == (SIZE + around[1], around[1])
    assert disk.together() == (SIZE + sum(around), SIZE + sum(around))


def test_links_are_not_followed_and_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    _file(tmp_path / "big")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "big")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    disk = Disk()
    assert disk.add(str(tmp_path / "a")).bytes < SIZE
    assert disk.add(str(tmp_path / "nothing")) == (0, 0)
