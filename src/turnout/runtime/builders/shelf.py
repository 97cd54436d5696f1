"""The shelf of built environments: one build at a time a key, whole or not there."""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import Any, BinaryIO, Callable, Dict, Optional

from turnout.runtime import layout, records
from turnout.runtime.builders import BuildFailed, Built


def find(home: layout.Home, key: str) -> Optional[Built]:
    """Return the whole environment of `key`, or None."""
    try:
        facts = records.read_json(home.environment(key) + ".json")
    except (OSError, ValueError):
        return None
    interpreter = str(facts.get("interpreter"))
    return Built(interpreter, facts) if os.access(interpreter, os.X_OK) else None


def build_once(home: layout.Home, key: str, log: BinaryIO, build: Callable[[str], Dict[str, Any]]) -> Built:
    """Build an environment unless another process does; then wait for that one, and build only if it failed.

    Args:
        home: this machine's home.
        key: the environment's key.
        log: gets a line when there is something to wait for.
        build: makes the environment in the directory that it is given, and returns its facts (`interpreter` among them).

    Raises:
        BuildFailed: as `build` raises it, or the shelf can't be written.
    """
    directory = home.environment(key)
    try:
        os.makedirs(home.environments, layout.DIRECTORY_MODE, exist_ok=True)
        lock = os.open(directory + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    except OSError as error:
        raise BuildFailed("can't write to %s: %s" % (home.environments, error.strerror)) from error
    try:
        _take(lock, key, log)
        built = find(home, key)
        if built is not None:
            return built
        shutil.rmtree(directory, ignore_errors=True)
        try:
            facts = build(directory)
            records.write_json(directory + ".json", facts, sync=True)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return Built(str(facts["interpreter"]), facts)
    except OSError as error:
        raise BuildFailed("the environment can't be written to %s: %s" % (directory, error.strerror)) from error
    finally:
        os.close(lock)


def _take(lock: int, key: str, log: BinaryIO) -> None:
    """Take the build lock; its holder's death frees it. Who holds it is in the file, for those who wait."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 200, 0).decode("utf-8", "replace").strip()
        log.write(("waiting for %s, which is building the same environment (%s)\n" % (holder, key)).encode())
        fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"process %d" % os.getpid(), 0)
