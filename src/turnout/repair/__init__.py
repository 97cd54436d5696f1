"""Finds what a crash, a power cut or a person left wrong in a home, and mends it: what `turnout doctor` looks through.

A check is a function that yields findings; a new one is a line in `CHECKS`. Nothing here removes what somebody may still
be making: leftovers count only once they are an hour old, and what has a lock is touched only while that is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.repair import containers, environments, index, leftovers, modes, objects, queue, runs
from turnout.repair.finding import Examination, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CHECKS", "Examination", "Finding", "examine"]

CHECKS: list[Callable[[Examination], Iterator[Finding]]] = [
    modes.check,  # first: what may not be opened, the others can't look at
    leftovers.half_made_runs,
    leftovers.temporary_files,
    leftovers.secrets,
    environments.half_built,
    runs.unreadable,
    runs.abandoned,
    queue.check,
    queue.never_queued,
    containers.check,
    runs.lines,
    objects.damaged,
    index.differing,  # last: what the others mended, it has to show
]


def examine(examination: Examination) -> Iterator[Finding]:
    """Carry out every check; a check that can't look says so, and the next one goes on."""
    for check in CHECKS:
        try:
            yield from check(examination)
        except OSError as error:
            path = str(error.filename or examination.home.root)
            yield Finding(path, f"can't be looked at: {(error.strerror or str(error)).lower()}", "mend its permissions")
