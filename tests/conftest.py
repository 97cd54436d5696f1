"""What all tests share: a Turnout home of their own, and no variables of whoever runs them."""

from __future__ import annotations

import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import Phase, settings

# A shell without job control starts what it puts into the background with these ignored, and every process that a test
# starts would inherit that: Ctrl-C in a test's terminal would do nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
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


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a wheel below `tmp_path/wheels` and returns its path."""

    def make(name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> Path:
        directory = tmp_path / "wheels"
        directory.mkdir(exist_ok=True)
        path = directory / f"{name}-{version}-py3-none-any.whl"
        information = f"{name}-{version}.dist-info"
        needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", f"version = {version!r}\n")
            archive.writestr(
                f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}"
            )
            archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{information}/RECORD", "")
        return path

    return make
