"""Frees what nothing in this account's Turnout home refers to; see `turnout.runtime.gc` for what that is."""

from __future__ import annotations

import os
from collections.abc import Callable

from turnout.exceptions import ExperimentExecutionException, RecordException
from turnout.runtime import filelocks, gc, gclock, layout
from turnout.workspace import check_format

DAY = gc.DAY
"""Seconds for which what nothing refers to is kept, unless the caller says otherwise."""


def collect(older_than: float = DAY, dry_run: bool = False, report: Callable[[str], None] | None = None) -> gc.Outcome:
    """Free objects and environments that no run of any workspace refers to, and what dead processes left behind.

    Submits may go on meanwhile; killed at any moment, this leaves everything there that a run refers to.

    Args:
        older_than: seconds for which something has to have been as it is.
        dry_run: find out what would be freed, and free nothing.
        report: gets a line if submits have to be waited for.

    Raises:
        RecordException: the home can't be used, was written by a newer Turnout, or lies on a file system without flock.
        ExperimentExecutionException: submits were under way all the time.
    """
    home = layout.Home(layout.home_directory())
    check_format(home)
    if not os.path.isdir(home.root):
        return gc.Outcome({}, [])
    try:
        return gc.collect(home, older_than, dry_run, report)
    except filelocks.NoFileLocks as error:
        raise RecordException(
            f"{home.root} is on a file system without flock, which tells whether a submit is under way: nothing was freed; "
            f"move the home, and name it with {layout.HOME_VARIABLE}",
            error,
        ) from error
    except gclock.BusyError as error:
        raise ExperimentExecutionException(
            f"submits have been under way for {gclock.PATIENCE:.0f} s; try again when they are done", error
        ) from error
