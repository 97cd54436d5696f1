"""Installations of Spark and Java that are directories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.testing import sparkparts


@pytest.fixture
def make_spark(tmp_path: Path) -> Callable[..., str]:
    """Return a function that makes what an installation of Spark is known by, and returns its directory."""

    def make(name: str = "spark", version: str | None = "4.0.1") -> str:
        return sparkparts.make_spark(tmp_path / name, version)

    return make


@pytest.fixture
def make_java(tmp_path: Path) -> Callable[..., str]:
    """Return a function that makes what a Java is known by, and returns its directory."""

    def make(version: str, name: str = "", release: bool = True) -> str:
        return sparkparts.make_java(tmp_path / (name or f"java-{version}"), version, release)

    return make
