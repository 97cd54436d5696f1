"""Builds an environment on this machine without a run, in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from turnout.environments import locking, resolution
from turnout.environments.image_details import DockerImageDetails, ImageBuildDetails
from turnout.exceptions import EnvironmentException
from turnout.runtime import builders, layout


def build(environment: dict[str, Any], home: layout.Home, log: Any) -> tuple[builders.Built, bool]:
    """Find an environment, or build it as a run would, or wait for whoever is building it.

    Args:
        environment: what a resolution gives: kind, key, python, platform and lock.
        home: the home of this machine.
        log: gets the bytes of every line of the tools' output as it comes: `write` and `flush`.

    Returns:
        The environment, and whether it had to be built.

    Raises:
        EnvironmentException: it can't be built; nothing of it is left behind.
    """
    found = builders.find(environment, home)
    if found is not None:
        return found, False
    try:
        return builders.build(environment, home, log), True
    except builders.BuildFailed as error:
        raise EnvironmentException(
            f"environment {environment['name']!r} can't be built: {error.reason}", error
        ) from error


def begin(definition: dict[str, Any], workspace: layout.WorkspaceLayout) -> ImageBuildDetails:
    """Resolve a definition, unless it has a lock, and begin to build it; both go on in a thread of this process."""
    return ImageBuildDetails(lambda log: _resolve_and_build(definition, workspace, log))


def here(definition: dict[str, Any], workspace: layout.WorkspaceLayout) -> str:
    """Resolve and build a definition with the log on standard output; return the path of its Python.

    Raises:
        EnvironmentException: it can't be resolved or built.
    """
    return _resolve_and_build(definition, workspace, _Printed()).interpreter


def details(definition: dict[str, Any], workspace: layout.WorkspaceLayout) -> DockerImageDetails:
    """Say what is built of a definition on this machine; see `Environment.get_image_details`."""
    question = resolution.ask(definition, workspace.home, lambda line: None)
    locked = locking.kept(question, workspace)
    environment = None if locked is None else locked.environment
    found = None if environment is None else builders.find(environment, workspace.home)
    directory = workspace.home.environment(environment["key"]) if environment and found else ""
    return DockerImageDetails(
        imageExistsInRegistry=False,
        dockerImage={"name": found.image, "registry": None} if found and found.image else None,
        pythonEnvironment={
            "interpreterPath": found.interpreter if found else None,
            "condaEnvironmentPath": directory if os.path.isdir(directory) else None,
        },
        ingredients={"dockerfile": (definition.get("docker") or {}).get("baseDockerfile")},
    )


def _resolve_and_build(definition: dict[str, Any], workspace: layout.WorkspaceLayout, log: Any) -> builders.Built:
    question = resolution.ask(definition, workspace.home, _told(log))
    built, new = build(locking.lock(question, workspace).environment, workspace.home, log)
    if not new:
        _told(log)(f"there already: {built.interpreter}")
    return built


def _told(log: Any) -> Callable[[str], None]:
    def tell(line: str) -> None:
        log.write(f"turnout: {line}\n".encode("utf-8", "replace"))
        log.flush()

    return tell


class _Printed:
    """A log on standard output, also where that is no real file, as in a notebook."""

    def write(self, data: bytes) -> int:
        sys.stdout.write(data.decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        sys.stdout.flush()
