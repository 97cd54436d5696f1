"""Reads a uv.lock: what its project needs, as pinned requirement lines with hashes.

The groups for development (`dev-dependencies`) and the project's optional extras are left out, as by `uv sync --no-dev`;
the project itself is not installed, since its directory is the source directory. A package that is only needed under
conditions (on Windows, for an older Python) keeps them as a marker.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from turnout.environments import requirements_file
from turnout.environments.kinds import local_paths
from turnout.exceptions import EnvironmentException

_Conditions = set[frozenset[str]]
"""Alternatives, each of which is a set of markers that must all hold; the empty set always holds."""
_INSTALLED = ("registry", "git", "url", "path", "directory", "editable")


class _Node(NamedTuple):
    """A package of the lock by its position there, with one of its extras, or an empty text for itself."""

    position: int
    extra: str


def read(path: str | os.PathLike[str]) -> tuple[list[str], str | None]:
    """Return the requirement lines of a uv.lock, and the Python to use when the submitter's does not do.

    Raises:
        EnvironmentException: the file can't be read, is no uv.lock, or is of a version that isn't known.
    """
    where = os.path.abspath(os.fspath(path))
    table = requirements_file.read_toml(where)
    if table.get("version") != 1 or not isinstance(table.get("package"), list):
        raise EnvironmentException(f"{where} is no uv.lock of version 1, which uv writes; make it with `uv lock`")
    try:
        lines = list(_Lock(table, os.path.dirname(where)).lines())
    except (KeyError, TypeError, AttributeError, StopIteration) as failure:
        raise EnvironmentException(
            f"{where} can't be understood ({failure}); make it anew with `uv lock`", failure
        ) from failure
    requires = table.get("requires-python")
    return lines, requirements_file.python_for(str(requires), requirements_file.submitters()) if requires else None


class _Lock:
    def __init__(self, table: dict[str, Any], directory: str) -> None:
        self.packages: list[dict[str, Any]] = table["package"]
        self.directory = directory
        self.members = set((table.get("manifest") or {}).get("members") or ())

    def lines(self) -> Iterator[str]:
        conditions = self._needed()
        needed: dict[int, _Conditions] = {}
        for node, alternatives in conditions.items():
            needed.setdefault(node.position, set()).update(alternatives)
        roots = set(self._roots())
        kept = [position for position in sorted(needed) if position not in roots and self._is_installed(position)]
        yield from self._sources(kept)
        for position in kept:
            yield self._line(self.packages[position], _marker(needed[position]))

    def _roots(self) -> list[int]:
        """Return the project of the lock's directory; all members of a workspace that has none there."""
        here, members = [], []
        for position, package in enumerate(self.packages):
            source = package["source"]
            if source.get("virtual", source.get("editable", source.get("directory"))) == ".":
                here.append(position)
            elif package["name"] in self.members:
                members.append(position)
        return here or members

    def _needed(self) -> dict[_Node, _Conditions]:
        """Follow the dependencies from the roots, and return under which conditions each package is needed."""
        found: dict[_Node, _Conditions] = {_Node(position, ""): {frozenset()} for position in self._roots()}
        waiting = list(found)
        while waiting:
            node = waiting.pop()
            for other, marker in self._edges(node):
                known = found.setdefault(other, set())
                reached = {before | ({marker} if marker else frozenset()) for before in found[node]}
                after = _simplest(known | reached)
                if after != known:
                    found[other] = after
                    waiting.append(other)
        return found

    def _edges(self, node: _Node) -> Iterator[tuple[_Node, str]]:
        package = self.packages[node.position]
        if node.extra:
            listed = (package.get("optional-dependencies") or {}).get(node.extra) or []
            yield _Node(node.position, ""), ""
        else:
            listed = package.get("dependencies") or []
        for dependency in listed:
            position = self._find(dependency)
            for extra in ["", *(dependency.get("extra") or ())]:
                yield _Node(position, extra), str(dependency.get("marker") or "")

    def _find(self, dependency: dict[str, Any]) -> int:
        """Return the package that a dependency means; version and source are given where the name alone doesn't tell."""
        for position, package in enumerate(self.packages):
            if all(
                package.get(part) == dependency[part] for part in ("name", "version", "source") if part in dependency
            ):
                return position
        raise KeyError(dependency["name"])

    def _is_installed(self, position: int) -> bool:
        return any(kind in self.packages[position]["source"] for kind in _INSTALLED)

    def _sources(self, kept: list[int]) -> Iterator[str]:
        """Yield options for the places beside the one where most packages come from: that is the configured index."""
        places = Counter(
            str(self.packages[at]["source"]["registry"]) for at in kept if "registry" in self.packages[at]["source"]
        )
        most = next((place for place, _ in places.most_common() if "://" in place), None)
        for place in places:
            if "://" not in place:
                yield f"--find-links {self._path(place)}"
            elif place != most:
                yield f"--extra-index-url {place}"

    def _line(self, package: dict[str, Any], marker: str) -> str:
        source, name = package["source"], package["name"]
        files = [*([package["sdist"]] if package.get("sdist") else []), *(package.get("wheels") or ())]
        hashes = " ".join(f"--hash={file['hash']}" for file in files if file.get("hash"))
        if "registry" in source:
            text = f"{name}=={package['version']}"
        elif "git" in source:
            text, hashes = f"{name} @ {_git(source['git'])}", ""
        elif "url" in source:
            text = f"{name} @ {source['url']}"
        elif "editable" in source:
            return f"-e {self._path(source['editable'])}"
        else:
            place = self._path(source.get("path") or source["directory"])
            text, hashes = f"{name} @ {local_paths.uri(place)}", hashes if "path" in source else ""
        return text + (f" ; {marker}" if marker else "") + (f" {hashes}" if hashes else "")

    def _path(self, relative: str) -> str:
        return os.path.abspath(os.path.join(self.directory, relative))


def _git(url: str) -> str:
    """Return pip's form of uv's `https://host/repository?subdirectory=a&rev=main#commit`."""
    parts = urlsplit(url)
    repository = parts._replace(query="", fragment="").geturl()
    subdirectory = [pair for pair in parts.query.split("&") if pair.startswith("subdirectory=")]
    return f"git+{repository}@{parts.fragment}" + (f"#{subdirectory[0]}" if subdirectory else "")


def _simplest(alternatives: _Conditions) -> _Conditions:
    """Leave out what is only a stricter form of another alternative."""
    return {each for each in alternatives if not any(other < each for other in alternatives)}


def _marker(alternatives: _Conditions) -> str:
    """Return alternatives as one marker; empty for what always holds."""
    whole = _simplest(alternatives)
    if frozenset() in whole:
        return ""
    parts = sorted(" and ".join(f"({marker})" for marker in sorted(each)) for each in whole)
    return parts[0] if len(parts) == 1 else " or ".join(f"({part})" if ") and (" in part else part for part in parts)
