"""What all tests share: a Turnout home of their own, and no variables of whoever runs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh Turnout home."""
    for name in [name for name in os.environ if name.startswith(("TURNOUT_", "AZUREML_"))]:
        if not name.startswith("TURNOUT_TEST"):
            monkeypatch.delenv(name)
    path = tmp_path / "home"
    monkeypatch.setenv("TURNOUT_HOME", str(path))
    return path
