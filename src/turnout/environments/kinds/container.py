"""A container: a base image or a Dockerfile, and conda packages and pip requirements on top of it, locked as elsewhere."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from turnout.environments.kinds import Context, conda, uv
from turnout.environments.kinds.failures import ResolutionFailed
from turnout.environments.kinds.specification import Specification
from turnout.exceptions import EnvironmentException
from turnout.runtime.containers import engine as engines

if TYPE_CHECKING:
    from turnout.environments.packages import Package

TOOLS = ("uv", "rattler")


def claims(specification: Specification) -> bool:
    """Say whether a container was asked for."""
    return bool(specification.container)


def request(specification: Specification, context: Context) -> dict[str, Any]:
    """Return all that the lock depends on.

    The image counts by its name: which one that is now, the lock says, until a person unfreezes it.

    Raises:
        EnvironmentException: no image is named, or a requirement can't be used in a container.
    """
    named = f"environment {context.name!r}"
    if not specification.image and not specification.dockerfile:
        raise EnvironmentException(f"{named} asks for a container and names no image: set docker.base_image")
    wanted = (conda if specification.conda and specification.interpreter is None else uv).request(
        specification, context
    )
    editable = next((line for line in wanted["requirements"] if line.startswith("-e ")), None)
    if editable is not None:
        raise EnvironmentException(
            f"{named} has the editable requirement {editable!r}, which a container can't have: leave the -e out"
        )
    own = specification.interpreter
    installs = own is None and bool(wanted["requirements"] or wanted.get("conda") or specification.python_named)
    return {
        **wanted,
        "python": specification.python if specification.python_named or not installs else "",
        "interpreter": None if installs else own or "python",
        "installs": installs,
        "image": specification.image,
        "dockerfile": specification.dockerfile,
    }


def immediate(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return None: which image a name means is always to be asked."""
    return None


def resolve(request: dict[str, Any], context: Context) -> dict[str, Any]:
    """Find out which image is meant, pulling it if need be, and lock the packages for its Python.

    Raises:
        EnvironmentException: there is no engine on this machine, or a requirement can't be read.
        ResolutionFailed: the image can't be had, or the requirements have no solution.
    """
    from turnout.environments.kinds import uv_compile
    from turnout.environments.kinds.specification import running_python
    from turnout.runtime.builders import container

    image = {"reference": request["image"], "id": None, "digest": None} if request["image"] else None
    python = request["python"]
    engine = engines.find(context.variables) if context.here else None
    if context.there is not None and not context.there.get("engines"):
        raise EnvironmentException(
            f"environment {context.name!r} asks for a container, and the target has no container engine: install podman or "
            "docker there, then `turnout target check`"
        )
    if context.here and context.there is None and engine is None:
        raise EnvironmentException(f"environment {context.name!r}: {engines.missing(context.variables)}")
    found = _found(engine, image["reference"], context) if engine is not None and image is not None else None
    if engine is not None and image is not None and found is not None:
        image["id"] = engines.id_of(found)
        image["digest"] = next(iter(found.get("RepoDigests") or []), None) if _is_pulled(found) else None
        if request["installs"] and not python:
            python = container.python_of(engine, image["id"])
    if request["installs"] and not python:
        python = running_python()
        context.report(
            f"which Python the image has isn't known here: packages are for {python}, unless you name another"
        )
    python = python or running_python()
    # What is in the image is not what is on this machine.
    asked, inside = {**request, "python": python}, context._replace(here=False)
    if request.get("conda"):
        packages = conda.resolve(asked, inside)
    else:
        packages = uv.lock(asked, uv_compile.compile_lock(asked, inside) if request["requirements"] else [])
    return {
        **packages,
        "image": image,
        "dockerfile": request["dockerfile"],
        "interpreter": request["interpreter"],
        "installs": request["installs"],
    }


def key(lock: dict[str, Any]) -> str:
    """Return a digest of what determines the image: the base's identity, the Dockerfile, Python, and the packages."""
    parts = {name: lock.get(name) for name in ("platform", "dockerfile", "interpreter", "installs")}
    image = lock.get("image") or {}
    parts["image"] = image.get("digest") or image.get("id") or image.get("reference")
    if lock.get("installs"):
        parts["packages"] = (conda if lock.get("conda") else uv).key(lock)
    return "container-" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()[:32]


def packages(lock: dict[str, Any]) -> list[Package]:
    """Return the packages on top of the image, and the image itself."""
    from turnout.environments.packages import Package

    image = lock.get("image") or {}
    reference = str(image.get("reference") or "")
    base = [Package(reference, str(image.get("id") or ""), str(image.get("digest") or ""))] if reference else []
    return [*base, *conda.packages(lock)]


def _found(engine: engines.Engine, reference: str, context: Context) -> dict[str, Any] | None:
    """Return what the engine knows of an image, which it pulls when it isn't there.

    None for one that can't be had here, when it is for another machine: there its name will do.
    """
    try:
        try:
            return engine.inspect("image", reference)
        except engines.NoSuchThing:
            context.report(f"pulling the image {reference}")
            engine.ask("pull", reference, seconds=None)
            return engine.inspect("image", reference)
    except engines.EngineError as error:
        if context.there is not None:
            context.report(f"the image {reference} is not here: the target takes what it knows under that name")
            return None
        words = context.hide(str(error))
        raise ResolutionFailed(
            f"environment {context.name!r} can't be resolved: the image {reference} is not here and can't be had: "
            f"{words}; build or pull it, or name another",
            words,
        ) from error


def _is_pulled(found: dict[str, Any]) -> bool:
    """Say whether an image came from a registry, so that its digest is known there: one made here has no such name."""
    return any("@" in name and not name.startswith("localhost/") for name in found.get("RepoDigests") or [])
