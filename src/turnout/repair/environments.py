"""Environments whose builder died."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding, names, remove
from turnout.runtime import filelocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def half_built(examination: Examination) -> Iterator[Finding]:
    """Find directories of environments that were never finished and that nobody is building now.

    The next build of the same environment would remove it too; one that nobody asks for again only takes up room.
    """
    home = examination.home
    for name in names(home.environments):
        path = home.environment(name)
        if os.path.isdir(path) and not name.endswith(".tmp") and not os.path.exists(path + ".json"):
            lock = filelocks.try_lock(path + ".lock")
            if lock is not None:
                os.close(lock)
                yield Finding(path, "a half-built environment; its builder is gone", mend=_remove_alone(path))


def _remove_alone(path: str) -> Callable[[], str]:
    def mend() -> str:
        lock = filelocks.try_lock(path + ".lock")
        if lock is None or os.path.exists(path + ".json"):
            return "left alone: it is being built again"
        try:
            return remove(path)()
        finally:
            os.close(lock)

    return mend
