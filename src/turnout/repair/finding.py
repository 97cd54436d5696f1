"""What a check is given, and what it finds."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.runtime import layout

ABANDONED_AFTER = 3600.0
"""Seconds after which nobody is still making what has a temporary name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        path: the file or directory.
        seen: what is wrong with it.
        advice: what a person can do where nothing is mended.
        mend: mends it, and says in words what it did; None where only a person can. It raises OSError or a
            TurnoutException when it can't.
    """

    path: str
    seen: str
    advice: str = ""
    mend: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What is looked through.

    Attributes:
        home: the home.
        objects: read every object and check its digest, which takes as long as reading them all.
    """

    home: layout.Home
    objects: bool = False

    def workspaces(self) -> Iterator[layout.WorkspaceLayout]:
        """Yield the home's workspaces."""
        for name in names(self.home.workspaces):
            workspace = self.home.workspace(name)
            if os.path.isdir(workspace.root):
                yield workspace

    def runs(self) -> Iterator[layout.RunLayout]:
        """Yield the runs of all workspaces."""
        for workspace in self.workspaces():
            for name in names(workspace.runs):
                if not name.startswith("."):
                    yield workspace.run(name)


def names(directory: str) -> list[str]:
    """Return the names in a directory, sorted; none if it isn't there or may not be read, which `modes` finds."""
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def is_abandoned(path: str) -> bool:
    """Say whether nobody has touched a file, or a directory and what lies directly in it, for so long that its maker is gone."""
    try:
        newest = os.lstat(path).st_mtime
        if os.path.isdir(path):
            newest = max([newest, *(os.lstat(os.path.join(path, name)).st_mtime for name in os.listdir(path))])
    except OSError:
        return False  # it is going away right now, or may not be looked at
    return time.time() - newest > ABANDONED_AFTER


def remove(path: str) -> Callable[[], str]:
    """Return what removes a file or a directory with all that is in it."""

    def mend() -> str:
        import shutil

        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
        return "removed"

    return mend
