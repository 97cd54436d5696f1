"""Finds the container engine of this machine and asks it: podman or docker, through its command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

ENGINE_VARIABLE = "TURNOUT_CONTAINER_ENGINE"
"""Names the engine's command line, where there are several, or one that isn't on the path."""

NAMES = ("podman", "docker")
"""In the order in which they are looked for: podman needs no daemon and no privileges."""

_VARIABLES = frozenset(
    (
        "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINER_HOST", "CONTAINER_CONNECTION",
        "DBUS_SESSION_BUS_ADDRESS", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS_VERIFY",
        "HOME", "LOGNAME", "PATH", "REGISTRY_AUTH_FILE", "TMPDIR", "USER", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    )
)  # fmt: skip
"""What an engine's command line reads to find its engine and its storage. None of them holds a secret."""

_WARNINGS = ("WARN", "time=", "DEPRECATED", "Emulate Docker")

_SECONDS = 60.0
"""For an answer about what is there; what pulls or builds has no limit."""


class EngineError(Exception):
    """An engine answered with an error, or not at all; the message is its own last line."""


class NoSuchThing(EngineError):
    """The container or image that was asked for is not there."""


class Engine(NamedTuple):
    """An engine's command line.

    Attributes:
        path: of the executable.
        variables: its environment.
    """

    path: str
    variables: Dict[str, str]

    @property
    def is_podman(self) -> bool:
        """Whether it is podman, which has options of its own; a `docker` that is podman in disguise counts as docker."""
        return os.path.basename(self.path).startswith("podman")

    def ask(self, *arguments: str, seconds: Optional[float] = _SECONDS, given: bytes = b"") -> str:
        """Return what a command of the engine prints.

        Args:
            *arguments: the command.
            seconds: how long to wait; None for ever.
            given: its standard input.

        Raises:
            NoSuchThing: what it names is not there.
            EngineError: it failed in another way, or didn't answer in time.
        """
        try:
            done = subprocess.run(
                [self.path, *arguments],
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.variables,
                timeout=seconds,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise EngineError("%s gave no answer within %g s" % (self.path, seconds or 0.0)) from None
        except OSError as error:
            raise EngineError("%s can't be started: %s" % (self.path, error.strerror)) from error
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip() or "exit code %d" % done.returncode
            raise (NoSuchThing if is_absence(said) else EngineError)(headline(said))
        return done.stdout.decode("utf-8", "replace")

    def image_id(self, name: str) -> str:
        """Return the id of an image; see `inspect`."""
        return id_of(self.inspect("image", name))

    def inspect(self, kind: str, name: str) -> Dict[str, Any]:
        """Return what the engine knows of a `container` or `image`.

        Raises:
            NoSuchThing: it isn't there.
            EngineError: the engine doesn't answer.
        """
        try:
            found = json.loads(self.ask(kind, "inspect", name))
        except ValueError as error:
            raise EngineError("%s inspect did not answer in JSON: %s" % (self.path, error)) from error
        if not isinstance(found, list) or not found or not isinstance(found[0], dict):
            raise NoSuchThing("no such %s: %s" % (kind, name))
        return found[0]


def id_of(image: Dict[str, Any]) -> str:
    """Return an image's id as `sha256:…`, from what `inspect` gave: podman leaves the algorithm out."""
    identity = str(image["Id"])
    return identity if identity.startswith("sha256:") else "sha256:" + identity


def headline(said: str) -> str:
    """Return the line of an engine's complaint that says what is wrong: the first that is no warning, without its label."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    line = next((line for line in lines if not line.startswith(_WARNINGS)), lines[-1] if lines else "")
    for label in ("Error response from daemon: ", "Error: "):
        line = line[len(label) :] if line.startswith(label) else line
    return line


def is_absence(said: str) -> bool:
    """Say whether an engine's words mean that a container or image isn't there."""
    text = said.lower()
    return any(words in text for words in ("no such", "no container with", "not known", "does not exist"))


def variables_of(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return those variables of an environment that an engine's command line needs."""
    values = {name: value for name, value in environ.items() if name in _VARIABLES}
    values.setdefault("PATH", os.defpath)
    return values


def find(environ: Mapping[str, str]) -> Optional[Engine]:
    """Return the engine of this machine; None when there is none.

    Args:
        environ: the variables to look with: those of the person whose run it is.
    """
    variables = variables_of(environ)
    named = environ.get(ENGINE_VARIABLE)
    for name in (named,) if named else NAMES:
        path = shutil.which(name, path=variables["PATH"])
        if path is not None:
            return Engine(path, variables)
    return None


def missing(environ: Mapping[str, str]) -> str:
    """Return the one line for a machine without an engine."""
    named = environ.get(ENGINE_VARIABLE)
    if named:
        return "%s names %s, which can't be executed" % (ENGINE_VARIABLE, named)
    return "there is no container engine on this machine: install podman or docker"


def gpu_options(engine: Engine, gpus: List[str]) -> List[str]:
    """Return the options that give a container these GPUs and no others.

    Podman's by the Container Device Interface (podman-run(1), `--device`), Docker's by NVIDIA's runtime (docker run,
    `--gpus`). Built from the documentation, not run here.
    """
    if not gpus:
        return []
    if engine.is_podman:
        return [part for gpu in gpus for part in ("--device", "nvidia.com/gpu=%s" % gpu)]
    return ["--gpus", '"device=%s"' % ",".join(gpus)]
