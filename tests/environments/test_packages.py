"""The packages of a lock, and what changed between two."""

from __future__ import annotations

import pytest

from turnout.environments import packages
from turnout.environments.packages import ADDED, CHANGED, REMOVED, Change, Package


@pytest.mark.parametrize(
    ("line", "package"),
    [
        (
            "six==1.17.0 --hash=sha256:aa --hash=sha256:bb",
            Package("six", "1.17.0", "", frozenset(("sha256:aa", "sha256:bb"))),
        ),
        ("torch==2.5.1+cpu ; sys_platform == 'linux'", Package("torch", "2.5.1+cpu")),
        ("one @ https://h/one-1.0-py3-none-any.whl", Package("one", "1.0", "https://h/one-1.0-py3-none-any.whl")),
        ("two @ git+https://h/two@abc", Package("two", "", "git+https://h/two@abc")),
        ("-e file:///src/three", Package("three", "", "file:///src/three")),
    ],
)
def test_a_line_of_a_lock_is_read(line: str, package: Package) -> None:
    assert packages.of_line(line) == package


def test_packages_of_a_lock_are_sorted_by_their_normal_name() -> None:
    lock = {"requirements": ["zope==1", "Typing_Extensions==4", "six==1"]}
    assert [package.name for package in packages.of_lock("uv", lock)] == ["six", "Typing_Extensions", "zope"]
    assert packages.of_lock("existing", {"interpreter": "/x"}) == []


def test_changes_are_told_by_name_however_it_is_written() -> None:
    before = [Package("a", "1"), Package("b_b", "1"), Package("c", "1"), Package("d", "1", "https://h/d-1.whl")]
    after = [Package("B-b", "1"), Package("c", "2"), Package("d", "1"), Package("e", "5")]
    assert packages.changes(before, after) == [
        Change(REMOVED, "a", "1", None),
        Change(CHANGED, "c", "1", "2"),
        Change(CHANGED, "d", "https://h/d-1.whl", "index"),
        Change(ADDED, "e", None, "5"),
    ]
    assert packages.changes(after, after) == []


def test_another_file_of_the_same_version_is_a_change_only_where_both_are_known() -> None:
    one, other = Package("a", "1", "", frozenset("x")), Package("a", "1", "", frozenset("y"))
    assert packages.changes([one], [other]) == [Change(CHANGED, "a", "1", "1, other files")]
    assert packages.changes([one], [Package("a", "1")]) == []
