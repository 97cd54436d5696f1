"""Frees what nothing in a home refers to: objects, environments, old runtimes, and what was left half-made.

What the runs refer to is marked first, beside submits; then, alone (see `gclock`), only the runs that came meanwhile, and what
is left over is freed. Killed at any moment, everything that a run refers to is still there. Files of the home that no lock
guards are freed only when a day has passed, whatever the caller's `older_than`.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional

from turnout.runtime import gclock, layout
from turnout.runtime.gc import environments, leftovers, runtimes, store
from turnout.runtime.gc.items import DAY, Freed, Item, Sweep
from turnout.runtime.gc.marking import Marks

__all__ = ["DAY", "Freed", "Outcome", "collect"]


class Outcome:
    """What a collection did.

    Attributes:
        freed: by kind, such as "objects": how many, and the bytes that this frees on the disk.
        problems: a line for each thing that could not be freed, or not be judged.
    """

    def __init__(self, freed: Dict[str, Freed], problems: List[str]) -> None:
        self.freed = freed
        self.problems = problems

    @property
    def bytes(self) -> int:
        """The bytes that all kinds together free."""
        return sum(freed.bytes for freed in self.freed.values())


def collect(
    home: layout.Home,
    older_than: float = DAY,
    dry_run: bool = False,
    report: Optional[Callable[[str], None]] = None,
    patience: float = gclock.PATIENCE,
    now: Optional[float] = None,
) -> Outcome:
    """Free what nothing refers to.

    Args:
        home: of this machine.
        older_than: seconds for which something has to have been as it is: its content and its place, by the newer of the two
            times (mtime, ctime) that the file system keeps.
        dry_run: say what would be freed, and free nothing.
        report: gets a line if something has to be waited for.
        patience: seconds to wait for submits.
        now: the Unix time that ages are counted to; the present by default.

    Raises:
        filelocks.NoFileLocks: the home is on a file system without flock, where nothing tells whether a submit is under way.
        gclock.BusyError: submits were under way all the time.
        OSError: the home can't be read or written.
    """
    sweep = Sweep(dry_run, older_than, time.time() if now is None else now)
    marks = Marks(home)
    if not dry_run:
        leftovers.finish_deletions(home, sweep)
    marks.update()
    if dry_run:
        _free(home, marks, sweep)
    else:
        found = store.candidates(home, marks, sweep)
        with gclock.alone(home, report, patience):
            marks.update()
            _free(home, marks, sweep, found)
    leftovers.remove_trash(home, sweep)  # renamed by now, so nobody waits for it
    return Outcome(sweep.freed, sweep.problems + marks.problems())


def _free(home: layout.Home, marks: Marks, sweep: Sweep, found: Optional[List[Item]] = None) -> None:
    """Free everything but the trash; on a full disk the things come first that need no room to be removed."""
    leftovers.free(home, sweep)
    environments.free(home, marks, sweep)
    runtimes.free(home, marks, sweep)
    store.free(home, marks, sweep, store.candidates(home, marks, sweep) if found is None else found)
