"""Frees built environments that no run of the home uses, and half-built ones.

A lock in a workspace keeps no environment: whoever needs it again builds it again from the lock. An environment goes only
while its own lock can be had, so one that is being built is left alone.
"""

from __future__ import annotations

import os
from typing import Dict, Optional

from turnout.runtime import filelocks, layout, records
from turnout.runtime.gc.items import Sweep, names, newest_time, reason
from turnout.runtime.gc.marking import Marks

ENVIRONMENTS = "environments"

_LOCK = ".lock"
_WHOLE = ".json"


def free(home: layout.Home, marks: Marks, sweep: Sweep) -> None:
    """Put unused environments into the trash beside them; in a dry run count them."""
    if not marks.environments_are_known:
        return
    for key, newest in _keys(home.environments).items():
        if key not in marks.environments and newest <= sweep.before:
            try:
                if sweep.dry:
                    if os.path.lexists(home.environment(key)):
                        sweep.free(ENVIRONMENTS, home.environment(key))
                else:
                    discard(home, key)
            except OSError as error:
                sweep.problems.append("the environment %s can't be removed: %s" % (key, reason(error)))


def _keys(directory: str) -> Dict[str, float]:
    """Return the keys of all environments, whole or not, with the time of the newest of each one's files."""
    found: Dict[str, float] = {}
    for name in names(directory):
        if name.endswith((layout.TRASH_SUFFIX, ".tmp")):
            continue
        key = next((name[: -len(end)] for end in (_LOCK, _WHOLE) if name.endswith(end)), name)
        moment = newest_time(os.path.join(directory, name))
        if moment is not None:
            found[key] = max(moment, found.get(key, 0.0))
    return found


def discard(home: layout.Home, key: str) -> Optional[str]:
    """Put an environment into the trash beside it, unless somebody is building it.

    Whoever calls this has made sure that no run needs it, and holds `gclock.alone`, so that none comes to need it meanwhile.

    Returns:
        Its directory in the trash, or an empty text when there was none; None when it was left alone.

    Raises:
        OSError: it can't be moved.
    """
    directory, trash = home.environment(key), ""
    lock = _locked(directory + _LOCK)
    if lock is None:
        return None
    try:
        if _is_container(directory + _WHOLE):
            from turnout.runtime.builders import container  # most environments are none

            container.remove_images(key, os.environ)
        _unlink(directory + _WHOLE)  # first: without it a directory is no environment
        if os.path.lexists(directory):
            trash = "%s.%s%s" % (directory, os.urandom(4).hex(), layout.TRASH_SUFFIX)
            os.rename(directory, trash)
        _unlink(directory + _LOCK)  # whoever waits for it notices (see builders.store)
    finally:
        os.close(lock)
    return trash


def _is_container(path: str) -> bool:
    try:
        return bool(records.read_json(path).get("image"))
    except (OSError, ValueError, AttributeError):
        return False


def _locked(path: str) -> Optional[int]:
    try:
        return filelocks.try_lock(path)
    except filelocks.NoFileLocks:
        return None


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
