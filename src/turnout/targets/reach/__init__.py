"""How commands and files get to a machine: one file or folder a kind, and its line in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Protocol, cast

from turnout.runtime.layout import Home

KINDS = {
    "local": "turnout.targets.reach.local:LocalReach",
    "ssh": "turnout.targets.reach.ssh.reach:SshReach",
}


class Unreachable(OSError):
    """There is no connection to a machine just now; the message is one line that names it and the way out.

    Attributes:
        lasting: whether trying again can't help until somebody does something.
    """

    def __init__(self, message: str, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class TargetError(OSError):
    """The machine was reached, and couldn't carry a request out; the message names it.

    Attributes:
        number: the system's number there (errno), where there is one.
        kind: the exception there.
    """

    def __init__(self, message: str, number: int | None = None, kind: str = "OSError") -> None:
        super().__init__(message)
        self.number = number
        self.kind = kind


class Reach(Protocol):
    """A way to a machine. It carries requests and files and knows nothing of runs.

    Implementations may be used from one thread at a time. All methods raise Unreachable and TargetError.
    """

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have the runtime's agent on the machine carry out one request and return its reply."""
        ...

    def push(self, objects: Iterable[str], progress: Callable[[int, int], None] | None = None) -> int:
        """Bring the objects with these digests to the machine's store, those it lacks; return the bytes sent.

        Args:
            objects: digests.
            progress: gets the bytes sent and those there are in all.
        """
        ...

    def pull(self, request: dict[str, Any], content: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Have a request carried out that comes with bytes, or whose reply brings some."""
        ...


def make(target: dict[str, Any], home: Home) -> Reach:
    """Return the reach of a target.

    Args:
        target: the target as data: `reach`, and what that kind needs.
        home: this machine's home.
    """
    module, name = KINDS[str(target.get("reach") or "local")].split(":")
    return cast(Reach, getattr(import_module(module), name)(home, target))
