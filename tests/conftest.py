"""What all tests share: a Turnout home of their own, and no variables of whoever runs them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import Phase, settings

# A shell without job control starts what it puts into the background with these ignored, and every process that a test
# starts would inherit that: Ctrl-C in a test's terminal would do nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# In CI a failing example is printed as it was found: shrinking one that starts processes can take minutes.
settings.register_profile("ci", deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def missing_service() -> Callable[[str], NoReturn]:
    """Say that a test needs something that isn't there: it skips, naming that, and fails in CI."""

    def missing(what: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{what}; in CI it has to be there (scripts/services installs it as root on Debian)")
        pytest.skip(what)

    return missing


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh Turnout home."""
    for name in [name for name in os.environ if name.startswith(("TURNOUT_", "AZUREML_"))]:
        if not name.startswith("TURNOUT_TEST"):
            monkeypatch.delenv(name)
    path = tmp_path / "home"
    monkeypatch.setenv("TURNOUT_HOME", str(path))
    return path
