"""The packages of the interpreter that a person works with, pinned: what `pip freeze` would say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from turnout.environments import requirement
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import inspection

_LEFT_OUT = ("distribute", "pip", "setuptools", "turnout", "wheel")
"""What installs packages, as `pip freeze` leaves it out; and Turnout, whose runtime reaches the script without a package."""
_COMMIT = re.compile(r"(?P<repository>.+)@[0-9a-f]{40,64}")


def pinned(interpreter: str) -> tuple[str, list[str]]:
    """Return the minor version of an interpreter, and its packages as requirement lines.

    Args:
        interpreter: its path.

    Raises:
        EnvironmentException: it does not run.
    """
    facts = inspection.inspect(interpreter)
    if "error" in facts:
        raise EnvironmentException(f"{interpreter} does not tell what is installed in it: {facts['error']}")
    version = ".".join(str(facts["python"]["version"]).split(".")[:2])
    return version, list(_lines(facts["packages"]))


def _lines(packages: list[Mapping[str, Any]]) -> Iterator[str]:
    for package in packages:
        name, version, url = str(package["name"]), str(package.get("version") or ""), str(package.get("url") or "")
        if requirement.normal_name(name) in _LEFT_OUT:
            continue
        if url and not _is_gone(url):
            yield f"{name} @ {'git+' if _COMMIT.fullmatch(url) else ''}{url}"
        elif version:
            yield f"{name}=={version}"


def _is_gone(url: str) -> bool:
    """Say whether a local URL leads nowhere here: conda's packages name the directory that they were built in."""
    parts = urlsplit(url)
    return parts.scheme == "file" and not os.path.exists(unquote(parts.path))
