"""Keeps built environments by key: one build at a time, whole or not there.

An environment is built at its final path `environments/KEY/` while `environments/KEY.lock` is held, and is whole once
`environments/KEY.json` is renamed into place. A directory without that file is half-built; the next builder removes it.
That file's modification time says when the environment was used last.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Dict, Optional

from turnout.runtime import filelocks, layout, records
from turnout.runtime.builders.contract import BuildFailed, Built

if TYPE_CHECKING:  # whoever finds an environment starts nothing
    from turnout.runtime.builders.runner import Runner


def find(environment: Dict[str, Any], home: layout.Home, builder: Any) -> Optional[Built]:
    """Return the environment named by the key if it is whole and its Python is still there."""
    key = _key(environment)
    if not key:
        return None
    try:
        facts = records.read_json(_whole(home, key))
    except (OSError, ValueError):
        return None
    found: Optional[Built] = (
        builder.built(environment, home.environment(key), facts) if isinstance(facts, dict) else None
    )
    if found is not None:
        try:
            os.utime(_whole(home, key))
        except OSError:
            pass  # a home that can only be read, or of another account: when it was used last isn't worth a failure
    return found


def discard(environment: Dict[str, Any], home: layout.Home) -> None:
    """Have an environment built anew by the next one who needs it: what it was built into is gone."""
    key = _key(environment)
    if key:
        try:
            os.unlink(_whole(home, key))
        except FileNotFoundError:
            pass


def build(environment: Dict[str, Any], home: layout.Home, builder: Any, runner: "Runner", run_id: str) -> Built:
    """Build the environment under its lock, unless someone else has done so meanwhile.

    Raises:
        BuildFailed: the tool failed, or this file system has no locks.
    """
    key = _key(environment)
    if not key:
        raise BuildFailed("the run's environment has no usable key (%r)" % environment.get("key"))
    os.makedirs(home.environments, layout.DIRECTORY_MODE, exist_ok=True)
    lock = _lock(home, key, runner)
    held = runner.held
    try:
        found = find(environment, home, builder)
        if found is not None:
            runner.say("environment %s was built meanwhile" % key)
            return found
        _name_holder(lock, run_id)
        # The tools inherit the lock: should this process die alone, nobody builds into the directory while they write.
        runner.held = (*held, lock)  # a tool's environment is built while another's lock is held
        facts = _build(environment, home, builder, runner, key)
        os.ftruncate(lock, 0)
        made: Optional[Built] = builder.built(environment, home.environment(key), facts)
        if made is None:
            raise BuildFailed("environment %s can't be used right after it was built" % key)
        return made
    finally:
        runner.held = held
        os.close(lock)


def _build(environment: Dict[str, Any], home: layout.Home, builder: Any, runner: "Runner", key: str) -> Dict[str, Any]:
    directory = home.environment(key)
    _remove_half_built(home, key, runner)
    began = time.monotonic()
    runner.say("building environment %s for Python %s" % (key, environment.get("python")))
    try:
        made = builder.build(environment, directory, runner)
        facts = {"kind": environment.get("kind"), "key": key, **made}
        facts.update({"built": time.time(), "build_seconds": round(time.monotonic() - began, 3)})
        records.write_json(_whole(home, key), facts)
    except BaseException:
        _remove(directory, ignore_errors=True)
        raise
    runner.say("built environment %s in %.2f s" % (key, facts["build_seconds"]))
    return facts


def _remove_half_built(home: layout.Home, key: str, runner: "Runner") -> None:
    try:
        os.unlink(_whole(home, key))  # whole once, but its Python is gone or the home has moved
    except FileNotFoundError:
        pass
    if os.path.lexists(home.environment(key)):
        runner.say(
            "removing %s, which an earlier build left unfinished or which no longer works" % home.environment(key)
        )
        _remove(home.environment(key))


def _remove(directory: str, ignore_errors: bool = False) -> None:
    import shutil  # only here, so that finding an environment does not pay for it

    shutil.rmtree(directory, ignore_errors)


def _lock(home: layout.Home, key: str, runner: "Runner") -> int:
    """Return a descriptor that holds the lock of an environment; gc may have removed the file while it was waited for."""
    path = home.environment(key) + ".lock"
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        try:
            _acquire(lock, home, runner)
            try:
                if os.path.samestat(os.stat(path), os.fstat(lock)):
                    return lock
            except FileNotFoundError:
                pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _acquire(lock: int, home: layout.Home, runner: "Runner") -> None:
    try:
        filelocks.lock(lock, wait=False)
        return
    except BlockingIOError:
        waits = "waiting for %s, which is building the same environment" % _holder(lock)
        runner.say(waits)
        runner.step(waits)
    except filelocks.NoFileLocks as error:
        raise BuildFailed("%s can't be locked: %s" % (home.environments, error.strerror)) from error
    filelocks.lock(lock)


def _name_holder(lock: int, run_id: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps({"pid": os.getpid(), "run": run_id}).encode("utf-8"), 0)


def _holder(lock: int) -> str:
    try:
        holder = json.loads(os.pread(lock, 4096, 0).decode("utf-8"))
        pid, run = int(holder["pid"]), str(holder["run"])
    except (ValueError, KeyError, TypeError):
        return "another process"  # it has the lock and hasn't written its name yet
    return "pid %d of run %s" % (pid, run) if run else "pid %d" % pid


def _whole(home: layout.Home, key: str) -> str:
    return home.environment(key) + ".json"


def _key(environment: Dict[str, Any]) -> str:
    """Return the key if it can safely name a directory, else an empty string."""
    key = environment.get("key")
    plain = isinstance(key, str) and key.replace("-", "").replace("_", "").isalnum() and key.isascii()
    return str(key) if plain else ""
