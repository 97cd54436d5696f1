"""What a run reads and leaves, in words."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.cli import data_lines

WORDS = {
    "name": "words",
    "mode": "direct",
    "files": 2,
    "bytes": 2000,
    "dataset": {"id": "i", "name": "w", "version": 3},
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "words: dataset w:3, as it is, 2 files, 2.0 kB"),
        ({"mode": "mount", "files": 1, "bytes": 1}, "words: dataset w:3, mounted, 1 file, 1 B"),
        ({"mode": "download", "dataset": {"id": "i"}}, "words: dataset i, downloaded, 2 files, 2.0 kB"),
        (
            {"mode": "mount", "dataset": None, "reference": {"datastore": "lake", "path": "a/b"}},
            "words: lake/a/b, mounted, 2 files, 2.0 kB",
        ),
    ],
)
def test_an_input_says_what_it_is_and_how_it_comes(changes: dict[str, Any], told: str) -> None:
    assert data_lines.read({**WORDS, **changes}) == told


def test_an_output_says_where_it_goes() -> None:
    output = {"name": "left", "datastore": "lake", "path": "a"}
    assert data_lines.left(output) == "left: lake/a"
    assert data_lines.left({**output, "register": {"name": "scores"}}) == "left: lake/a, dataset scores"
