"""Builds environments on the machine of the run: one file a kind, and its line in `BUILDERS`.

A builder finds, or makes, the environment of a lock; it resolves nothing. An environment stands at its final path
`environments/KEY/` and is whole once `KEY.json` is there; a directory without one is half-built and made anew.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, BinaryIO, Dict, Optional

from turnout.runtime import layout

BUILDERS = {"existing": "existing", "uv": "uv"}
"""Environment kind → the module here that builds it."""


class BuildFailed(Exception):
    """An environment can't be built.

    Args:
        reason: one line, in the tool's own words where it has said something.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Built:
    """An environment that is there.

    Attributes:
        interpreter: absolute path of its Python.
        facts: what is installed in it; None where that has yet to be asked for (see `inspection`).
    """

    def __init__(self, interpreter: str, facts: Optional[Dict[str, Any]]) -> None:
        self.interpreter = interpreter
        self.facts = facts


def find(environment: Dict[str, Any], home: layout.Home) -> Optional[Built]:
    """Return a run's environment if it is there, quickly; None when it must be built.

    Args:
        environment: the `environment` part of run.json: `kind`, `key`, `lock`, `python`.
        home: this machine's home.

    Raises:
        BuildFailed: there is no builder of that kind.
    """
    found: Optional[Built] = _builder(environment).find(environment, home)
    return found


def build(environment: Dict[str, Any], home: layout.Home, log: BinaryIO) -> Built:
    """Build a run's environment, or wait for another who is building it; blocks.

    Args:
        environment: as for `find`.
        home: this machine's home.
        log: gets the tool's output line by line, unbuffered.

    Raises:
        BuildFailed: it can't be built; nothing half-built is taken for whole later.
    """
    built: Built = _builder(environment).build(environment, home, log)
    return built


def _builder(environment: Dict[str, Any]) -> Any:
    kind = str(environment.get("kind"))
    if kind not in BUILDERS:
        raise BuildFailed("this runtime builds no environment of kind %r (it knows: %s)" % (kind, ", ".join(BUILDERS)))
    return import_module("turnout.runtime.builders." + BUILDERS[kind])
