"""Pip requirements, resolved by uv to exact versions with hashes, for a virtual environment that uv builds."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from turnout.environments.kinds import Context, requirements
from turnout.environments.kinds.specification import Specification, running_python
from turnout.exceptions import EnvironmentException

TOOLS = ("uv",)


def claims(specification: Specification) -> bool:
    """Say whether Turnout is to install pip packages, and nothing else."""
    return specification.interpreter is None and not specification.conda and not specification.container


def request(specification: Specification, context: Context) -> dict[str, Any]:
    """Return all that the lock depends on; in which order packages are listed makes no difference.

    Raises:
        EnvironmentException: a requirement can't be understood, names a file that isn't there, or holds a password.
    """
    wanted = requirements.read(specification.pip, context.directory, context.name)
    for note in wanted.notes:
        context.report(note)
    return {
        "python": specification.python,
        "platform": context.platform,
        "requirements": sorted(set(wanted.lines)),
        "constraints": sorted(set(wanted.constraints)),
        "sources": list(wanted.sources),  # in their order: of two indexes the first one wins
        "build": sorted(set(wanted.build)),
        "prereleases": wanted.prereleases,
        "hashes": {name: sorted(set(hashes)) for name, hashes in wanted.hashes.items()},
        "every_hash": wanted.every_hash,
        "local": wanted.local,
    }


def immediate(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the empty lock when no packages are asked for, and the Python is the one that is running."""
    running = request["python"] in (running_python(), running_python(3))
    return lock(request, []) if running and not request["requirements"] else None


def resolve(request: dict[str, Any], context: Context) -> dict[str, Any]:
    """Ask uv which versions satisfy the request.

    Raises:
        EnvironmentException: a requirement can't be read, or there is no such Python.
        ResolutionFailed: there is no solution, or the index can't be reached.
    """
    from turnout.environments.kinds import uv_compile  # starts processes: not for those whose lock is known

    return lock(request, uv_compile.compile_lock(request, context))


def key(lock: dict[str, Any]) -> str:
    """Return a digest of what determines the installed files; where they come from does not, since their hashes do."""
    parts = {name: lock.get(name) for name in ("python", "platform", "requirements", "build", "local")}
    return "uv-" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()[:32]


def lock(request: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    """Return the lock of a request that the resolver answered with `lines`.

    Its parts: the Python and platform; `requirements`, one exact requirement a line; `build`, options that change what
    is installed; `sources`, options that say where it is to be had; `local`, the digests of local files behind it.
    """
    from turnout.runtime.builders import words

    if any(words.holds_credentials(line) for line in lines):
        raise EnvironmentException("the resolved packages name a URL with a password, which must not be recorded")
    installs = bool(lines)
    return {
        "python": request["python"],
        "platform": request["platform"],
        "requirements": sorted(lines),
        "build": request["build"] if installs else [],
        "sources": request["sources"] if installs else [],
        "local": request["local"],
    }
