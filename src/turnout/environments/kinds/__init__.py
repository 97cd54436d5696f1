"""The environment kinds as the submitter sees them: one file a kind, and its line in `KINDS`.

A kind takes an environment's definition (v1's dictionary form), says whether it is for it, resolves it to a lock and names
the lock by a key. Building is the target's part: `runtime/builders` has a file of the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

from turnout.environments.kinds.request import Request
from turnout.exceptions import NotYetException

KINDS = ("existing", "uv")
"""Asked in this order; the first that takes a definition has it."""


class EnvironmentKind(Protocol):
    """A way to have packages installed. Its functions are pure but for `resolve`, which may ask a tool and the network."""

    def takes(self, definition: dict[str, Any]) -> bool:
        """Say whether this kind is for an environment of this definition."""
        ...

    def request(self, definition: dict[str, Any], source_directory: str) -> Request:
        """Return what is to be resolved: everything that the lock depends on, and nothing else."""
        ...

    def resolve(self, request: Request, report: Callable[[str], None]) -> dict[str, Any]:
        """Return the lock of a request: exact, and enough to build from on the target."""
        ...

    def key(self, request: Request, lock: dict[str, Any]) -> str:
        """Return the name of the environment that is built from a lock, usable as a file name."""
        ...


def kind_of(definition: dict[str, Any]) -> tuple[str, EnvironmentKind]:
    """Return the name and the module of the kind for a definition.

    Raises:
        NotYetException: no kind takes it yet.
    """
    for name in KINDS:
        kind = cast(EnvironmentKind, import_module(f"turnout.environments.kinds.{name}"))
        if kind.takes(definition):
            return name, kind
    raise NotYetException(
        f"the environment {definition.get('name')!r} needs conda packages or a container, which Turnout does not build yet; "
        "name pip packages only, or use an interpreter of your own (python.user_managed_dependencies)"
    )
