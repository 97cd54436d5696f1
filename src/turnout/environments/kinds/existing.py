"""The person's own interpreter (v1: user-managed dependencies): nothing is built."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from typing import Any

from turnout.environments.kinds import Context
from turnout.environments.kinds.specification import Specification, running_python
from turnout.exceptions import EnvironmentException

TOOLS: tuple[str, ...] = ()

CURRENT = "current"
_ACTIVE = ("", "python", "python3", CURRENT)
"""Names for the active interpreter; "python" is v1's default."""


def claims(specification: Specification) -> bool:
    """Say whether the person manages the packages, outside a container."""
    return specification.interpreter is not None and not specification.container


def request(specification: Specification, context: Context) -> dict[str, Any]:
    """Return the interpreter's absolute path, its version as far as that is known without running it, and the platform.

    Raises:
        EnvironmentException: it is not on this machine.
    """
    if context.there is not None:
        return _elsewhere(specification.interpreter or "", context)
    named = os.path.expanduser(specification.interpreter or "")
    path = _active() if named in _ACTIVE else _located(named)
    if context.here and not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise EnvironmentException(
            f"environment {context.name!r}: there is no interpreter {named or 'python'} that can be executed; "
            "give the path of one, or let Turnout install the packages"
        )
    return {"interpreter": path, "python": _version(path), "platform": context.platform}


def _elsewhere(named: str, context: Context) -> dict[str, Any]:
    """Return the request for an interpreter of another machine: its own Python, or the one at a path there."""
    there = context.there or {}
    if named in _ACTIVE or context.name == CURRENT or named == _active():
        version = ".".join(str(there.get("python") or "").split(".")[:2]) or None
        return {"interpreter": str(there.get("interpreter")), "python": version, "platform": context.platform}
    if not os.path.isabs(named):
        raise EnvironmentException(
            f"environment {context.name!r}: {named!r} is looked for on {there.get('host')}; give its absolute path there"
        )
    told = re.search(r"python(\d+\.\d+)$", named)
    return {"interpreter": named, "python": told.group(1) if told else None, "platform": context.platform}


def immediate(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the lock: the request itself."""
    return dict(request)


def resolve(request: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the lock: the request itself."""
    return dict(request)


def key(lock: dict[str, Any]) -> str:
    """Return a digest of the path: the packages behind it may change at any time, and are recorded with each run."""
    text = f"{lock['platform']}\n{lock['interpreter']}"
    return "existing-" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _active() -> str:
    """Return the interpreter that the person works with.

    That is the one that runs this code; but the `turnout` command may be installed in an environment of its own (pipx,
    `uv tool`), so there an activated virtual environment counts.
    """
    command = os.path.basename(sys.argv[0]) if sys.argv else ""
    activated = os.path.join(os.environ.get("VIRTUAL_ENV") or os.devnull, "bin", "python")
    if command == "turnout" and os.access(activated, os.X_OK):
        return activated
    return os.path.abspath(sys.executable) if sys.executable else ""


def _located(named: str) -> str:
    if os.sep in named:
        return os.path.abspath(named)
    import shutil  # not for those who name the active interpreter or a path

    return os.path.abspath(shutil.which(named) or named)


def _version(path: str) -> str | None:
    """Return "3.11" for an interpreter, from what lies beside it or from its name; None when neither tells."""
    if os.path.abspath(sys.executable or "") == path:
        return running_python()
    try:
        with open(os.path.join(os.path.dirname(os.path.dirname(path)), "pyvenv.cfg"), encoding="utf-8") as stream:
            told = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", stream.read(), re.MULTILINE)
    except (OSError, ValueError):
        told = None
    told = told or re.search(r"python(\d+\.\d+)$", os.path.realpath(path))
    return told.group(1) if told else None
