"""The one container of a run: makes it, asks after it, signals it, and removes it.

Its name is a digest of the record's path and its label the path itself. The record's `container` file is written before
the container is made, so there is no moment in which one is there and can't be found. Whoever takes a run over
asks the engine; an engine that doesn't answer has said nothing about the container.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from typing import Any, Dict, List, Mapping, Optional

from turnout.runtime import layout, records
from turnout.runtime.containers import engine as engines
from turnout.runtime.containers import mounts
from turnout.runtime.containers.states import ABSENT, CREATED, EXITED, RUNNING, UNKNOWN

LABEL = "turnout.run"
"""The label of a run's container: the directory of the record."""

_INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init.py")
_HOME = "/tmp"
"""HOME in the container: the account's own isn't there, and this directory is in every image and open to everyone."""

_BEGIN_SECONDS = 5.0
_POLL_SECONDS = 0.02


class Container:
    """The container of a run.

    Attributes:
        engine: its engine.
        name: its name.
    """

    def __init__(self, run: layout.RunLayout, engine: engines.Engine) -> None:
        self._run = run
        self.engine = engine
        self.name = name_of(run)

    def create(
        self,
        image: str,
        interpreter: str,
        prefix: str,
        argv: List[str],
        settings: Mapping[str, Any],
        seen: List[mounts.Mount],
        gpus: List[str],
    ) -> List[str]:
        """Make the container, in place of one that never began; return the command line that starts it and shows its output.

        Args:
            image: what to make it from: an id.
            interpreter: a Python in the image.
            prefix: the directory of its environment in the image; empty for the image's own.
            argv: of the script.
            settings: `arguments` and `shm_size` of v1's docker section.
            seen: what is mounted.
            gpus: the GPUs that the run was granted.

        Raises:
            engines.EngineError: the engine refuses.
        """
        handle = {"engine": self.engine.path, "variables": self.engine.variables, "name": self.name}
        records.write_json(self._run.container, handle)
        self.remove()
        further = [str(word) for word in settings.get("arguments") or []]
        command = [
            *("create", "--interactive", "--pull", "never", "--name", self.name),
            *("--label", "%s=%s" % (LABEL, self._run.root)),
            *("--workdir", self._run.code),
            *([] if _names_network(further) else ["--network", "host"]),
            *(["--shm-size", str(settings["shm_size"])] if settings.get("shm_size") else []),
            *self._account(),
            *engines.gpu_options(self.engine, gpus),
            *mounts.options(seen),
            *further,
            *("--entrypoint", interpreter, image, "-I", "-S", _INIT, self._run.contained, self._run.code, prefix),
            *argv,
        ]
        identity = self.engine.ask(*command).strip().splitlines()[-1:]
        records.write_json(self._run.container, {**handle, "id": identity[0] if identity else "", "image": image})
        return [self.engine.path, "start", "--attach", "--interactive", self.name]

    def follow(self, log: str) -> int:
        """Add to a log what the container printed and prints beyond it; return the pid of who does, until the container ends.

        What its starting process has shown before that was killed is a beginning of what the engine has kept.
        """
        command = '"$0" logs --follow "$1" 2>&1 | tail -c +"$2" >> "$3"'
        shown = os.path.getsize(log) if os.path.exists(log) else 0
        process = subprocess.Popen(
            ["/bin/sh", "-c", command, self.engine.path, self.name, str(shown + 1), log],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.engine.variables,
            cwd="/",
        )
        return process.pid

    def state(self) -> str:
        """Return how it stands with the container, as its engine says."""
        try:
            said = self.engine.inspect("container", self.name).get("State") or {}
        except engines.NoSuchThing:
            return ABSENT
        except engines.EngineError:
            return UNKNOWN
        status = str(said.get("Status") or "").lower()
        if said.get("Running") or status in ("running", "paused", "restarting", "stopping"):
            return RUNNING
        return CREATED if status in ("created", "configured", "initialized") else EXITED

    def facts(self) -> Dict[str, Any]:
        """Return how the script ended, as `keeper.facts` has it: what the first process wrote, else what the engine says.

        Raises:
            engines.EngineError: neither says anything.
        """
        written = _json(self._run.contained)
        if "ended" in written:
            return {**written, "alone": False}
        said = self.engine.inspect("container", self.name).get("State") or {}
        code = int(said.get("ExitCode") or 0)
        killed = bool(said.get("OOMKilled")) or code == 137
        return {
            "code": None if killed else code,
            "signal": 9 if killed else None,
            "ended": time.time(),
            "seconds": None,
            "max_rss": 0,
            "cpu_seconds": 0.0,
            "alone": False,
        }

    def has_ended(self) -> bool:
        """Say whether the first process has written how the script ended."""
        return "ended" in _json(self._run.contained)

    def kill(self) -> None:
        """End all that is in the container at once; it stays, to be asked."""
        try:
            self.engine.ask("kill", "--signal", "KILL", self.name)
        except engines.EngineError:
            pass  # it has ended, or `remove` will tell

    def signal(self, number: int) -> bool:
        """Send a signal to the script's process group, once its first process can hand it on; say whether that went."""
        deadline = time.monotonic() + _BEGIN_SECONDS
        while not os.path.exists(self._run.contained) and time.monotonic() < deadline:
            if self.state() not in (RUNNING, CREATED):
                return False
            time.sleep(_POLL_SECONDS)  # there is no event for a file that a container writes
        try:
            self.engine.ask("kill", "--signal", str(int(number)), self.name)
        except engines.EngineError:
            return False
        return True

    def remove(self) -> bool:
        """End all that is in the container and remove it; say whether it is gone."""
        try:
            self.engine.ask("rm", "--force", "--volumes", self.name)
        except engines.NoSuchThing:
            return True
        except engines.EngineError:
            return self.state() == ABSENT
        return True

    def left(self) -> int:
        """Return how many processes the script left running in the container when it ended."""
        return int(_json(self._run.contained).get("left") or 0)

    def _account(self) -> List[str]:
        """Return the options that run it as this account, with what getpass and its like read."""
        uid, gid = os.getuid(), os.getgid()
        options = []
        if uid and self.engine.is_podman and not _has_subordinate_ids(uid):
            options += ["--user", "0:0"]  # the only id that there is in the container, and it is this account
        elif uid:
            options += ["--user", "%d:%d" % (uid, gid)]
            if self.engine.is_podman:
                options += ["--userns", "keep-id"]
        if self.engine.is_podman:
            options += ["--security-opt", "label=disable"]  # mounted as it is: relabelling a home would outlive the run
        return options


def _has_subordinate_ids(uid: int, path: str = "/etc/subuid") -> bool:
    """Say whether an account was given further user ids for its containers (subuid(5)); without some, it has one there."""
    names = {_account_name(), str(uid)}
    try:
        with open(path, encoding="utf-8") as stream:
            return any(line.split(":", 1)[0] in names for line in stream)
    except (OSError, ValueError):
        return False


def variables(base: Mapping[str, str]) -> Dict[str, str]:
    """Return the fixed base of a script in a container: a HOME and a name (getpass, torch), the language and time zone."""
    name = base.get("USER") or base.get("LOGNAME") or _account_name()
    kept = {key: base[key] for key in ("LANG", "TZ") if key in base}
    return {"HOME": _HOME, "USER": name, "LOGNAME": name, **kept}


def _account_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "runner"


def name_of(run: layout.RunLayout) -> str:
    """Return the name of a run's container."""
    return "turnout-" + hashlib.sha256(os.fsencode(run.root)).hexdigest()[:24]


def of(run: layout.RunLayout) -> Optional[Container]:
    """Return the container that a run has, or had; None for a run without one."""
    said = _json(run.container)
    if not said.get("engine"):
        return None
    return Container(run, engines.Engine(str(said["engine"]), dict(said.get("variables") or {})))


def _names_network(arguments: List[str]) -> bool:
    return any(word.split("=", 1)[0] in ("--network", "--net") for word in arguments)


def _json(path: str) -> Dict[str, Any]:
    try:
        value = records.read_json(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
