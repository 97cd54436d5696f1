"""The environments that were registered in a workspace, beside the curated ones.

A version is one file, `NAME/VERSION.json`, linked into place under the next free number, so two who register at once
get two numbers, and a reader finds a version whole or not at all. `NAME/labels.json` is changed under a lock.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from turnout.elements import warn
from turnout.environments import curated
from turnout.environments.environment import Environment
from turnout.exceptions import EnvironmentException, RecordException, UserErrorException
from turnout.runtime import exclusive, filelocks, layout, records

_LABELS = "labels.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,254}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def get(workspace: layout.WorkspaceLayout, name: str, version: str | None, label: str | None) -> Environment:
    """Return an environment by name, in its latest version unless a version or a label is given.

    Raises:
        UserErrorException: both are given.
        EnvironmentException: there is no such environment.
    """
    if version is not None and label is not None:
        raise UserErrorException("give the environment's version or its label, not both")
    if curated.is_v1(name):
        return _nearest(name)
    if name in curated.ENVIRONMENTS:
        return _curated(name, version, label)
    directory = _directory(workspace, name)
    versions = _versions(directory) if directory else []
    if directory is None or not versions:
        raise _unknown(workspace, name)
    if label is not None:
        version = _labels(directory).get(label)
        if version is None:
            known = ", ".join(sorted(_labels(directory))) or "none"
            raise EnvironmentException(f"the environment {name!r} has no label {label!r}; its labels: {known}")
    wanted = versions[-1] if version is None else str(version)
    if wanted not in versions:
        raise EnvironmentException(
            f"the environment {name!r} has no version {wanted!r}; its versions: {', '.join(versions)}"
        )
    return _load(directory, wanted)


def latest(workspace: layout.WorkspaceLayout) -> dict[str, Environment]:
    """Return all environments by name, each in its latest version."""
    return {name: get(workspace, name, None, None) for name in names(workspace)}


def names(workspace: layout.WorkspaceLayout) -> list[str]:
    """Return the names of all environments, the registered ones first."""
    try:
        found = sorted(os.listdir(workspace.environments))
    except FileNotFoundError:
        found = []
    registered = [name for name in found if _versions(os.path.join(workspace.environments, name))]
    return [*registered, *curated.ENVIRONMENTS]


def register(workspace: layout.WorkspaceLayout, environment: Environment) -> Environment:
    """Keep an environment; see `Environment.register`."""
    name = environment.name
    if name is None or not _NAME.fullmatch(name):
        raise EnvironmentException(
            f"an environment can't be registered as {name!r}: letters, digits, blanks and '. _ -', "
            "a letter or a digit first, at most 255"
        )
    if curated.is_reserved(name):
        raise EnvironmentException(
            f"the name {name!r} is reserved for environments that come with Turnout; take another"
        )
    definition = environment.serialize()
    directory = os.path.join(workspace.environments, name)
    try:
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
        if environment.version is not None:
            version = _add_as(directory, definition, str(environment.version))
        else:
            version = _add_next(directory, definition)
        return _load(directory, version)
    except OSError as failure:
        raise RecordException(f"the environment {name!r} can't be kept: {failure}", failure) from failure


def label(workspace: layout.WorkspaceLayout, name: str, version: str, labels: Iterable[str]) -> None:
    """Give a version labels; see `Environment.label`."""
    get(workspace, name, version, None)
    directory = _directory(workspace, name)
    if directory is None or name in curated.ENVIRONMENTS:
        raise EnvironmentException(f"the environment {name!r} comes with Turnout and can't be labelled; clone it first")
    wanted = [labels] if isinstance(labels, str) else list(labels)
    path = os.path.join(directory, "labels.lock")
    try:
        lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        try:
            filelocks.lock(lock, path)
            current = _labels(directory)
            current.update((text, str(version)) for text in wanted)
            records.write_json(os.path.join(directory, _LABELS), current)
        finally:
            os.close(lock)
    except OSError as failure:
        raise RecordException(f"the labels of the environment {name!r} can't be kept: {failure}", failure) from failure


def _curated(name: str, version: str | None, label: str | None) -> Environment:
    if version not in (None, curated.VERSION) or label is not None:
        raise EnvironmentException(f"the environment {name!r} comes with Turnout in version {curated.VERSION} only")
    environment = Environment(name)
    environment.version = curated.VERSION
    environment.python.conda_dependencies.set_pip_requirements(curated.ENVIRONMENTS[name].requirements)
    return environment


def _nearest(name: str) -> Environment:
    """Return what comes nearest to one of v1's curated environments, and say so; its versions were v1's own."""
    found = curated.nearest(name)
    if found is None:
        raise EnvironmentException(
            f"the environment {name!r} was Azure ML's, and Turnout has none like it: make one of your own, "
            f"from a requirements file; there is: {', '.join(curated.ENVIRONMENTS)}"
        )
    warn(f"the environment {name!r} was Azure ML's; the nearest one of Turnout's takes its place: {found}")
    return _curated(found, None, None)


def _add_next(directory: str, definition: dict[str, Any]) -> str:
    """Keep a definition under the next number, unless the latest version is the same, and return its version."""
    while True:
        versions = _versions(directory)
        if versions and _same(_load(directory, versions[-1]).serialize(), definition):
            return versions[-1]
        version = str(max((int(number) for number in versions if number.isdecimal()), default=0) + 1)
        if _link(directory, definition, version):
            return version


def _add_as(directory: str, definition: dict[str, Any], version: str) -> str:
    """Keep a definition under a version that the person chose."""
    if not _VERSION.fullmatch(version):
        raise EnvironmentException(f"an environment's version can't be {version!r}: letters, digits and '. _ : -'")
    if not _link(directory, definition, version) and not _same(_load(directory, version).serialize(), definition):
        raise EnvironmentException(
            f"the environment {definition['name']!r} has a version {version} that differs from this one; "
            "set its version to None to get the next number"
        )
    return version


def _link(directory: str, definition: dict[str, Any], version: str) -> bool:
    """Put a version in place; False when somebody was first."""
    temporary = os.path.join(directory, f".{version}.{os.urandom(6).hex()}.new")
    records.write_json(temporary, dict(definition, version=version))
    try:
        exclusive.place(temporary, _file(directory, version))
    except FileExistsError:
        return False
    finally:
        exclusive.discard(temporary)
    return True


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether two definitions are the same apart from what registering gives them."""
    kept = [dict(definition, version=None, assetId=None) for definition in (one, other)]
    return kept[0] == kept[1]


def _file(directory: str, version: str) -> str:
    return os.path.join(directory, f"{version}.json")


def _load(directory: str, version: str) -> Environment:
    path = _file(directory, version)
    try:
        return Environment.deserialize(records.read_json(path))
    except (OSError, ValueError) as failure:
        raise RecordException(f"{path} can't be read: {failure}", failure) from failure


def _versions(directory: str) -> list[str]:
    """Return the versions, the latest last: the highest number; what isn't a number comes before all numbers."""
    try:
        entries = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = [entry[: -len(".json")] for entry in entries if entry.endswith(".json") and entry != _LABELS]
    wanted = [version for version in found if _VERSION.fullmatch(version)]
    return sorted(wanted, key=lambda text: (text.isdecimal(), int(text) if text.isdecimal() else 0, text))


def _labels(directory: str) -> dict[str, str]:
    try:
        value = records.read_json(os.path.join(directory, _LABELS))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as failure:
        raise RecordException(f"{os.path.join(directory, _LABELS)} can't be read: {failure}", failure) from failure
    return {str(text): str(version) for text, version in value.items()}


def _directory(workspace: layout.WorkspaceLayout, name: str) -> str | None:
    """Return where an environment's versions lie; None for a name that nothing can be registered under."""
    return os.path.join(workspace.environments, name) if _NAME.fullmatch(str(name)) else None


def _unknown(workspace: layout.WorkspaceLayout, name: str) -> EnvironmentException:
    import difflib

    known = names(workspace)
    near = difflib.get_close_matches(str(name), known, n=2, cutoff=0.5)
    hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
    return EnvironmentException(f"there is no environment {name!r}{hint}; there is: {', '.join(known)}")
