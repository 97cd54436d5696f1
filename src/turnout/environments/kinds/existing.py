"""The person's own interpreter (v1: `python.user_managed_dependencies`): the lock is its path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

from turnout.environments.kinds.request import Request, submitters_python
from turnout.exceptions import EnvironmentException


def takes(definition: dict[str, Any]) -> bool:
    """Say whether the person manages the packages."""
    return bool((definition.get("python") or {}).get("userManagedDependencies"))


def request(definition: dict[str, Any], source_directory: str) -> Request:
    """Return a request that names the interpreter as it was given."""
    given = str((definition.get("python") or {}).get("interpreterPath") or "python")
    return Request("existing", submitters_python(), interpreter=given, source_directory=source_directory)


def resolve(request: Request, report: Callable[[str], None]) -> dict[str, Any]:
    """Find the interpreter.

    Raises:
        EnvironmentException: there is no such interpreter.
    """
    given = request.interpreter
    found = shutil.which(os.path.expanduser(given)) or (shutil.which("python3") if given == "python" else None)
    if found is None:
        raise EnvironmentException(
            f"the interpreter {given} does not exist or can't be executed; name another, or an environment to build"
        )
    return {"interpreter": os.path.abspath(found)}


def key(request: Request, lock: dict[str, Any]) -> str:
    """Return a constant: nothing is built, so nothing is named."""
    return "existing"
