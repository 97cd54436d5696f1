from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from turnout.runtime.layout import Home
from turnout.targets import reach
from turnout.targets.reach.ssh.reach import close_all
from turnout.testing import pipereach


class MemoryKeyring(KeyringBackend):
    """Keeps secrets for as long as a test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("the collection is locked")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


@pytest.fixture
def backend() -> Iterator[MemoryKeyring]:
    """The system's keyring, for as long as a test."""
    before = keyring.get_keyring()
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def machine(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An account on a machine to attach: what `ssh` would reach is reached over pipes; a file `cut` there ends that."""
    made = tmp_path / "machine"
    made.mkdir()
    cut = f"[ -e '{made}/cut' ] && echo 'ssh: connect to host: No route to host' >&2 && exit 255; "

    class Machine(pipereach.PipeReach):
        def __init__(self, here: Home, options: dict[str, Any]) -> None:
            super().__init__(here, {**options, "account": str(made), "shell": ["/bin/sh", "-c", cut + 'eval "$0"']})

    monkeypatch.setattr(pipereach, "Machine", Machine, raising=False)
    monkeypatch.setitem(reach.KINDS, "ssh", f"{pipereach.__name__}:Machine")
    yield made
    close_all()
