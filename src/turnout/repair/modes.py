"""Files and directories of the home that others may read, or that this account itself may not."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding, names
from turnout.runtime import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OTHERS = 0o077


def check(examination: Examination) -> Iterator[Finding]:
    """Find wrong modes and owners in the frame of the home and the records; what scripts left is theirs."""
    home = examination.home
    frame = [home.root, home.environments, home.queue, home.secrets, home.runtime, home.tools, home.workspaces]
    yield from _directory(home.root, recurse=False)
    for path in frame[1:]:
        yield from _directory(path, recurse=path in (home.secrets, home.queue))
    yield from _directory(home.objects, recurse=False)
    for name in names(home.objects):
        yield from _directory(os.path.join(home.objects, name), recurse=False)
    for name in names(home.workspaces):
        workspace = home.workspace(name)
        yield from _directory(workspace.root, recurse=True)
        for path in (workspace.runs, workspace.changes, workspace.experiments, workspace.locks, workspace.environments):
            yield from _directory(path, recurse=path not in (workspace.runs,))
        for run_id in names(workspace.runs):
            if run_id.startswith("."):
                continue  # half-made, see `leftovers`
            run = workspace.run(run_id)
            yield from _directory(run.root, recurse=True)
            yield from _directory(run.events, recurse=True)
            yield from _directory(run.user_logs, recurse=False)
            yield from _directory(run.system_logs, recurse=True)


def _directory(path: str, recurse: bool) -> Iterator[Finding]:
    """Look at a directory and, if asked, at the files that lie directly in it."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        return
    yield from _one(path, found, layout.DIRECTORY_MODE)
    if not recurse:
        return
    for name in names(path):
        inner = os.path.join(path, name)
        try:
            found = os.lstat(inner)
        except OSError:
            continue  # gone since it was listed, or closed, which was found above
        if stat.S_ISREG(found.st_mode):
            yield from _one(inner, found, layout.FILE_MODE)


def _one(path: str, found: os.stat_result, wanted: int) -> Iterator[Finding]:
    if found.st_uid != os.geteuid():
        yield Finding(path, f"belongs to the account number {found.st_uid}", "give it back: chown, as root")
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS:
        yield Finding(path, f"has the mode {mode:04o}: other accounts may use it", mend=_chmod(path, wanted))
    elif mode & wanted != wanted:
        yield Finding(path, f"has the mode {mode:04o}: its own account may not use it", mend=_chmod(path, wanted))


def _chmod(path: str, mode: int) -> Callable[[], str]:
    def mend() -> str:
        os.chmod(path, mode)
        return f"has the mode {mode:04o} now"

    return mend
