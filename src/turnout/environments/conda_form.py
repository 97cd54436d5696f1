"""The form of a conda environment file: its keys, its entries, and what they say. No I/O."""

from __future__ import annotations

import re
from typing import Any

from turnout.environments import files
from turnout.exceptions import EnvironmentException, UserErrorException

CHANNELS = "channels"
PACKAGES = "dependencies"
PIP = "pip"
ALLOWED_KEYS = ("name", CHANNELS, PACKAGES, "prefix", "variables")
"""The top-level keys of a conda environment file. Source: conda's documentation, and v1's own check."""


_ENTRY = re.compile(
    r"(?:(?P<channel>[^\s=<>!~]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*(?P<version>.*)", re.DOTALL
)


def checked(structure: Any, where: str) -> dict[str, Any]:
    """Return the structure of a conda environment file once its form is as it must be."""
    if not isinstance(structure, dict):
        raise EnvironmentException(f"{where} is not a conda environment file: it needs a 'dependencies' list")
    unknown = [str(key) for key in structure if key not in ALLOWED_KEYS]
    if unknown:
        allowed = ", ".join(ALLOWED_KEYS)
        raise EnvironmentException(f"{where}: a conda environment file has no key {unknown[0]!r} (there is: {allowed})")
    for key in (CHANNELS, PACKAGES):
        if not isinstance(structure.get(key, []), (list, type(None))):
            raise EnvironmentException(f"{where}: '{key}' must be a list")
    sections = 0
    for item in structure.get(PACKAGES) or []:
        if isinstance(item, dict) and list(item) == [PIP] and isinstance(item[PIP], (list, type(None))):
            sections += 1
        elif not isinstance(item, str) or not _ENTRY.fullmatch(item.strip()):
            raise EnvironmentException(f"{where}: {files.plain(item)!r} is neither a conda package nor the 'pip:' list")
    if sections > 1:
        raise EnvironmentException(f"{where} has more than one 'pip:' list; join them")
    if not isinstance(structure.get("variables") or {}, dict):
        raise EnvironmentException(f"{where}: 'variables' must be a mapping")
    return structure


def package_name(package: str) -> str:
    """Return the name of a conda package without its channel and version."""
    match = _ENTRY.fullmatch(str(package).strip())
    if match is None:
        raise UserErrorException(f"a conda package is like 'numpy=1.26', not {package!r}")
    return match["name"].lower()


def python_version(package: str) -> str | None:
    """Return the version in a conda entry for python: `python=3.10.*=h1_0` → `3.10`."""
    match = _ENTRY.fullmatch(package.strip())
    version = (match["version"] if match else "").split(" ;")[0].strip()
    exact = re.fullmatch(r"(?:={1,2}\s*)?([0-9][0-9.]*?)(?:\.?\*)?(?:\s*=\s*\S+|\s+\S+)?", version)
    return exact[1] if exact else "".join(version.split()) or None
