"""Reads an environment's definition, in v1's dictionary form, as far as it says what is to be installed."""

from __future__ import annotations

import re
import sys
from typing import Any, NamedTuple

from turnout.environments.sections import V1_IMAGES
from turnout.exceptions import EnvironmentException

# Compiled on use: the submission of a script that names no packages does not pay for them.
_CONDA = r"(?:(?P<channel>\S+?)::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>[^\s\[].*?)?\s*(?:\[.*\])?"
_CLAUSE = r"(?P<sign>===|==|>=|<=|!=|~=|=|<|>)?\s*(?P<version>\d+(?:\.\d+)*)(?P<any>\.?\*)?"


class Specification(NamedTuple):
    """What is to be installed.

    Attributes:
        name: the environment's name.
        version: its version, if it has one.
        interpreter: the person's own interpreter, as it was named; None when Turnout installs the packages.
        python: the wanted Python, or the one that a person has set in its place; minor ("3.11") or full ("3.11.7").
        pip: lines as in a requirements file.
        conda: conda packages other than python and pip, as conda's match specifications.
        container: what asks for a container, empty when nothing does.
        channels: where conda packages are to be had, the first one first asked; empty for the default.
        python_named: whether the specification itself names the Python.
        image: the container's base image, as it was named.
        dockerfile: the text of a Dockerfile that makes the base image.
    """

    name: str
    version: str | None
    interpreter: str | None
    python: str
    pip: tuple[str, ...]
    conda: tuple[str, ...]
    container: str
    channels: tuple[str, ...] = ()
    python_named: bool = False
    image: str = ""
    dockerfile: str = ""


def parse(definition: dict[str, Any]) -> Specification:
    """Return what a definition asks for.

    Raises:
        EnvironmentException: a part of it can't be understood.
    """
    name = str(definition.get("name") or "unnamed")
    python = definition.get("python") or {}
    packages = python.get("condaDependencies") or {}
    if not isinstance(packages, dict):
        raise EnvironmentException(
            f"condaDependencies of environment {name!r} is not a mapping: give the file's content"
        )
    wanted, pip, conda = _sort(name, packages.get("dependencies") or [])
    own = bool(python.get("userManagedDependencies"))
    version = definition.get("version")
    docker = definition.get("docker") or {}
    return Specification(
        name=name,
        version=None if version is None else str(version),
        interpreter=str(python.get("interpreterPath") or "") if own else None,
        python="" if own else _override(name, python) or _python_version(name, wanted),
        pip=tuple(pip),
        conda=tuple(conda),
        container=_container(docker),
        channels=_channels(name, packages.get("channels") or []),
        python_named=bool(wanted) and not own,
        image="" if docker.get("baseDockerfile") else str(docker.get("baseImage") or ""),
        dockerfile=str(docker.get("baseDockerfile") or ""),
    )


def _override(name: str, python: dict[str, Any]) -> str:
    """Return the Python that a person has set in place of the one that the packages ask for; empty when nobody has."""
    version = str(python.get("pythonOverride") or "")
    if version and not re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
        raise EnvironmentException(f"pythonOverride of environment {name!r} is a version like 3.11, not {version!r}")
    return version


def running_python(digits: int = 2) -> str:
    """Return the version of this interpreter: "3.11", with three digits "3.11.7"."""
    return ".".join(str(number) for number in sys.version_info[:digits])


def _sort(name: str, dependencies: list[Any]) -> tuple[str, list[str], list[str]]:
    """Return the wanted Python as conda writes it, the pip lines and the other conda packages."""
    python, pip, conda = "", list[str](), list[str]()
    for item in dependencies:
        if isinstance(item, dict) and set(item) == {"pip"}:
            lines = item["pip"] or []
            if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
                raise EnvironmentException(f"pip dependencies of environment {name!r} must be a list of strings")
            pip.extend(lines)
            continue
        match = re.fullmatch(_CONDA, item.strip()) if isinstance(item, str) else None
        if match is None:
            from turnout.runtime.builders import words  # only here: what is quoted must hold no password

            quoted = words.without_credentials(repr(item))
            raise EnvironmentException(f"dependency {quoted} of environment {name!r} can't be understood")
        if match["name"].lower() == "python":
            python = match["version"] or python
        elif match["name"].lower() != "pip":  # what installs pip packages here brings what it needs
            conda.append(item.strip())
    return python, pip, conda


def _channels(name: str, channels: Any) -> tuple[str, ...]:
    if not isinstance(channels, list) or not all(isinstance(channel, str) for channel in channels):
        raise EnvironmentException(f"channels of environment {name!r} must be a list of names, URLs or paths")
    return tuple(channel.strip() for channel in channels if channel.strip())


def _python_version(name: str, wanted: str) -> str:
    """Return "X.Y" or "X.Y.Z" for a version in conda's syntax; the submitter's own for a range, or for nothing."""
    running = running_python()
    if not wanted:
        return running
    clauses = [re.fullmatch(_CLAUSE, part.strip()) for part in wanted.split(",")]
    if any(clause is None for clause in clauses):
        raise EnvironmentException(
            f"environment {name!r} asks for python{wanted}, which can't be understood: "
            f"name one version, like python={running}, or override it: --python {running}"
        )
    first = clauses[0]
    assert first is not None
    if len(clauses) == 1 and (first["sign"] or "=").strip("=") == "" and first["version"].count(".") in (1, 2):
        return str(first["version"])
    if all(clause is not None and _satisfies(sys.version_info[:3], clause) for clause in clauses):
        return running
    raise EnvironmentException(
        f"environment {name!r} asks for python{wanted}, and this is Python {running_python(3)}: "
        f"name one version, like python={running}, or override it: --python {running}"
    )


def _satisfies(version: tuple[int, ...], clause: re.Match[str]) -> bool:
    sign = clause["sign"] or "="
    bound = tuple(int(part) for part in clause["version"].split("."))
    same = version[: len(bound)] == bound
    if sign == "~=":
        return version[: len(bound) - 1] == bound[:-1] and version >= bound
    return {
        "=": same,
        "==": same,
        "===": same,
        "!=": not same,
        ">=": version >= bound,
        "<=": same or version < bound,
        ">": version > bound and not same,
        "<": version < bound,
    }[sign]


def _container(docker: dict[str, Any]) -> str:
    if docker.get("enabled"):
        return "docker.enabled"
    if docker.get("baseDockerfile"):
        return "a Dockerfile"
    if docker.get("buildContext"):
        return "a build context"
    image = str(docker.get("baseImage") or "")
    return "" if image.startswith(V1_IMAGES) else image
