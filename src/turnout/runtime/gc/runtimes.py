"""Frees shipped runtimes of versions that are no longer in use.

Which runtime a run began with is not in its record, so none goes while any run of the home has not ended. Otherwise those
go that were shipped more than a week ago, except the present one.
"""

from __future__ import annotations

import os

from turnout.runtime import bundle, layout, records, states
from turnout.runtime.gc.items import Sweep, is_older, names
from turnout.runtime.gc.marking import Marks

RUNTIMES = "runtimes"


def free(home: layout.Home, marks: Marks, sweep: Sweep) -> None:
    """Put old runtimes into the trash beside them; in a dry run count them."""
    present = os.path.basename(bundle.present(home))
    old = [
        name
        for name in names(home.runtime)
        if name != present
        and bundle.is_copy(name)
        and is_older(os.path.join(home.runtime, name), sweep.before_runtimes)
    ]
    if not old or any(not _has_ended(run) for run in marks.run_layouts()):
        return
    for name in old:
        path = os.path.join(home.runtime, name)
        if sweep.dry:
            sweep.free(RUNTIMES, path)
        else:
            os.rename(path, "%s.%s%s" % (path, os.urandom(4).hex(), layout.TRASH_SUFFIX))
    if not sweep.dry:
        bundle.forget_missing(home)


def _has_ended(run: layout.RunLayout) -> bool:
    return states.is_final(str(records.last_line(run.journal).get("state"))) or not os.path.isdir(run.root)
