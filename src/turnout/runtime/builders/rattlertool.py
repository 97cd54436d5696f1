"""Finds a Python that has py-rattler, or has uv make one; used where conda packages are solved and where they are installed.

py-rattler stays out of Turnout's own processes: it takes its time to load, and a machine that only runs things may have
a Python that is too old for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping

from turnout.runtime import layout
from turnout.runtime.builders.contract import BuildFailed

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner

PATH_VARIABLE = "TURNOUT_RATTLER"
VERSION = "0.28.0"
"""The py-rattler that uv installs where there is none; the scripts that are given to it are written for 0.28."""
_PYTHON = ">=3.10"
"""What py-rattler needs."""


def find(home: layout.Home, environ: Mapping[str, str]) -> str:
    """Return the path of a Python that has py-rattler: `TURNOUT_RATTLER`, else the home's tools; empty when neither is there."""
    try:
        # Not the link itself: the Python of a virtual environment finds its packages under its own name only.
        linked = os.readlink(os.path.join(home.tools, "rattler"))
    except OSError:
        linked = ""
    for path in (environ.get(PATH_VARIABLE) or "", linked):
        if path and os.access(path, os.X_OK):
            return path
    return ""


def provide(runner: "Runner") -> str:
    """Return the path of a Python that has py-rattler; where there is none, uv makes an environment for it, once a home.

    Raises:
        BuildFailed: there is none, and uv could not make one.
    """
    found = find(runner.home, runner.variables)
    if found:
        return found
    from turnout.runtime.builders import store, uv

    environment = tool_environment()
    built = store.find(environment, runner.home, uv)
    if built is not None:
        return built.interpreter
    runner.say("conda packages need py-rattler, which is not installed here; fetching it")
    try:
        return store.build(environment, runner.home, uv, runner, "").interpreter
    except BuildFailed as error:
        raise BuildFailed(
            "conda packages need py-rattler, which is not installed here and could not be fetched (%s): "
            "pip install 'turnout[conda]'" % error.reason,
            error.words,
        ) from error


def tool_environment() -> Dict[str, Any]:
    """Return the environment that holds py-rattler, in the form of run.json."""
    lock = {"python": _PYTHON, "requirements": ["py-rattler==" + VERSION]}
    return {"kind": "uv", "key": "rattler-" + VERSION.replace(".", "-"), "python": _PYTHON, "lock": lock}


def cache(environ: Mapping[str, str]) -> str:
    """Return the directory of downloaded and unpacked packages: the one that rattler's other tools use, too."""
    given = environ.get("RATTLER_CACHE_DIR")
    if given:
        return os.path.abspath(given)
    home = environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "rattler", "cache")
