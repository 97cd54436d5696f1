"""The packages of a lock or of an interpreter as one list, and what changed between two such lists. No I/O.

A kind whose lock has more in it than pip requirements offers `packages(lock)`, which returns a list of `Package`; for the
others the lines under `requirements` are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from turnout.environments import kinds, requirement

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

_HASH = re.compile(r"\s+--hash[=\s](\S+)")
_WHEEL = re.compile(r"[^/]+?-(?P<version>[^-/]+)-[^/]+\.whl$")


class Package(NamedTuple):
    """One package, exactly.

    Attributes:
        name: its name.
        version: its version; empty when only the URL tells.
        url: where it comes from, if not from an index.
        hashes: digests of the files that may be installed; empty when they aren't known.
    """

    name: str
    version: str
    url: str = ""
    hashes: frozenset[str] = frozenset()

    @property
    def spoken(self) -> str:
        """The version for reading, or the URL in its place."""
        return self.version or self.url or "unknown"


class Change(NamedTuple):
    """What differs in one respect: a package, or the Python or platform that the packages are for."""

    kind: str
    what: str
    before: str | None
    after: str | None


def of_lock(kind_name: str, lock: Mapping[str, Any]) -> list[Package]:
    """Return the packages of a lock, sorted by name.

    Args:
        kind_name: the environment kind that has made it.
        lock: the lock.
    """
    own = getattr(kinds.module(kind_name), "packages", None)
    found: list[Package] = own(lock) if own is not None else [of_line(line) for line in lock.get("requirements") or ()]
    return sorted(found, key=lambda package: requirement.normal_name(package.name))


def of_facts(packages: Iterable[Mapping[str, Any]]) -> list[Package]:
    """Return the packages that an interpreter told of: the `packages` of environment.json."""
    return [
        Package(str(each.get("name")), str(each.get("version") or ""), str(each.get("url") or "")) for each in packages
    ]


def of_line(line: str) -> Package:
    """Return the package of one line of a lock: `six==1.17.0 --hash=…`, `six @ URL`, `-e file:///…`."""
    hashes = frozenset(_HASH.findall(line))
    text = _HASH.sub("", line).strip()
    found = requirement.parse(text)
    if found is None:
        url = text.removeprefix("-e ").split(" ;", maxsplit=1)[0].strip()
        return Package(requirement.identity(url).rsplit("/", maxsplit=1)[-1], "", url, hashes)
    if found.url:
        wheel = _WHEEL.search(found.url.partition("#")[0])
        return Package(found.name, wheel["version"] if wheel else "", found.url, hashes)
    return Package(found.name, found.specifier.lstrip("="), "", hashes)


def changes(before: Iterable[Package], after: Iterable[Package]) -> list[Change]:
    """Return what changed between two lists of packages, by name."""
    old = {requirement.normal_name(package.name): package for package in before}
    new = {requirement.normal_name(package.name): package for package in after}
    found = (_change(old.get(name), new.get(name)) for name in sorted({*old, *new}))
    return [change for change in found if change is not None]


def _change(old: Package | None, new: Package | None) -> Change | None:
    if old is None or new is None:
        if new is not None:
            return Change(ADDED, new.name, None, new.spoken)
        return None if old is None else Change(REMOVED, old.name, old.spoken, None)
    if old.spoken != new.spoken:
        return Change(CHANGED, new.name, old.spoken, new.spoken)
    if old.url != new.url:
        return Change(CHANGED, new.name, old.url or "index", new.url or "index")
    if old.hashes and new.hashes and old.hashes != new.hashes:
        return Change(CHANGED, new.name, old.spoken, f"{new.spoken}, other files")
    return None
