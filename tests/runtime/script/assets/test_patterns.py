"""Which paths a pattern means, against fnmatch where that says the same, and what a pattern never does."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from turnout.runtime.script.assets import patterns
from turnout.runtime.script.exceptions import UserErrorException

NAMES = st.text("ab-]!^.\\é", min_size=1, max_size=4)
PARTS = st.lists(
    st.one_of(st.sampled_from(["*", "?", "[a]", "[!a]", "[ab.]", "[a-b]", "[]a]", "[^a]", "[!]]", "["]), NAMES),
    min_size=1,
    max_size=4,
).map("".join)


def _reference(pattern: str, path: str) -> bool:
    parts, names = pattern.split("/"), path.split("/")
    return len(parts) == len(names) and all(
        fnmatch.fnmatchcase(name, part) for name, part in zip(names, parts, strict=True)
    )


def _is_range(pattern: str) -> bool:
    """Say whether there is a range other than a-b: those that are turned round, fnmatch takes for nothing."""
    return any("-" in found.replace("a-b", "") for found in re.findall(r"\[.+?\]", pattern.replace("[]", "[")))


@example(pattern=["x[!a]y"], path=["x", "y"])
@example(pattern=["[^a]"], path=["b"])
@example(pattern=["[!]]"], path=["a"])
@given(pattern=st.lists(PARTS, min_size=1, max_size=3), path=st.lists(NAMES, min_size=1, max_size=3))
def test_without_two_stars_a_pattern_is_fnmatch_part_by_part(pattern: list[str], path: list[str]) -> None:
    text, name = "/".join(pattern), "/".join(path)
    if not _is_range(text) and "**" not in pattern:
        assert bool(patterns.compiled(text).match(name)) == _reference(text, name)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**", "a", True),
        ("**", "a/b/c", True),
        ("**/*.csv", "x.csv", True),
        ("**/*.csv", "a/b/x.csv", True),
        ("**/*.csv", "a/b/x.txt", False),
        ("a/**/x", "a/x", True),
        ("a/**/x", "a/b/c/x", True),
        ("a/**/x", "ax", False),
        ("a/**", "b/a/x", False),
        ("*/**", "a", False),
        ("*", ".hidden", True),
        ("*", "line\nend", True),
        ("x[!a]y", "x/y", False),
        ("*.csv", "x.csv\n", False),
    ],
)
def test_two_stars_are_any_directories_and_nothing_else_crosses_a_slash(pattern: str, path: str, matches: bool) -> None:
    assert bool(patterns.compiled(pattern).match(path)) is matches


def test_a_range_that_is_turned_round_is_refused_in_one_line() -> None:
    with pytest.raises(UserErrorException, match=r"the pattern 'x\[z-a\]' can't be used"):
        patterns.compiled("x[z-a]")


def test_a_path_is_split_where_its_pattern_begins() -> None:
    assert patterns.split("a/b/c") == ("a/b/c", "")
    assert patterns.split("a/b*/c") == ("a", "b*/c")
    assert patterns.split("**") == ("", "**")


def test_a_name_that_is_there_as_it_stands_is_no_pattern() -> None:
    assert patterns.split("old [1]/*.csv", {"old [1]"}.__contains__) == ("old [1]", "*.csv")
    assert patterns.split("x[1].csv", {"x[1].csv"}.__contains__) == ("x[1].csv", "")
    assert patterns.split("x[1].csv", set().__contains__) == ("", "x[1].csv")


@pytest.mark.parametrize("path", ["..", "a/../b", "../b", "a/.."])
def test_a_path_that_leads_out_of_its_datastore_is_refused(path: str) -> None:
    with pytest.raises(UserErrorException, match="leads out of its datastore"):
        patterns.inside(path)


def test_a_path_loses_what_says_nothing() -> None:
    assert patterns.inside("/a//./b..c/") == "a/b..c"
