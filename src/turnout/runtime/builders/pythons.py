"""Finds a Python of a wanted version on this machine, to base an environment on."""

from __future__ import annotations

import os
import sys
from typing import List, Mapping

_SECONDS_TO_ANSWER = 60.0


def find(wanted: str, uv: str, variables: Mapping[str, str]) -> str:
    """Return the path of a Python of version `wanted` ("3.11", or "3.11.7"); empty when there is none.

    First the one that runs Turnout itself, which costs nothing to ask, then what uv finds, then pyenv's: its shims
    refuse versions that aren't switched on, and uv stops there.

    Args:
        wanted: a version, with or without the patch number.
        uv: path of uv.
        variables: uv's environment.
    """
    return own(wanted) or _found_by_uv(wanted, uv, variables) or _found_in_pyenv(wanted, variables)


def own(wanted: str) -> str:
    """Return the base of the running interpreter when it is of version `wanted`, else an empty string."""
    if not matches(".".join(str(number) for number in sys.version_info[:3]), wanted):
        return ""
    # An environment must not be based on another one, which may be removed: links lead to the base, but for copies.
    path = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable or "")
    beside = os.path.join(os.path.dirname(os.path.dirname(path)), "pyvenv.cfg")
    return path if os.access(path, os.X_OK) and not os.path.exists(beside) else ""


def matches(version: str, wanted: str) -> bool:
    """Say whether a full version is of the wanted one: "3.11.7" is of "3.11", "3.1.4" is not."""
    return (version + ".").startswith(wanted + ".")


def installed(uv: str, variables: Mapping[str, str]) -> List[str]:
    """Return the versions of the Pythons on this machine, oldest first."""
    lines = _ask([uv, "python", "list", "--only-installed"], variables).splitlines()
    # A line is "cpython-3.11.7-linux-x86_64-gnu    /usr/bin/python3.11".
    versions = {line.split("-")[1] for line in lines if line.startswith("cpython-")}
    versions.update(os.path.basename(path) for path in _pyenv_versions(variables))
    versions.add(".".join(str(number) for number in sys.version_info[:3]))
    return sorted((version for version in versions if _is_plain(version) and _numbers(version)[0] == 3), key=_numbers)


def _found_by_uv(wanted: str, uv: str, variables: Mapping[str, str]) -> str:
    lines = _ask(
        [uv, "python", "find", "--system", "--no-project", "--no-python-downloads", wanted], variables
    ).splitlines()
    return lines[-1].strip() if lines else ""


def _found_in_pyenv(wanted: str, variables: Mapping[str, str]) -> str:
    for directory in sorted(
        _pyenv_versions(variables), key=lambda path: _numbers(os.path.basename(path)), reverse=True
    ):
        path = os.path.join(directory, "bin", "python")
        if matches(os.path.basename(directory), wanted) and os.access(path, os.X_OK):
            return path
    return ""


def _pyenv_versions(variables: Mapping[str, str]) -> List[str]:
    root = variables.get("PYENV_ROOT") or os.path.join(variables.get("HOME") or os.path.expanduser("~"), ".pyenv")
    versions = os.path.join(root, "versions")
    try:
        return [os.path.join(versions, name) for name in os.listdir(versions) if _is_plain(name)]
    except OSError:
        return []


def _ask(argv: List[str], variables: Mapping[str, str]) -> str:
    """Return what uv prints; empty when it fails: then there is no such Python."""
    import subprocess  # not for those who only ask about the running interpreter

    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(variables),
            cwd="/",
            timeout=_SECONDS_TO_ANSWER,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""


def _is_plain(version: str) -> bool:
    return version.replace(".", "").isdigit()


def _numbers(version: str) -> List[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
