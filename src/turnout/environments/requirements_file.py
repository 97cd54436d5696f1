"""Reads what pip reads: requirements files, and the dependencies of a pyproject.toml.

The result is a list of lines for an environment's pip section: comments gone, `-r` files put in, continued lines
joined, each line looked at for obvious mistakes, so that these are reported with file and line before anything is
submitted.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from turnout.environments import requirement
from turnout.environments.files import read_text
from turnout.exceptions import EnvironmentException

_COMMENT = re.compile(r"(^|\s)#.*$")
_MINORS = range(8, 15)
"""The minor versions of Python 3 that a pyproject.toml's `requires-python` may be answered with."""


def read(path: str | os.PathLike[str]) -> list[str]:
    """Return the requirement and option lines of a requirements file.

    Args:
        path: the file. `-r` lines in it are relative to it; so are the directories of `--find-links`.

    Raises:
        EnvironmentException: the file can't be read, or a line is malformed; the message names the file and the line.
    """
    return list(_read(os.path.abspath(os.fspath(path)), ()))


def _read(path: str, readers: tuple[str, ...]) -> Iterator[str]:
    if path in readers:
        raise EnvironmentException(f"{path} includes itself through -r")
    for number, line in _logical_lines(read_text(path, EnvironmentException)):
        wrong = requirement.problem(line)
        if wrong is not None:
            raise EnvironmentException(f"{path}, line {number}: {line!r} can't be used: {wrong}")
        if not line.startswith("-"):
            yield line
            continue
        name, value = requirement.split_option(line)
        if name == "--requirement":
            if "://" in value:
                raise EnvironmentException(f"{path}, line {number}: fetch {value} and include the file instead")
            yield from _read(os.path.join(os.path.dirname(path), value), (*readers, path))
        elif name == "--constraint":
            raise EnvironmentException(
                f"{path}, line {number}: constraints are not kept with an environment; put the versions of {value} "
                "into the requirements themselves"
            )
        elif name == "--find-links" and os.path.exists(os.path.join(os.path.dirname(path), value)):
            yield f"--find-links {os.path.join(os.path.dirname(path), value)}"
        else:
            yield line


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, with the number of their first line; a backslash joins a line to the next."""
    pending, first = "", 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            first = first or number
            pending += line[:-1].strip() + " "
            continue
        whole = _COMMENT.sub("", pending + line.strip()).strip()
        if whole:
            yield first or number, whole
        pending, first = "", 0


def read_pyproject(path: str | os.PathLike[str]) -> tuple[list[str], str | None]:
    """Return the dependencies of a pyproject.toml, and the Python to use when the submitter's does not do.

    Args:
        path: the file; its `[project]` table is read (PEP 621).

    Raises:
        EnvironmentException: the file can't be read or has no list of dependencies.
    """
    where = os.path.abspath(os.fspath(path))
    project = read_toml(where).get("project")
    if not isinstance(project, dict):
        raise EnvironmentException(f"{where} has no [project] table, so it names no dependencies")
    if "dependencies" in (project.get("dynamic") or []):
        raise EnvironmentException(f"{where}: the dependencies are dynamic; write them to a requirements file instead")
    lines = project.get("dependencies") or []
    if not isinstance(lines, list):
        raise EnvironmentException(f"{where}: [project] dependencies must be a list")
    for line in lines:
        wrong = requirement.problem(line) if isinstance(line, str) else "it is not a string"
        if wrong is not None:
            raise EnvironmentException(f"{where}: the dependency {line!r} can't be used: {wrong}")
    requires = project.get("requires-python")
    return lines, python_for(str(requires), submitters()) if requires else None


def read_toml(path: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        EnvironmentException: it can't be read, or is not TOML.
    """
    text = read_text(path, EnvironmentException)
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        table: dict[str, Any] = toml.loads(text)
        return table
    except ValueError as failure:
        raise EnvironmentException(f"{path} is not TOML: {failure}", failure) from failure


def submitters() -> tuple[int, int]:
    """Return the submitter's version of Python, major and minor."""
    return sys.version_info[:2]


def python_for(requires: str, running: tuple[int, int]) -> str | None:
    """Return the Python version that answers `requires-python`.

    Args:
        requires: a version specifier, such as `>=3.10,<3.13`.
        running: the submitter's version, major and minor.

    Returns:
        None when the submitter's does; else the newest minor version of Python 3 that does; else, so that the resolver
        can say what is missing, the first version that is named.
    """
    clauses = re.findall(r"(===|==|~=|!=|<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?", requires)
    if _admits(clauses, running):
        return None
    newest = next((minor for minor in reversed(_MINORS) if _admits(clauses, (3, minor))), None)
    if newest is not None:
        return f"3.{newest}"
    return str(clauses[0][1]) if clauses else None


def _admits(clauses: list[tuple[str, str, str]], minor: tuple[int, int]) -> bool:
    """Say whether some patch release of a minor version satisfies all clauses."""
    return all(_clause_admits(operator, version, bool(wildcard), minor) for operator, version, wildcard in clauses)


def _clause_admits(operator: str, version: str, wildcard: bool, minor: tuple[int, int]) -> bool:
    parts = tuple(int(part) for part in version.split("."))
    named = (*parts, 0)[:2]
    patch = len(parts) > 2
    if operator in ("==", "==="):
        return minor[: len(parts)] == parts[:2] if wildcard else minor == named
    if operator == "!=":
        return patch or not (minor[: len(parts)] == parts if wildcard else False)
    if operator == "~=":
        return minor >= named and minor[: max(1, len(parts) - 1)] == parts[: max(1, len(parts) - 1)][:2]
    if operator == ">=":
        return minor >= named
    if operator == ">":  # 3.9.1 is above 3.9
        return minor >= named
    if operator == "<=":
        return minor <= named
    return minor < named or (patch and parts[2] > 0 and minor == named)
