"""Virtual environments built by uv from a lock of pip requirements with hashes."""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from turnout.runtime import layout, records, redaction
from turnout.runtime.builders.contract import BuildFailed, Built

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner
    from turnout.runtime.builders.wheelhouse import Wheelhouse

MAKES_DIRECTORY = True

_SECONDS_TO_ANSWER = 60.0
_NO_WHEEL = re.compile(r"Failed to (download and )?build `[^`@]+==")
_NO_WHEEL_ADVICE = (
    "choose a version that has a wheel for this Python, or another Python (--python VERSION), "
    "or install what building needs"
)


def built(environment: Dict[str, Any], directory: str, facts: Optional[Dict[str, Any]]) -> Optional[Built]:
    """Return the virtual environment in `directory`, if its Python is still there."""
    path = _interpreter(directory)
    # The recorded path differs when a home was copied or moved; the access fails when the base Python was removed.
    if facts is None or facts.get("interpreter") != path or not os.access(path, os.X_OK):
        return None
    return Built(path, facts, prefix=directory)


def _interpreter(directory: str) -> str:
    return os.path.join(directory, "bin", "python")


def build(environment: Dict[str, Any], directory: str, runner: Runner) -> Dict[str, Any]:
    """Make the virtual environment and install exactly what the lock names; return what is really in it.

    Raises:
        BuildFailed: uv is missing or failed, or the Python that it made doesn't run.
    """
    from turnout.runtime.builders import (
        inside,
        inspection,
        pythons,
        uvsteps,
        uvtool,
        wheelhouse,
    )  # not for those who only look

    uv = uvtool.require(runner)
    lock = environment.get("lock") or {}
    wanted = str(environment.get("python"))
    variables = uvtool.variables(runner.variables)
    # Where no Python is found, uv gets the version itself: it may be able to download one.
    python = pythons.find(wanted, uv, variables) or wanted
    command = [uv, "venv", "--quiet", "--no-project", "--python", python, directory]
    runner.run(command, variables, "make the environment", uvsteps.UvSteps(0))
    os.chmod(directory, layout.DIRECTORY_MODE)
    path = _interpreter(directory)
    asked = inspection.begin(path, variables)  # it starts while uv installs; the packages are looked up afterwards
    try:
        _install(uv, path, lock, directory, variables, runner, wheelhouse.find(runner.home, environment))
    finally:
        facts = asked.finish(_SECONDS_TO_ANSWER)
    if "error" in facts:
        raise BuildFailed("the Python of the new environment does not run: %s" % facts["error"], str(facts["error"]))
    packages = sorted(glob.glob(os.path.join(directory, "lib", "*", "site-packages")))
    hide_origins(packages, runner.hide)
    facts["interpreter"] = path
    facts["packages"] = inside.distributions(packages)
    facts["tool"] = uvtool.made_by(directory)
    return facts


def _install(
    uv: str,
    path: str,
    lock: Dict[str, Any],
    directory: str,
    variables: Dict[str, str],
    runner: Runner,
    brought: Optional[Wheelhouse],
) -> None:
    """Install exactly what the lock names into the environment of the interpreter `path`."""
    from turnout.runtime.builders import uvsteps

    if lock.get("requirements"):
        variables = brought.variables(variables) if brought is not None else variables
        listing = write_listing(lock, directory, brought)
        command = [uv, "pip", "sync", "--python", path, *arguments(lock, variables, brought), listing]
        steps = uvsteps.UvSteps(len(lock["requirements"]))
        runner.step(steps.now())
        try:
            runner.run(command, variables, "install the packages", steps)
        except BuildFailed as failure:
            if _NO_WHEEL.search(failure.words):
                raise BuildFailed("%s; %s" % (failure.reason, _NO_WHEEL_ADVICE), failure.words) from failure
            raise


def write_listing(lock: Dict[str, Any], directory: str, brought: Optional[Wheelhouse] = None) -> str:
    """Write the requirements file that uv installs a lock's packages from; return its path.

    Args:
        lock: the lock.
        directory: where to.
        brought: the wheels that the submitter has brought, as uv will see them.
    """
    from turnout.runtime.builders import uvtool

    listing = os.path.join(directory, "requirements.txt")
    sources, requirements = uvtool.file_lines(lock.get("sources") or []), lock["requirements"]
    if brought is not None:
        sources, requirements = brought.sources(sources), [brought.requirement(line) for line in requirements]
    lines = [*sources, *(lock.get("build") or []), *requirements]
    with open(listing, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    return listing


def arguments(lock: Dict[str, Any], variables: Mapping[str, str], brought: Optional[Wheelhouse] = None) -> List[str]:
    """Return what uv, with these variables, must be told of a lock beside that file."""
    from turnout.runtime.builders import uvtool

    if brought is not None:
        return brought.arguments() or uvtool.arguments(lock.get("sources") or [], variables)
    return [*uvtool.arguments(lock.get("sources") or [], variables), *_refreshed(lock)]


def hide_origins(packages: List[str], hide: redaction.Hide) -> None:
    """Take secrets out of what uv notes of where a package came from: there it has put values for `${NAME}` (PEP 610)."""
    for directory in packages:
        for path in glob.glob(os.path.join(glob.escape(directory), "*.dist-info", "direct_url.json")):
            with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                text = stream.read()
            if hide(text) != text:
                records.write_atomic(path, hide(text).encode("utf-8", "surrogateescape"))


def _refreshed(lock: Dict[str, Any]) -> List[str]:
    """Return the arguments that make uv build packages from local directories anew.

    Its cache tells two states of a directory apart by pyproject.toml and setup.py alone (uv's guide, "Caching").
    """
    names = [line.split(" @ file:", 1)[0] for line in lock["requirements"] if " @ file:" in line]
    return [part for name in names for part in ("--refresh-package", name.split("[", 1)[0].strip())]
