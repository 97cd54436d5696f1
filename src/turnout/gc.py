"""Frees what nothing in this account's Turnout home refers to; see `turnout.runtime.gc` for what that is.

Also removes a single environment that a person has named.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from turnout.environments import built
from turnout.exceptions import EnvironmentException, ExperimentExecutionException, RecordException
from turnout.runtime import filelocks, gc, gclock, layout
from turnout.runtime.gc import environments, items
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
    with _explained(home):
        return gc.collect(home, older_than, dry_run, report)


def remove_environment(key: str, report: Callable[[str], None] | None = None) -> int:
    """Remove an environment that is built on this machine; the next run that asks for it builds it again from its lock.

    Args:
        key: the environment's key.
        report: gets a line if submits have to be waited for.

    Returns:
        The bytes that this has freed: files that another environment or uv's cache has too stay there.

    Raises:
        EnvironmentException: it isn't there, is being built, or a run that hasn't ended needs it.
        RecordException: see `collect`.
        ExperimentExecutionException: see `collect`.
        OSError: something of it can't be removed.
    """
    home = layout.Home(layout.home_directory())
    check_format(home)
    if built.look(home, key) is None:
        raise EnvironmentException(f"there is no environment {key} here; `turnout env list --built` lists them")
    uses = built.Uses(home)
    uses.update()  # most runs are read here, beside submits
    _refuse_needed(uses, key)
    with _explained(home), gclock.alone(home, report):
        uses.update()
        _refuse_needed(uses, key)
        trash = environments.discard(home, key)
    if trash is None:
        raise EnvironmentException(f"the environment {key} is being built at this moment; try again when that is done")
    sweep = items.Sweep(dry=False, older_than=0.0, now=0.0)
    if trash:
        sweep.free(environments.ENVIRONMENTS, trash)
    if sweep.problems:
        raise RecordException(f"{sweep.problems[0]}; `turnout gc` tries again")
    return sum(freed.bytes for freed in sweep.freed.values())


def _refuse_needed(uses: built.Uses, key: str) -> None:
    runs = uses.unfinished(key)
    if runs:
        named = ", ".join(runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "")
        raise EnvironmentException(
            f"the environment {key} is needed by {named}, which {'has' if len(runs) == 1 else 'have'} not ended; "
            f"wait for the end (turnout wait {runs[0]}), or cancel"
        )


@contextlib.contextmanager
def _explained(home: layout.Home) -> Iterator[None]:
    """Say in a person's words why nothing can be freed."""
    try:
        yield
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
