"""Reaches this machine: the agent answers in this process, and files are where they are needed already."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from turnout.runtime import bundle
from turnout.runtime.layout import Home


class LocalReach:
    """This machine and this account's own home."""

    def __init__(self, home: Home, options: dict[str, Any] | None = None) -> None:
        self._home = home

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request here, with the runtime of this installation."""
        from turnout.runtime import agent  # the submit path pays for it only when it gets here

        return agent.handle(self._home, {"runtime": bundle.ship(self._home), **request})

    def push(self, objects: Iterable[str], progress: Callable[[int, int], None] | None = None) -> int:
        """Do nothing: submitter and target share one store."""
        return 0

    def pull(self, request: dict[str, Any], content: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Carry out a request that comes with bytes, or whose reply brings some."""
        from turnout.runtime.serving import server

        asked = {"runtime": bundle.ship(self._home), **request}
        return server.carry_out(self._home, asked, content)
