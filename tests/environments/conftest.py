"""Wheels and a workspace for the tests of environments: no package index is needed."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.environments import resolution
from turnout.runtime import layout


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


class Submitter:
    """Resolves definitions in a home of its own, and keeps what was reported."""

    def __init__(self, root: Path) -> None:
        self.home = layout.Home(str(root / "home"))
        self.workspace = self.home.workspace("w")
        self.source = root / "source"
        self.source.mkdir()
        self.said: list[str] = []

    def resolve(self, *pip: str, conda: tuple[str, ...] = (), **definition: Any) -> dict[str, Any]:
        definition = definition or {"python": {"condaDependencies": {"dependencies": [*conda, {"pip": list(pip)}]}}}
        definition.setdefault("name", "mine")
        return resolution.resolve(definition, self.home, self.workspace, self.said.append, str(self.source))

    def locks(self) -> list[Path]:
        return sorted(Path(self.workspace.locks).glob("*"))


@pytest.fixture
def submitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submitter:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return Submitter(tmp_path)
