"""Frees what was left half-made by processes that were killed: runs, temporary files, handed-over variables, trash."""

from __future__ import annotations

import os
import re
from typing import Iterator

from turnout.runtime import deletion, handed, layout, records, states
from turnout.runtime.gc.environments import ENVIRONMENTS
from turnout.runtime.gc.items import Sweep, is_older, names, reason
from turnout.runtime.gc.runtimes import RUNTIMES

DELETED = "deleted runs"
ANSWERS = "answers of interpreters"
HALF_MADE = "half-made runs"
SECRETS = "stale secrets"
TEMPORARY = "temporary files"
WHEELS = "wheels brought for environments"

_TEMPORARY = re.compile(r".+\.(tmp|new)", re.DOTALL).fullmatch


def finish_deletions(home: layout.Home, sweep: Sweep) -> None:
    """Delete the runs whose deletion a kill has stopped before it began in earnest: somebody has asked for it."""
    for workspace in _workspaces(home):
        for run_id in deletion.unfinished(workspace):
            run = workspace.run(run_id)
            if not _has_ended(run):
                continue
            try:
                deletion.delete(run)
            except OSError as error:
                sweep.problems.append("the run %s can't be deleted: %s" % (run_id, reason(error)))


def free(home: layout.Home, sweep: Sweep) -> None:
    """Free half-made runs, temporary files, secrets that no run waits for, wheels and answers of interpreters that are old."""
    for workspace in _workspaces(home):
        for name in names(workspace.runs):
            path = os.path.join(workspace.runs, name)
            if name.startswith(".") and is_older(path, sweep.before_unguarded):
                sweep.free(HALF_MADE, path)
    for directory in _swept(home):
        for name in names(directory):
            path = os.path.join(directory, name)
            if _TEMPORARY(name) and is_older(path, sweep.before_unguarded):
                sweep.free(TEMPORARY, path)
    _free_secrets(home, sweep)
    for name in names(home.interpreters):  # it is asked again
        if is_older(os.path.join(home.interpreters, name), sweep.before_unguarded):
            sweep.free(ANSWERS, os.path.join(home.interpreters, name))
    for name in names(home.wheels):  # needed until the environment is built
        if is_older(os.path.join(home.wheels, name), sweep.before_unguarded):
            sweep.free(WHEELS, os.path.join(home.wheels, name))


def remove_trash(home: layout.Home, sweep: Sweep) -> None:
    """Remove what was put into the trash, now or by those who were killed."""
    for workspace in _workspaces(home):
        for name in names(workspace.trash):
            sweep.free(DELETED, os.path.join(workspace.trash, name))
    for kind, directory in ((ENVIRONMENTS, home.environments), (RUNTIMES, home.runtime)):
        for name in names(directory):
            if name.endswith(layout.TRASH_SUFFIX):
                sweep.free(kind, os.path.join(directory, name))


def _free_secrets(home: layout.Home, sweep: Sweep) -> None:
    for name in names(home.secrets):
        path = os.path.join(home.secrets, name)
        if is_older(path, sweep.before_unguarded) and not handed.is_wanted(home, name):
            sweep.free(SECRETS, path)


def _has_ended(run: layout.RunLayout) -> bool:
    return states.is_final(str(records.last_line(run.journal).get("state")))


def _swept(home: layout.Home) -> Iterator[str]:
    """Yield the directories in which files are written under a temporary name and renamed; a run's are its own."""
    yield from (home.root, home.objects, home.environments, home.runtime, home.tools)
    for workspace in _workspaces(home):
        yield from (workspace.root, workspace.targets, workspace.locks, workspace.stat_cache)


def _workspaces(home: layout.Home) -> Iterator[layout.WorkspaceLayout]:
    for name in names(home.workspaces):
        yield home.workspace(name)
