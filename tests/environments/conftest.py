"""A workspace for the tests of environments: no package index is needed."""

from pathlib import Path
from typing import Any

import pytest

from turnout.environments import resolution
from turnout.runtime import layout


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
