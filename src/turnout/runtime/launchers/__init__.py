"""How the script's process starts: one file a launcher, and its line in `LAUNCHERS`.

A launcher is a pure function `command(definition, rank, interpreter) -> (argv, variables)`: what to execute in the
working directory and which variables to add. It starts nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Dict, List, Tuple

LAUNCHERS = {"Python": "python"}
"""v1's `framework` → the module here that launches it."""


class UnknownLauncherError(ValueError):
    """A framework that no launcher here starts."""


def command(definition: Dict[str, Any], rank: int, interpreter: str) -> Tuple[List[str], Dict[str, str]]:
    """Return the argv and the extra variables of one process of a run.

    Args:
        definition: the content of run.json.
        rank: which of the run's processes, from 0.
        interpreter: absolute path of the environment's Python.

    Raises:
        UnknownLauncherError: the run's framework has no launcher in this version.
    """
    framework = str((definition.get("configuration") or {}).get("framework") or "Python")
    module = LAUNCHERS.get(framework)
    if module is None:
        raise UnknownLauncherError("no launcher for framework %r (there is: %s)" % (framework, ", ".join(LAUNCHERS)))
    launcher = import_module("turnout.runtime.launchers." + module)
    argv, variables = launcher.command(definition, rank, interpreter)
    return list(argv), dict(variables)
