"""Pip requirements, resolved by uv to exact versions with hashes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from typing import Any

from turnout.environments.kinds.request import Request, submitters_python
from turnout.environments.uvtool import ResolutionFailed, run_uv
from turnout.exceptions import EnvironmentException

_PYTHON = re.compile(r"python\s*(?:=|==|~=|>=)?\s*([0-9.]+)?\*?", re.ASCII)
_CREDENTIALS = re.compile(r"://[^/\s@]+@")
_DROPPED = re.compile(r"azureml[-_.]", re.IGNORECASE)


def takes(definition: dict[str, Any]) -> bool:
    """Say whether python, pip and pip packages are all that is asked for."""
    if (definition.get("docker") or {}).get("enabled"):
        return False
    names = [
        re.split(r"[<>=! \[]", item.strip(), maxsplit=1)[0]
        for item in _dependencies(definition)
        if isinstance(item, str)
    ]
    return all(name in ("python", "pip") for name in names)


def request(definition: dict[str, Any], source_directory: str) -> Request:
    """Return the requirement lines and options of a definition; v1's own packages are dropped, Turnout has their part."""
    python = submitters_python()
    lines: list[str] = []
    for item in _dependencies(definition):
        if isinstance(item, dict):
            lines.extend(str(line).strip() for line in item.get("pip") or [])
        elif match := _PYTHON.fullmatch(item.strip()):
            python = match.group(1) or python
    options = [line for line in lines if line.startswith("-") and not line.startswith(("-e", "--editable"))]
    for line in lines:
        if _CREDENTIALS.search(line):
            raise EnvironmentException(
                f"credentials in {_CREDENTIALS.sub('://…@', line)!r} would end up in the record; "
                "give them to uv instead (UV_INDEX_URL, .netrc or keyring)"
            )
    wanted = [line for line in lines if line and line not in options and not line.startswith("#")]
    kept = tuple(line for line in wanted if not _DROPPED.match(line))
    return Request("uv", python.rstrip("."), kept, tuple(options), source_directory)


def resolve(request: Request, report: Callable[[str], None]) -> dict[str, Any]:
    """Ask uv for exact versions.

    Raises:
        EnvironmentException: a requirement that can't be read, or a Python that can't be had.
        ResolutionFailed: there is no solution; `words` has uv's own.
    """
    find_python(request.python)
    if not request.requirements:
        return {"requirements": "", "options": []}
    report(f"resolving {len(request.requirements)} requirements for Python {request.python}")
    # Options go into the file too: uv reads them there as pip does.
    text = "\n".join([*request.options, *request.requirements]) + "\n"
    arguments = [
        "pip",
        "compile",
        "-",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--python-version",
        request.python,
    ]
    lock = run_uv(arguments, request.source_directory or os.getcwd(), text, report)
    return {"requirements": lock, "options": list(index_options(request.options))}


def index_options(options: tuple[str, ...]) -> list[str]:
    """Return the options that installing from the lock needs too: where packages are to be had."""
    kept: list[str] = []
    for option in options:
        name, _, value = option.replace("=", " ", 1).partition(" ")
        if name in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index"):
            kept.extend([name, value.strip()] if value.strip() else [name])
    return kept


def find_python(version: str) -> str:
    """Return the path of an interpreter of that version, as uv finds it.

    Raises:
        EnvironmentException: there is none, and uv can't get one.
    """
    try:
        return run_uv(["python", "find", "--no-project", version], os.sep, "", lambda line: None).strip()
    except EnvironmentException:
        pass
    try:  # where uv can download interpreters, it gets this one now, once
        run_uv(["python", "install", version], os.sep, "", lambda line: None)
        return run_uv(["python", "find", "--no-project", version], os.sep, "", lambda line: None).strip()
    except EnvironmentException as error:
        raise EnvironmentException(
            f"there is no Python {version} on this machine and uv can't get one; "
            f"this one has {', '.join(installed_pythons()) or 'none'}"
        ) from error


def installed_pythons() -> list[str]:
    """Return the versions that uv finds installed, newest first."""
    listed = run_uv(["python", "list", "--only-installed"], os.sep, "", lambda line: None)
    versions = dict.fromkeys(match.group(1) for match in re.finditer(r"^\w+-(\d+\.\d+\.\d+)", listed, re.MULTILINE))
    return list(versions)


def key(request: Request, lock: dict[str, Any]) -> str:
    """Return a digest of what determines the result: the lock, Python and the platform."""
    lines = sorted(line for line in str(lock.get("requirements") or "").splitlines() if line.strip())
    text = "\n".join([request.python, request.host, *lines])
    return "uv-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def _dependencies(definition: dict[str, Any]) -> list[Any]:
    conda = (definition.get("python") or {}).get("condaDependencies") or {}
    return list(conda.get("dependencies") or [])


__all__ = ["ResolutionFailed", "find_python", "key", "request", "resolve", "takes"]
