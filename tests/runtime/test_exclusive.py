from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from turnout.runtime import exclusive


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.fixture(params=["links", "renames", "neither"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "links":

        def refuse(source: str, target: str) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    if request.param == "neither":
        monkeypatch.setattr(exclusive, "_renamed", lambda temporary, path: False)
    return str(request.param)


def test_the_first_file_stands(file_system: str, tmp_path: Path) -> None:
    path = str(tmp_path / "name")
    one, two = write(tmp_path / "one", b"one"), write(tmp_path / "two", b"two")
    exclusive.place(one, path)
    exclusive.discard(one)
    with pytest.raises(FileExistsError):
        exclusive.place(two, path)
    assert Path(path).read_bytes() == b"one"
    assert Path(two).read_bytes() == b"two", "who came second may still compare"
    exclusive.discard(two)
    assert os.listdir(tmp_path) == ["name"]


def test_who_comes_second_waits_until_the_first_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "name"
    path.touch()  # claimed, and not renamed over yet
    waits = []

    def finish(seconds: float) -> None:
        waits.append(seconds)
        path.write_bytes(b"whole")

    monkeypatch.setattr(exclusive.time, "sleep", finish)
    with pytest.raises(FileExistsError):
        exclusive._claim(str(path))
    assert len(waits) == 1


def test_other_errors_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exclusive.place(str(tmp_path / "missing"), str(tmp_path / "name"))
