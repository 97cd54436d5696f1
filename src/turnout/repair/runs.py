"""Runs whose record is damaged, or whose processes are gone before they ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding
from turnout.runtime import events, processes, records, runlock, states
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.runtime import layout

_PIECE = 8 << 20


def unreadable(examination: Examination) -> Iterator[Finding]:
    """Find runs whose definition can't be read: no list shows them, and their logs and files are there all the same."""
    for run in examination.runs():
        try:
            if not isinstance(records.read_json(run.definition), dict):
                raise ValueError("it is no JSON object")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            yield Finding(
                run.definition,
                f"the definition of the run {run.run_id} can't be read: {why}",
                "restore the file from a copy; the run's logs, metrics and files lie beside it",
            )


def abandoned(examination: Examination) -> Iterator[Finding]:
    """Find runs that have not ended and that nobody carries out any more."""
    for run in examination.runs():
        record = RunRecord(run.root)
        state = str(record.journaled_state().get("state"))
        holder = runlock.holder(run.lock)
        if states.is_final(state) or holder is None:
            continue
        lives = processes.state(holder)
        if lives == processes.GONE:
            yield Finding(run.root, f"{state}, but the process that carried it out is gone", mend=look(run))
        elif lives == processes.UNKNOWN and holder.get("host") == os.uname().nodename:
            yield Finding(
                run.root,
                f"{state}, carried out by a process in another pid namespace of {holder['host']}, which can't be seen",
                f"nothing to do while that container lives; if it is gone, remove {run.lock}, and a look goes on with the run",
            )


def lines(examination: Examination) -> Iterator[Finding]:
    """Count the lines of journals and events that can't be read. They stay: what is in them may still tell a person."""
    for run in examination.runs():
        paths = [run.journal]
        if os.path.isdir(run.events):
            paths += [os.path.join(run.events, name) for name in sorted(os.listdir(run.events))]
        for path in paths:
            count = _skipped(path) if path.endswith(events.SUFFIX) else 0
            if count:
                plural = "s" if count > 1 else ""
                yield Finding(path, f"{count:,} line{plural} can't be read; all others are", "nothing to do")


def _skipped(path: str) -> int:
    """Return how many whole lines don't parse, reading in pieces that fit in memory."""
    offset, count, limit = 0, 0, _PIECE
    try:
        while True:
            _, after, skipped = records.read_lines(path, offset, limit)
            count += skipped
            if after == offset:
                if offset + limit >= os.path.getsize(path):
                    return count  # the rest is the line that is being written
                limit *= 4
            offset = after
    except OSError:
        return count  # `modes` and `unreadable` name it


def look(run: layout.RunLayout) -> Callable[[], str]:
    """Return what looks at a run, which settles it."""

    def mend() -> str:
        from turnout.run import Run

        state, reason = Run(run.root).status_and_reason()
        return f"is {state} now{': ' + reason if reason else ''}"

    return mend
