"""The person's own interpreter: nothing is built; it only has to be there and to run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict

from turnout.runtime.builders.contract import BuildFailed

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner

MAKES_DIRECTORY = False

_SECONDS_TO_ANSWER = 60.0


def interpreter(environment: Dict[str, Any], directory: str) -> str:
    """Return the interpreter that the lock names; `directory` is not used."""
    return str((environment.get("lock") or {}).get("interpreter") or "")


def build(environment: Dict[str, Any], directory: str, runner: Runner) -> Dict[str, Any]:
    """Check that the interpreter is there and runs.

    Raises:
        BuildFailed: it doesn't.
    """
    from turnout.runtime.builders import inspection  # only `interpreter` is needed to find one

    path = interpreter(environment, directory)
    way_out = "install it there, or name another interpreter"
    if not os.path.exists(path):
        raise BuildFailed("there is no interpreter %s on this machine: %s" % (path or "(none was named)", way_out))
    if os.path.isdir(path) or not os.access(path, os.X_OK):
        raise BuildFailed("%s can't be executed: %s" % (path, way_out))
    facts = inspection.inspect(path, _SECONDS_TO_ANSWER, runner.variables)
    if "error" in facts:
        raise BuildFailed("%s does not run as a Python: %s" % (path, facts["error"]), str(facts["error"]))
    return facts
