"""What is to be resolved, in the form that all kinds share."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """Everything that a lock depends on.

    Attributes:
        kind: the environment kind.
        python: the wanted Python, such as `3.11`.
        requirements: the requirement lines as given.
        options: options of the resolver (`--index-url …`).
        source_directory: what relative paths in the requirements are relative to.
        interpreter: for an existing interpreter, its path.
        host: the platform that the lock is for.
    """

    kind: str
    python: str
    requirements: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    source_directory: str = ""
    interpreter: str = ""
    host: str = field(default_factory=lambda: f"{platform.system().lower()}-{platform.machine()}")

    def digest(self) -> str:
        """Return a digest that names this request; the order in which packages are listed makes no difference."""
        local = any(line.startswith((".", "-e", "/")) or "file:" in line for line in self.requirements)
        parts: list[Any] = [
            self.kind,
            self.python,
            sorted(self.requirements),
            list(self.options),
            self.interpreter,
            self.host,
            os.path.abspath(self.source_directory) if local else "",
        ]
        return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()


def submitters_python() -> str:
    """Return the submitter's minor version, such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
