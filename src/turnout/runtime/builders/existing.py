"""The person's own interpreter: nothing is built; it only has to be there and to run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Optional

from turnout.runtime.builders.contract import BuildFailed, Built

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner

MAKES_DIRECTORY = False

_SECONDS_TO_ANSWER = 60.0


def built(environment: Dict[str, Any], directory: str, facts: Optional[Dict[str, Any]]) -> Optional[Built]:
    """Return the interpreter that the lock names, if it is there; `directory` and `facts` are not used."""
    path = _interpreter(environment)
    return Built(path, None) if os.path.isfile(path) and os.access(path, os.X_OK) else None


def _interpreter(environment: Dict[str, Any]) -> str:
    return str((environment.get("lock") or {}).get("interpreter") or "")


def build(environment: Dict[str, Any], directory: str, runner: Runner) -> Dict[str, Any]:
    """Check that the interpreter is there and runs.

    Raises:
        BuildFailed: it doesn't.
    """
    from turnout.runtime.builders import inspection  # not for those who only look

    path = _interpreter(environment)
    way_out = "install it there, or name another interpreter"
    if not os.path.exists(path):
        raise BuildFailed("there is no interpreter %s on this machine: %s" % (path or "(none was named)", way_out))
    if os.path.isdir(path) or not os.access(path, os.X_OK):
        raise BuildFailed("%s can't be executed: %s" % (path, way_out))
    facts = inspection.inspect(path, _SECONDS_TO_ANSWER, runner.variables)
    if "error" in facts:
        raise BuildFailed("%s does not run as a Python: %s" % (path, facts["error"]), str(facts["error"]))
    return {"interpreter": path, **facts}
