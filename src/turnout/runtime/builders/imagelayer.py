"""What happens in the container whose changes become the layer with an environment's packages.

A shell in it reads a script from its standard input: conda packages by py-rattler, pip's by uv. Tools, their caches and files
of the machine are mounted, so none of them ends up in the layer; variables are in the script, and in nothing that the engine
keeps.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import Any, Dict, List, Optional, Set
from urllib.parse import unquote

from turnout.runtime import records
from turnout.runtime.builders import rattlertool, uv, uvtool
from turnout.runtime.builders.runner import Runner
from turnout.runtime.builders.wheelhouse import Wheelhouse
from turnout.runtime.containers import engine as engines
from turnout.runtime.containers import mounts

_PLACE = "/opt/turnout"
PREFIX = _PLACE + "/environment"
"""Where the environment is in the image."""

_VOLUME = "turnout-cache"
"""Of the engine, for the caches of an account that must not have root's files in its own."""

_OF_THE_MACHINE = (
    "UV_CACHE_DIR",
    "UV_CONFIG_FILE",
    "UV_PYTHON_BIN_DIR",
    "UV_PYTHON_INSTALL_DIR",
    "UV_TOOL_DIR",
    "RATTLER_CACHE_DIR",
    "RATTLER_AUTH_FILE",
)
_NAMED = re.compile(r"\$\{([A-Z0-9_]+)\}")
_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "RATTLER_AUTH_FILE")
"""Variables that name a file or directory, which is mounted."""


class Layer:
    """The making of one layer.

    Attributes:
        options: for the engine's `create`: what is mounted.
        script: for the shell's standard input.
    """

    def __init__(
        self,
        engine: engines.Engine,
        lock: Dict[str, Any],
        python: str,
        directory: str,
        runner: Runner,
        brought: Optional[Wheelhouse] = None,
    ) -> None:
        """Write what the tools read into `directory`, and put options and script together.

        Raises:
            BuildFailed: uv is not on this machine.
        """
        self.options: List[str] = []
        self._lock = lock
        self._brought = None if brought is None else brought._replace(directory=_PLACE + "/wheels")
        self._given = runner.variables
        self._variables = uvtool.variables(runner.variables)
        uv_path = uvtool.require(runner)
        self._values = {"HOME": "/tmp", "UV_LINK_MODE": "copy", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
        self._values["UV_PYTHON_INSTALL_DIR"] = _PLACE + "/pythons"
        self._mount(os.path.realpath(uv_path), _PLACE + "/uv")
        self._mount(uv.write_listing(lock, directory, self._brought), _PLACE + "/requirements.txt")
        if brought is not None:
            self._mount(brought.directory, _PLACE + "/wheels")
        self._mount_files()
        self._mount_caches(engine, uv_path)
        steps = ["set -e", "umask 022", *self._exports()]
        if lock.get("conda"):
            steps += self._conda_steps(directory)
        else:
            steps.append("%s/uv venv --quiet --no-project --python %s %s" % (_PLACE, shlex.quote(python), PREFIX))
            if lock["requirements"]:
                steps.append(self._install("sync --compile-bytecode", ""))
        self.script = "\n".join(steps) + "\n"

    def _mount(self, path: str, target: str, writable: bool = False) -> None:
        self.options += mounts.options([mounts.Mount(path, writable, target)])

    def _mount_files(self) -> None:
        """Mount what requirements, locked packages and variables name on this machine."""
        named: Set[str] = set() if self._brought is not None else set(self._lock.get("local") or {})
        for package in self._lock.get("conda") or ():
            if str(package["url"]).startswith("file://"):
                named.add(os.path.dirname(os.path.dirname(unquote(package["url"][len("file://") :]))))
        links = self._variables.get("UV_FIND_LINKS", "").split(",")
        named.update(link for link in links if os.path.isdir(link))
        for path in sorted(named):
            self._mount(path, path)
        for name in _FILES:
            path = self._given.get(name) or ""
            if os.path.exists(path):
                self._values[name] = "%s/%s" % (_PLACE, name.lower())
                self._mount(os.path.realpath(path), self._values[name])

    def _mount_caches(self, engine: engines.Engine, uv_path: str) -> None:
        """Mount this account's caches, where the container's root leaves no files of another owner there."""
        self._values["UV_CACHE_DIR"] = _PLACE + "/cache/uv"
        self._values["RATTLER_CACHE_DIR"] = _PLACE + "/cache/rattler"
        cache = "" if os.getuid() and not engine.is_podman else _uv_cache(uv_path, self._variables)
        if not cache:
            self.options += ["--volume", "%s:%s/cache" % (_VOLUME, _PLACE)]
            return
        self._mount(cache, self._values["UV_CACHE_DIR"], writable=True)
        if self._lock.get("conda"):
            packages = rattlertool.cache(self._given)
            os.makedirs(packages, exist_ok=True)
            self._mount(packages, self._values["RATTLER_CACHE_DIR"], writable=True)

    def _exports(self) -> List[str]:
        named = set(_NAMED.findall("\n".join([*(self._lock.get("sources") or []), *self._lock["requirements"]])))
        passed = {
            name: value
            for name, value in self._variables.items()
            if (uvtool.WAYS.fullmatch(name) and name not in _OF_THE_MACHINE) or name in named
        }
        if self._brought is not None and not self._lock.get("conda"):
            passed = self._brought.variables(passed)
        passed.update(self._values)
        return ["export %s=%s" % (name, shlex.quote(value)) for name, value in sorted(passed.items())]

    def _conda_steps(self, directory: str) -> List[str]:
        """Return the steps that install conda packages by a py-rattler that goes again, and pip's on top of them."""
        lock = os.path.join(directory, "lock.json")
        records.write_atomic(lock, json.dumps(self._lock).encode("ascii"))
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rattler_install.py")
        self._mount(lock, _PLACE + "/lock.json")
        self._mount(script, _PLACE + "/rattler_install.py")
        tool = _PLACE + "/tool"
        steps = [
            "%s/uv venv --quiet --no-project %s" % (_PLACE, tool),
            "%s/uv pip install --quiet --python %s/bin/python py-rattler==%s" % (_PLACE, tool, rattlertool.VERSION),
            '%s/bin/python -E %s/rattler_install.py %s/lock.json %s "$RATTLER_CACHE_DIR"'
            % (tool, _PLACE, _PLACE, PREFIX),
        ]
        if self._lock["requirements"]:
            steps.append(self._install("install --no-deps --break-system-packages", "-r"))
        return [*steps, "rm -rf %s" % tool]

    def _install(self, how: str, option: str) -> str:
        given = " ".join(shlex.quote(word) for word in uv.arguments(self._lock, self._given, self._brought))
        words = ("%s/uv pip" % _PLACE, how, "--python %s/bin/python" % PREFIX, given, option)
        return " ".join(word for word in (*words, "%s/requirements.txt" % _PLACE) if word)


def _uv_cache(uv_path: str, variables: Dict[str, str]) -> str:
    """Return this account's uv cache; empty when uv doesn't say."""
    done = subprocess.run(
        [uv_path, "cache", "dir"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables,
    )
    path = os.fsdecode(done.stdout.strip())
    if done.returncode or not os.path.isabs(path):
        return ""
    os.makedirs(path, exist_ok=True)
    return path
