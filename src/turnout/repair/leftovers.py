"""What was being made when its maker died: half-made runs, temporary files, variables handed over to nobody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding, is_abandoned, names, remove
from turnout.runtime import handed
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY = (".tmp", ".new")


def half_made_runs(examination: Examination) -> Iterator[Finding]:
    """Find runs that were never renamed into place: a submit that was killed, or lost its power."""
    for workspace in examination.workspaces():
        for name in names(workspace.runs):
            path = os.path.join(workspace.runs, name)
            if name.startswith(".") and is_abandoned(path):
                yield Finding(path, "a half-made run; who made it is gone", mend=remove(path))


def temporary_files(examination: Examination) -> Iterator[Finding]:
    """Find files whose writer died before it gave them their name."""
    for directory in _directories(examination):
        for name in names(directory):
            path = os.path.join(directory, name)
            if name.endswith(_TEMPORARY) and not (name.startswith(".") and os.path.isdir(path)) and is_abandoned(path):
                yield Finding(path, "a temporary file; who wrote it is gone", mend=remove(path))


def secrets(examination: Examination) -> Iterator[Finding]:
    """Find variables that wait for a run which has ended, or which never was."""
    home = examination.home
    for name in names(home.secrets):
        path = os.path.join(home.secrets, name)
        if name.endswith(_TEMPORARY) or handed.is_wanted(home, name):
            continue
        run = handed.whose(home, name)
        if run is not None and RunRecord(run.root).exists():
            yield Finding(
                path, f"variables of the run {run.run_id}, which doesn't need them any more", mend=remove(path)
            )
        elif is_abandoned(path):
            whose = "an unknown run" if run is None else f"a run {run.run_id}"
            yield Finding(path, f"variables of {whose} that is not there", mend=remove(path))


def _directories(examination: Examination) -> Iterator[str]:
    """Yield the directories in which Turnout writes under temporary names."""
    home = examination.home
    yield from (home.root, home.environments, home.runtime, home.secrets, home.tools, home.queue)
    for workspace in examination.workspaces():
        yield from (workspace.root, workspace.targets, workspace.locks, workspace.stat_cache)
        yield from (os.path.join(workspace.environments, name) for name in names(workspace.environments))
        yield from (os.path.join(workspace.experiments, name) for name in names(workspace.experiments))
    for run in examination.runs():
        yield run.root
        yield run.system_logs
