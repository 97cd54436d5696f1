"""Twenty processes log at once while another lists; `bench/logging_storm.py` does it with a million points."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

BENCH = Path(__file__).parents[3] / "bench" / "logging_storm.py"


def test_every_point_is_in_the_record_and_in_the_index(tmp_path: Path) -> None:
    measured = runpy.run_path(str(BENCH))["storm"](tmp_path / "home", processes=20, points=5000)
    assert measured["points"] == 100_000
    assert measured["lists meanwhile"] >= 1
