"""Deletes a run's record, so that a kill at any moment leaves the whole run or something to sweep up.

The tombstone `deleted/ID` comes first: whoever syncs or makes runs honours it. Then what lies outside of the record goes,
then the record is renamed into `trash/`: from here the run is gone. What is in the trash is removed at leisure, by this call
or by the next one. Whether a run may be deleted is for the caller to find out.
"""

from __future__ import annotations

import os
from typing import List

from turnout.runtime import handed, layout, markers, records, removal, runqueue


def delete(run: layout.RunLayout) -> None:
    """Delete a run that has ended: leave its tombstone, and put its record into the trash.

    Raises:
        OSError: the home can't be written; the run is there as before.
    """
    workspace = run.workspace
    _leave_tombstone(workspace, run.run_id)
    home = workspace.home
    handed.remove(home, run)
    runqueue.remove(home, run.root)
    os.makedirs(workspace.trash, layout.DIRECTORY_MODE, exist_ok=True)
    entry = os.path.join(workspace.trash, "%s.%s" % (run.run_id, os.urandom(4).hex()))
    try:
        os.rename(run.root, entry)
    except FileNotFoundError:
        return  # another process deletes it too
    try:
        markers.mark_changed(run)
    except OSError:
        pass  # a full disk; the index sees that a directory has gone


def empty_trash(workspace: layout.WorkspaceLayout, tally: removal.Tally) -> List[str]:
    """Remove what was deleted, also by those who were killed; return a line for each entry that can't be removed."""
    problems = []
    for name in _names(workspace.trash):
        path = os.path.join(workspace.trash, name)
        try:
            removal.remove(path, tally)
        except OSError as error:
            problems.append("%s can't be removed: %s" % (error.filename or path, (error.strerror or "").lower()))
    return problems


def unfinished(workspace: layout.WorkspaceLayout) -> List[str]:
    """Return the ids of runs that are there although their deletion has begun: whoever deleted them was killed."""
    return [name for name in _names(workspace.deleted) if os.path.lexists(workspace.run(name).root)]


def _leave_tombstone(workspace: layout.WorkspaceLayout, run_id: str) -> None:
    os.makedirs(workspace.deleted, layout.DIRECTORY_MODE, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    os.close(os.open(workspace.tombstone(run_id), flags, layout.FILE_MODE))
    records.sync_directory(workspace.deleted)


def _names(directory: str) -> List[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
