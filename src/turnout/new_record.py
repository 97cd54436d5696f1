"""The record of a run that is about to be: written under a temporary name, renamed into place, and taken back when it can't be.

Nothing half-made is ever seen: until the rename there is no run, and what was written of it goes when that fails.
"""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

from turnout.exceptions import ExperimentExecutionException, RecordException
from turnout.runtime import bundle, handed, layout, markers, records, states

if TYPE_CHECKING:
    from turnout.experiment import Experiment
    from turnout.submission import Plan


def write(experiment: Experiment, plan: Plan, run: layout.RunLayout) -> None:
    """Write the record under a temporary name and rename it into place: from then on the run exists."""
    from turnout.targets.compute_target import is_local

    home = experiment.workspace.home
    if os.path.exists(run.root):
        raise _taken(run.run_id)
    check_not_deleted(run.workspace, run.run_id)
    temporary = layout.RunLayout(os.path.join(os.path.dirname(run.root), f".{run.run_id}.{os.urandom(4).hex()}"))
    secret = handed.path(home, plan.definition) if is_local(plan.definition["target"]) else None
    try:
        bundle.ship(home)
        os.makedirs(temporary.root, layout.DIRECTORY_MODE)
        for directory in (temporary.events, temporary.user_logs, temporary.system_logs):
            os.mkdir(directory, layout.DIRECTORY_MODE)
        for name, data in plan.files.items():
            records.write_atomic(os.path.join(temporary.root, name), data, sync=True)
        records.write_json(temporary.definition, plan.definition, sync=True)
        journal = records.JsonLines(temporary.journal)
        journal.append({"t": plan.definition["created"], "state": states.NOT_STARTED, "reason": "submitted"})
        if plan.failure:
            _write_failure(plan, temporary, journal)
        journal.sync()
        journal.close()
        if secret is not None:
            handed.write(home, os.path.basename(secret), run, plan.handed)
        records.sync_directory(temporary.root)
        markers.mark_changed(run)  # before the run is there: a submitter that dies here leaves no run unmarked
        os.rename(temporary.root, run.root)
    except OSError as error:
        _take_back(temporary, secret)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # of two submits of one id the first one's stands
            raise _taken(run.run_id) from error
        raise RecordException(
            f"the run can't be recorded in {home.root}: {said(error)}; nothing was submitted: "
            f"free some space or mend its permissions, or name another home with {layout.HOME_VARIABLE}"
        ) from error
    except BaseException:
        _take_back(temporary, secret)
        raise
    try:
        records.sync_directory(os.path.dirname(run.root))
    except OSError:
        pass  # the run exists, and others may have seen it: only a power cut right now could still take it back


def _taken(run_id: str) -> ExperimentExecutionException:
    return ExperimentExecutionException(f"there is a run {run_id} already; choose another run_id")


def check_not_deleted(workspace: layout.WorkspaceLayout, run_id: str) -> None:
    """Refuse the id of a run that was deleted. Raises ExperimentExecutionException."""
    if os.path.lexists(workspace.tombstone(run_id)):
        raise ExperimentExecutionException(
            f"the run {run_id} was deleted, and its id is not used again; choose another run"
        )


def _write_failure(plan: Plan, run: layout.RunLayout, journal: records.JsonLines) -> None:
    """Record a run whose environment has no solution: it ends before it starts, with the resolver's own words."""
    now = time.time()
    records.write_atomic(run.environment_log, plan.failure_words.encode("utf-8", "surrogateescape"))
    error = {"code": "UserError", "message": plan.failure}
    records.write_json(run.result, {"state": states.FAILED, "reason": plan.failure, "ended": now, "error": error})
    journal.append({"t": now, "state": states.PREPARING, "reason": "resolving the environment"})
    journal.append({"t": now, "state": states.FAILED, "reason": plan.failure})


def _remove_tree(path: str) -> None:
    import shutil  # only when something failed

    shutil.rmtree(path, ignore_errors=True)


def _take_back(temporary: layout.RunLayout, secret: str | None) -> None:
    """Remove what was written of a run that isn't to be."""
    _remove_tree(temporary.root)
    if secret is not None:
        try:
            os.unlink(secret)
        except OSError:
            pass


def said(error: OSError) -> str:
    """Return what the system said, with the file that it said it of."""
    said = (error.strerror or str(error)).lower()
    return f"{said}: {os.fsdecode(error.filename)}" if error.filename else said


def take_away(run: layout.RunLayout) -> None:
    """Remove a run that was recorded and couldn't be handed over."""
    aside = os.path.join(os.path.dirname(run.root), f".{run.run_id}.{os.urandom(4).hex()}")
    os.rename(run.root, aside)
    handed.remove(run.workspace.home, layout.RunLayout(aside))
    _remove_tree(aside)
