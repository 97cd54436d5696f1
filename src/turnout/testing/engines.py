"""Real container engines for tests: podman, and a Docker Engine without systemd, each with a storage of its own.

    with baseimage.packed(directory) as archive, engines.running("podman", archive) as engine:
        engine.run("run", "--rm", engine.image, "python", "-c", "print(1)")

Each engine belongs to the process that started it, and a process of its own (`engineservice`) removes everything of it:
containers, processes, mounts, files. It does so when it is told to, or when the process that started it is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from turnout.testing import baseimage, engineservice

PODMAN, DOCKER = "podman", "docker"
NAMES = (PODMAN, DOCKER)

_SECONDS_TO_END = 120.0


class MissingEngine(Exception):
    """An engine can't be started here; the text names what is missing and how to get it."""


class EngineFailed(AssertionError):
    """An engine's command line ended in another way than it should; the text has what it said."""


@dataclass(frozen=True)
class Engine:
    """An engine that runs.

    Attributes:
        name: `podman` or `docker`.
        command: the path of its command line.
        variables: what that needs in its environment, besides what this process has.
        directory: where all of its files are.
        image: the base image that it has.
        options: what `run` and `build` need, since there is no network but the machine's.
    """

    name: str
    command: str
    variables: dict[str, str]
    directory: str
    image: str = baseimage.IMAGE
    options: tuple[str, ...] = field(default=("--network", "host"))

    @property
    def environment(self) -> dict[str, str]:
        """This process's variables and the engine's."""
        return {**os.environ, **self.variables}

    def any(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call the command line, however it ends."""
        command = [self.command, *words]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)

    def run(self, *words: str, code: int = 0) -> str:
        """Call the command line and return what it printed.

        Args:
            words: after the command's name.
            code: how it has to end.

        Raises:
            EngineFailed: it ended otherwise.
        """
        done = self.any(*words)
        if done.returncode != code:
            raise EngineFailed(
                f"{self.name} {' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout


def require(name: str) -> dict[str, str]:
    """Return the paths of the programs of an engine.

    Args:
        name: one of `NAMES`.

    Raises:
        MissingEngine: one isn't there, or this account can't start the engine.
    """
    packages = {PODMAN: "podman runc catatonit", DOCKER: "docker.io"}[name]
    found = {}
    for program in {PODMAN: ["podman"], DOCKER: ["docker", "dockerd"]}[name]:
        path = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
        if path is None:
            raise MissingEngine(f"{program} isn't installed (apt-get install --no-install-recommends {packages})")
        found[program] = path
    if name == DOCKER and os.getuid() != 0:
        raise MissingEngine("a Docker Engine of a test's own takes root")
    return found


@contextlib.contextmanager
def running(name: str, archive: Path) -> Iterator[Engine]:
    """Have an engine that runs and has the base image; nothing of it is left afterwards.

    Args:
        name: one of `NAMES`.
        archive: the packed base image.

    Raises:
        MissingEngine: it can't be started here.
    """
    command = require(name)[name]
    # Not below the tests' own directory: the path of a socket has to be short.
    directory = tempfile.mkdtemp(prefix=engineservice.PREFIX)
    engine = Engine(name, command, _variables(name, directory), directory)
    service = _start_service(engine)
    try:
        assert service.stdout is not None
        said = service.stdout.readline()
        if said != "ready\n":
            raise MissingEngine(f"{name} doesn't start here: {said.strip() or 'its service ended'}")
        changes = [word for setting in baseimage.SETTINGS for word in ("--change", setting)]
        engine.run("import", *changes, str(archive), engine.image)
        yield engine
    finally:
        _, complaints = service.communicate(timeout=_SECONDS_TO_END)  # it waits for the end of its input
        assert service.returncode == 0, f"{name} was not cleaned up: {complaints}"


def _variables(name: str, directory: str) -> dict[str, str]:
    if name == PODMAN:
        return {
            "CONTAINERS_CONF": f"{directory}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{directory}/storage.conf",
        }
    return {
        "DOCKER_HOST": f"unix://{directory}/docker.sock",
        "DOCKER_CONFIG": f"{directory}/client",
        "DOCKER_BUILDKIT": "0",
    }


def _start_service(engine: Engine) -> subprocess.Popen[str]:
    """Start the process that starts and removes an engine, in a session of its own: Ctrl-C must not reach it."""
    command = [sys.executable, "-m", "turnout.testing.engineservice", engine.name, engine.directory, str(os.getpid())]
    variables = {**engine.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=variables, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
