"""How commands and files get to a machine: one file a kind, and its line in `KINDS`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Protocol, cast

from turnout.runtime.layout import Home

KINDS = {"local": "turnout.targets.reach.local:LocalReach"}


class Reach(Protocol):
    """A way to a machine. It carries requests and files and knows nothing of runs.

    Implementations may be used from one thread at a time. Whatever was pushed or pulled is verified by the caller.
    """

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have the runtime's agent on the machine carry out one request and return its reply."""
        ...

    def push(self, objects: Iterable[str]) -> int:
        """Bring the objects with these digests to the machine's store, those it lacks; return the bytes sent."""
        ...

    def pull(self, offsets: dict[str, int]) -> dict[str, int]:
        """Bring files of the machine's home here, each from a byte offset on; return the new offsets."""
        ...


def make(kind: str, home: Home) -> Reach:
    """Return a reach of the named kind."""
    module, name = KINDS[kind].split(":")
    return cast(Reach, getattr(import_module(module), name)(home))
