"""Entries of the queue that mean nothing any more, and runs that wait while nobody dispatches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding, remove
from turnout.repair.runs import look
from turnout.runtime import bundle, dispatching, processes, runlock, runqueue, slots, states
from turnout.runtime.record import SUPERVISED, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.runtime import layout


def check(examination: Examination) -> Iterator[Finding]:
    """Look through the queue of this machine."""
    home = examination.home
    queue = home.queue_here
    waits = False
    for where in (queue.waiting, queue.started):
        for name in runqueue.names(where):
            path = os.path.join(where, name)
            entry = runqueue.read(home, where, name)
            if entry is None:
                if os.path.exists(path):
                    yield Finding(path, "the entry can't be read", mend=remove(path))
                continue
            record = RunRecord(entry.directory)
            if not record.exists():
                yield Finding(path, "the run of this entry is not there any more", mend=remove(path))
            elif states.is_final(str(record.journaled_state().get("state"))):
                yield Finding(path, f"the run {entry.run_id} has ended and is still in the queue", mend=remove(path))
            else:
                waits = waits or where == queue.waiting
    if os.path.exists(queue.slots) and not slots.is_readable(queue):
        yield Finding(
            queue.slots,
            "what this machine offers can't be read, so it is the default",
            "`turnout target update local --slots N --gpus 0,1` sets it anew",
        )
    holder = dispatching.dispatcher(queue)
    if waits and (holder is None or processes.state(holder) != processes.ALIVE):
        yield Finding(queue.waiting, "runs wait, and nobody dispatches them", mend=_wake(home))
    yield from _elsewhere(home)


def never_queued(examination: Examination) -> Iterator[Finding]:
    """Find submitted runs that nobody has taken and that are in no queue: their submitter or the queue was lost."""
    home = examination.home
    for run in examination.runs():
        record = RunRecord(run.root)
        if states.is_final(str(record.journaled_state().get("state"))) or runlock.holder(run.lock) is not None:
            continue
        try:
            definition = record.definition
        except (OSError, ValueError):
            continue  # `runs.unreadable` names it
        submitter = definition.get("submitter") or {}
        if definition.get("type") not in SUPERVISED or (submitter and processes.state(submitter) != processes.GONE):
            continue
        if runqueue.find(home, run.root) is None:
            yield Finding(run.root, "the run was submitted, and no queue has it", mend=look(run))


def _elsewhere(home: layout.Home) -> Iterator[Finding]:
    """Find runs that wait for a machine of another name."""
    here = os.path.basename(home.queue_here.root)
    for other in runqueue.queues(home):
        host = os.path.basename(other.root)
        count = len(runqueue.names(other.waiting)) + len(runqueue.names(other.started))
        if host != here and count:
            yield Finding(
                other.root,
                f"{count} run{'s' * (count != 1)} of the machine {host} wait there; this one is {here}",
                f"nothing to do if {host} shares this home; if this machine was called so before, remove {other.root}, "
                "and a look at its runs takes them over",
            )


def _wake(home: layout.Home) -> Callable[[], str]:
    def mend() -> str:
        dispatching.wake(home, bundle.ship(home))
        return "a dispatcher was started"

    return mend
