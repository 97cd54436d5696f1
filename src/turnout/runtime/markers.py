"""Leaves the marker that tells the index to look at a run: one empty file a run, touched whenever the run has news."""

import os

from turnout.runtime import layout


def mark_changed(run: layout.RunLayout) -> None:
    """Leave, or touch, the marker of a run of a workspace. Raises OSError when it can't be written."""
    changes = run.workspace.changes
    os.makedirs(changes, layout.DIRECTORY_MODE, exist_ok=True)
    path = os.path.join(changes, run.run_id)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE))
    os.utime(path)
