"""Versions of a name: counted on, never given twice, changed as they are now, whoever else is about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime.script.assets.versions import Versions


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(str(tmp_path / "kept"))


def _in_processes(count: int, work: Callable[[int], None]) -> None:
    """Do work in so many forked processes at once; all begin when all are there."""
    gate, opener = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            os.close(opener)
            os.read(gate, 1)
            code = 1
            try:
                work(number)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    os.close(gate)
    os.close(opener)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count


def test_nothing_is_there_at_first(versions: Versions) -> None:
    assert (versions.names(), versions.numbers("a"), versions.load("a"), versions.all("a")) == ([], [], None, [])


def test_versions_are_counted_from_one_and_the_latest_is_loaded(versions: Versions) -> None:
    for value in range(11):
        assert versions.append("a", {"value": value}) == value + 1
    assert versions.load("a") == {"name": "a", "version": 11, "value": 10}
    assert versions.load("a", 2) == {"name": "a", "version": 2, "value": 1}
    assert versions.load("a", 12) is None
    assert [each["version"] for each in versions.all("a")] == list(range(11, 0, -1))
    assert versions.names() == ["a"]


@pytest.mark.parametrize("last", [1, 3])
def test_a_number_is_never_given_again(versions: Versions, last: int) -> None:
    for value in range(last):
        versions.append("a", {"value": value})
    for number in range(1, last + 1):
        versions.delete("a", number)
    assert versions.names() == []
    assert versions.append("a", {}) == last + 1


def test_a_version_goes_with_its_files(versions: Versions) -> None:
    number = versions.claim("a")
    Path(versions.files("a", number), "x").write_text("")
    assert versions.names() == []  # claimed is not there yet
    versions.append("a", {}, number)
    versions.delete("a", number)
    assert not os.path.exists(versions.files("a", number))
    assert versions.claim("a") == number + 1


def test_deleting_what_was_never_there_leaves_nothing(versions: Versions, tmp_path: Path) -> None:
    versions.delete("a", 1)
    assert not (tmp_path / "kept").exists()


def test_many_processes_that_register_at_once_get_a_number_each(versions: Versions) -> None:
    def work(number: int) -> None:
        for _ in range(5):
            versions.append("a", {"by": number})
            versions.append("a", {"by": number}, versions.claim("a"))

    _in_processes(4, work)
    found = versions.all("a")
    assert len(found) == 40
    assert [[each["by"] for each in found].count(number) for number in range(4)] == [10] * 4


def test_no_change_of_many_processes_is_lost(versions: Versions) -> None:
    versions.append("a", {"tags": {}})

    def work(number: int) -> None:
        for turn in range(10):
            versions.change("a", 1, lambda entry, key=f"{number}-{turn}": {"tags": {**entry["tags"], key: ""}})

    _in_processes(4, work)
    found = versions.load("a", 1)
    assert found is not None
    assert len(found["tags"]) == 40


def test_what_is_gone_is_not_brought_back_by_a_change(versions: Versions) -> None:
    versions.append("a", {})
    versions.delete("a", 1)
    assert versions.change("a", 1, lambda entry: {"tags": {}}) is None
    assert versions.change("b", 1, lambda entry: {"tags": {}}) is None
    assert versions.names() == []


@pytest.mark.parametrize("name", ["..", "../a", "", "a/b", "x" * 5000, "a\0"])
def test_no_name_leads_elsewhere(tmp_path: Path, name: Any) -> None:
    Versions(str(tmp_path)).append("a", {})
    versions = Versions(str(tmp_path / "below"))
    assert (versions.load(name, 1), versions.all(name), versions.load(name)) == (None, [], None)


def test_other_files_between_versions_are_passed_over(versions: Versions, tmp_path: Path) -> None:
    versions.append("a", {})
    for name in ("x.json", "2.json.17-ab.tmp", "notes"):
        (tmp_path / "kept" / "a" / name).write_text("{}")
    (tmp_path / "kept" / "stray").write_text("")
    assert versions.names() == ["a"]
    assert versions.numbers("a") == [1]
