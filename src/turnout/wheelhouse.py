"""Brings to a target what it needs for a run's environment and can't get by itself, before there is a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from turnout.environments import wheels
from turnout.exceptions import EnvironmentException

if TYPE_CHECKING:
    from turnout.targets.reach import Reach


def bring(target: Reach, asked: wheels.Asked, progress: Callable[[int, int], None] | None = None) -> None:
    """See to it that a target can build an environment, unless it has it already.

    Args:
        target: the way there.
        asked: which environment, and for whom.
        progress: gets the bytes sent and those there are in all.

    Raises:
        EnvironmentException: something that the environment is made of can't be had there.
        Unreachable, TargetError: the target can't be asked.
    """
    folders = _channels(asked)
    wanted = wheels.needed(asked)
    needs_python = asked.everything and asked.environment.get("kind") == "uv"
    if not folders and not wanted and not needs_python:
        return
    environment = {name: asked.environment.get(name) for name in ("kind", "key", "python", "platform", "lock")}
    answer = target.run({"operation": "environment", "environment": environment, "paths": folders})
    if answer["built"]:
        return
    if answer["absent"]:
        raise EnvironmentException(
            f"{asked.named} can't be built on {asked.target}: its channel {answer['absent'][0]} is a folder that is not "
            "there; put it there under the same path, or name the channel by a URL"
        )
    if needs_python and not answer["python"]:
        raise EnvironmentException(
            f"{asked.named} asks for Python {environment['python']}, which {asked.target} doesn't have and can't download: "
            f"install it there, or take one that it has ({', '.join(answer['pythons']) or 'none'}) with --python VERSION"
        )
    if wanted:
        _send(target, asked, progress)


def _channels(asked: wheels.Asked) -> list[str]:
    """Return the folders that the locked conda packages come from."""
    urls = [str(package.get("url")) for package in asked.lock.get("conda") or ()]
    paths = {os.path.dirname(os.path.dirname(unquote(urlsplit(url).path))) for url in urls if url.startswith("file:")}
    return sorted(paths)


def _send(target: Reach, asked: wheels.Asked, progress: Callable[[int, int], None] | None) -> None:
    found = wheels.collect(asked)
    if not found.files:
        return
    target.push(found.files.values(), progress)
    request: dict[str, Any] = {
        "operation": "wheels",
        "key": asked.environment["key"],
        "wheels": found.files,
        "replaced": found.replaced,
        "complete": found.complete,
    }
    while missing := target.run(request).get("missing"):  # freed there since they were brought
        target.push(missing, progress)
