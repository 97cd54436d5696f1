"""Container images: a base image, or a Dockerfile's, and on top of it a layer with the packages of a lock.

The base comes first and the packages last, so other packages leave the base as it is. The packages are installed in a
container that is then committed; see `imagelayer`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from turnout.runtime import layout
from turnout.runtime.builders.contract import BuildFailed, Built
from turnout.runtime.containers import engine as engines

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner

MAKES_DIRECTORY = True
"""For the Dockerfile and what uv is given; the image itself is kept by the engine."""

REPOSITORY = "localhost/turnout/environment"
"""Images are named after their environment's key, so that a person who looks at the engine's list knows them."""

KEY_LABEL = "turnout.key"

_LAYER = re.compile(r"(?:STEP|Step|#\d+ \[) ?(\d+)/(\d+) ?[:\]] ?(.{0,60})")


def built(environment: Dict[str, Any], directory: str, facts: Optional[Dict[str, Any]]) -> Optional[Built]:
    """Return the image, as its builder noted it; whether the engine still has it shows when a container is made of it."""
    if facts is None or not facts.get("image"):
        return None
    return Built(str(facts["interpreter"]), facts, prefix=facts.get("prefix"), image=str(facts["image"]))


def build(environment: Dict[str, Any], directory: str, runner: Runner) -> Dict[str, Any]:
    """Make the image and return what is in it.

    Raises:
        BuildFailed: there is no engine, no such base image, or a step of the Dockerfile or of the installation failed.
    """
    from turnout.runtime.builders import imagelayer  # not for those who only look

    engine = engines.find(runner.variables)
    if engine is None:
        raise BuildFailed(engines.missing(runner.variables))
    os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
    lock = environment.get("lock") or {}
    key = str(environment.get("key"))
    try:
        base = image = _base(engine, lock, key, directory, runner)
        prefix = None
        if lock.get("installs"):
            image, prefix = _install(engine, image, environment, directory, runner), imagelayer.PREFIX
            path = imagelayer.PREFIX + "/bin/python"
        else:
            path = _interpreter(engine, image, str(lock.get("interpreter") or "python"))
        facts = _inspect(engine, image, path)
        version = engine.ask("version", "--format", "{{.Client.Version}}").strip()
    except engines.EngineError as error:
        raise BuildFailed("%s failed: %s" % (os.path.basename(engine.path), error), str(error)) from error
    if lock.get("conda"):
        facts["conda"] = [
            {name: one.get(name) for name in ("name", "version", "build", "channel")} for one in lock["conda"]
        ]
    facts.update({"interpreter": path, "prefix": prefix, "image": image})
    facts["image_bytes"] = max(0, _size(engine, image) - _size(engine, base))
    facts["tool"] = "%s %s" % (os.path.basename(engine.path), version)
    return facts


def _base(engine: engines.Engine, lock: Dict[str, Any], key: str, directory: str, runner: Runner) -> str:
    """Return the id of the image below the packages: pulled, built from its Dockerfile, or there already."""
    if lock.get("dockerfile"):
        context = os.path.join(directory, "context")
        os.makedirs(context, layout.DIRECTORY_MODE, exist_ok=True)
        with open(os.path.join(context, "Dockerfile"), "w", encoding="utf-8") as stream:
            stream.write(lock["dockerfile"])
        tag = "%s:%s-base" % (REPOSITORY, key)
        command = [engine.path, "build", "--force-rm", "--network", "host", "--tag", tag, context]
        runner.run(command, engine.variables, "build the Dockerfile", _layer)
        return engine.image_id(tag)
    named = lock.get("image") or {}
    reference, identity = str(named.get("reference")), named.get("id")
    if identity:
        try:
            return engine.image_id(str(identity))
        except engines.NoSuchThing:
            pass
    digest = named.get("digest")
    wanted = str(digest or reference)
    try:
        found = engine.image_id(wanted)
    except engines.NoSuchThing:
        runner.step("pulling %s" % reference)
        runner.run([engine.path, "pull", wanted], engine.variables, "pull the base image")
        found = engine.image_id(wanted)
    if identity and not digest and found != identity:
        raise BuildFailed(
            "the image %s is another one now than when the environment was locked (%s, locked: %s): "
            "`turnout env update` locks it anew" % (reference, found[:19], str(identity)[:19])
        )
    return found


def _layer(line: str) -> str:
    """Return which layer of a Dockerfile an engine's line begins, as podman and docker say it; empty for other lines."""
    found = _LAYER.match(line)
    return "layer %s of %s: %s" % found.groups() if found is not None else ""


def _install(engine: engines.Engine, base: str, environment: Dict[str, Any], directory: str, runner: Runner) -> str:
    """Install the packages in a container of the base image, commit it, and return the id of the new image."""
    from turnout.runtime.builders import imagelayer, uvsteps, wheelhouse

    key, lock = str(environment.get("key")), environment.get("lock") or {}
    name = "turnout-build-%s" % os.urandom(8).hex()
    brought = wheelhouse.find(runner.home, environment)
    layer = imagelayer.Layer(engine, lock, str(environment.get("python")), directory, runner, brought)
    command = [
        *("create", "--interactive", "--pull", "never", "--name", name, "--network", "host", "--user", "0"),
        *("--label", "%s=%s" % (KEY_LABEL, key)),
        *(["--security-opt", "label=disable"] if engine.is_podman else []),
        *layer.options,
        *("--entrypoint", "/bin/sh", base, "-s"),
    ]
    engine.ask(*command)
    try:
        start = [engine.path, "start", "--attach", "--interactive", name]
        steps = uvsteps.UvSteps(len(lock["requirements"]))
        runner.step(steps.now())
        given = layer.script.encode("utf-8", "surrogateescape")
        runner.run(start, engine.variables, "install the packages in the image", steps, given)
        said = engine.ask("commit", name, "%s:%s" % (REPOSITORY, key), seconds=None)
    finally:
        try:
            engine.ask("rm", "--force", "--volumes", name)
        except engines.EngineError:
            pass  # `turnout.key` names it for a person who looks
    return engine.image_id(said.strip().splitlines()[-1])


def _size(engine: engines.Engine, image: str) -> int:
    return int(engine.inspect("image", image).get("Size") or 0)


def remove_images(key: str, environ: Mapping[str, str]) -> None:
    """Remove the images that were made for an environment; what an engine keeps for others, or can't be asked for, stays."""
    engine = engines.find(environ)
    for name in ("%s:%s" % (REPOSITORY, key), "%s:%s-base" % (REPOSITORY, key)):
        try:
            if engine is not None:
                engine.ask("rmi", name)
        except engines.EngineError:
            pass  # it was not made, or a run's container is still of it


def _interpreter(engine: engines.Engine, image: str, named: str) -> str:
    """Return the absolute path of an interpreter in an image."""
    wanted = ["python3", "python"] if named in ("python", "python3") else [named]
    script = " || ".join(["command -v %s" % shlex.quote(name) for name in wanted] + ["true"])
    try:
        said = _run(engine, image, "/bin/sh", ["-c", script])
    except engines.EngineError as error:
        raise BuildFailed("a container of the image can't be started: %s" % error, str(error)) from error
    path = said.strip().splitlines()[-1] if said.strip() else ""
    if not path.startswith("/"):
        raise BuildFailed("there is no %s in the image: name an image with a Python, or packages" % named)
    return path


def _inspect(engine: engines.Engine, image: str, interpreter: str) -> Dict[str, Any]:
    """Return the Python and the packages of an image."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "inside.py"), encoding="utf-8") as stream:
        source = stream.read()
    said = _run(engine, image, interpreter, ["-c", source])
    try:
        facts = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        facts = None
    if not isinstance(facts, dict):
        raise BuildFailed("%s in the image does not run as a Python: %s" % (interpreter, said.strip()[-200:]))
    return facts


def _run(engine: engines.Engine, image: str, program: str, arguments: List[str]) -> str:
    """Return what a program of an image prints."""
    return engine.ask("run", "--rm", "--pull", "never", "--network", "none", "--entrypoint", program, image, *arguments)


def python_of(engine: engines.Engine, image: str) -> str:
    """Return the minor version of the Python of an image; empty when it has none."""
    try:
        path = _interpreter(engine, image, "python")
        return _run(engine, image, path, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
    except (BuildFailed, engines.EngineError):
        return ""
