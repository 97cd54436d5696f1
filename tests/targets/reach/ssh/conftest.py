from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from turnout.targets.reach.ssh import reach
from turnout.testing.pipereach import PipeReach
from turnout.workspace import Workspace


class Account:
    """Somebody's account on a machine, as a login finds it.

    Attributes:
        directory: HOME there.
        target: what `PipeReach` takes.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.target: dict[str, object] = {"reach": "pipes", "home": "~/.turnout", "account": str(directory)}

    def reach(self, **options: object) -> PipeReach:
        return PipeReach(Workspace.from_config().home, {**self.target, **options})


@pytest.fixture
def account(tmp_path: Path, home: Path):
    """An account whose name has a space."""
    made = Account(tmp_path / "account of me")
    yield made
    reach.close_all()


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """A directory for PATH with the tools of a machine, but no Python."""
    made = tmp_path / "bin"
    made.mkdir()
    for name in ("sh", "env", "cat", "dash", "bash"):
        found = shutil.which(name)
        if found:
            (made / name).symlink_to(found)
    return made
