"""Answers requests about runs on the machine where they are: start, look, cancel, queue, configure.

The local target calls it in this process; a target that is reached over a connection runs it there. A request and its reply
are JSON objects; a request is safe to repeat.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from turnout.runtime import closing, dispatching, handed, layout, processes, records, runlock, runqueue, slots, states
from turnout.runtime.record import SUPERVISED, RunRecord, request_to_cancel

_TAKE_OVER_SECONDS = 10.0
_POLL_SECONDS = 0.005
_WAKE_SECONDS = 0.5


def handle(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Carry out one request.

    Args:
        home: this account's home on this machine.
        request: `operation` (a key of `OPERATIONS`) and what that needs.

    Raises:
        ValueError: there is no such operation.
    """
    operation = OPERATIONS.get(str(request.get("operation")))
    if operation is None:
        raise ValueError("unknown operation %r (there is: %s)" % (request.get("operation"), ", ".join(OPERATIONS)))
    return operation(home, request)


def start(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Put the run in `directory` into the queue, with what it asks for in `resources`; reply with its handle."""
    record = RunRecord(str(request["directory"]))
    if record.journaled_state().get("state") != states.NOT_STARTED or runlock.holder(record.layout.lock) is not None:
        return {"handle": {"entry": None}}  # a request that was repeated
    runtime = str(request["runtime"])
    entry = runqueue.enqueue(home, record.layout.root, request.get("resources") or {}, runtime)
    try:
        dispatching.wake(home, runtime)
    except OSError:
        pass  # no process can be had just now; the run is in the queue, and whoever looks next wakes it
    return {"handle": {"entry": entry}}


def look(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Reply with the true `states` of the runs in `directories`, as `{id: [state, reason]}`.

    A run whose supervisor is gone is taken over by a new one first: it adopts a script that still lives, goes on with one
    that hasn't started, and closes one that is over.
    """
    found: Dict[str, List[str]] = {}
    waiting: Optional[Dict[str, str]] = None
    for directory in request["directories"]:
        record = RunRecord(str(directory))
        if not record.exists():
            continue
        state, reason = _settled(home, record, str(request["runtime"]))
        if state == states.QUEUED:
            waiting = _waiting(home) if waiting is None else waiting
            reason = waiting.get(record.layout.root, reason) + _held_by_parent(home, record)
        found[record.layout.run_id] = [state, reason]
    return {"states": found}


def cancel(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Ask for the end of the run in `directory` on behalf of `by`; reply with its state. Repeating it is no error.

    A `reason` is what the run's state says then, in place of by whom.
    """
    record = RunRecord(str(request["directory"]))
    if not states.is_final(str(record.journaled_state().get("state"))):
        records.create_json(
            record.layout.cancel, request_to_cancel(str(request.get("by")), str(request.get("reason") or ""))
        )
        _settled(home, record, str(request["runtime"]))
        holder = runlock.holder(record.layout.lock)
        if holder is not None:
            processes.send(holder, signal.SIGUSR1)
        else:
            dispatching.wake(home, str(request["runtime"]))
    state, reason = record.status()
    return {"state": state, "reason": reason}


def queue(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Reply with what this machine offers, and with the runs that hold slots and those that wait, in their order."""
    waiting, started = (_unfinished(home, entries) for entries in runqueue.entries(home))
    if waiting:
        dispatching.wake(home, str(request["runtime"]))
    why = _reasons(home, waiting, started)
    offer = slots.offered(home.queue_here)
    return {
        "slots": offer.cpus,
        "gpus": list(offer.gpus),
        "default": {"slots": slots.default_offer().cpus, "gpus": list(slots.default_offer().gpus)},
        "started": [_described(home, entry, "") for entry in started],
        "waiting": [_described(home, entry, why.get(entry.directory, "")) for entry in waiting],
    }


def offer(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Reply with what this machine offers: `slots` and `gpus`."""
    there = slots.offered(home.queue_here)
    return {"slots": there.cpus, "gpus": list(there.gpus)}


def configure(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Change what this machine offers: `slots` and `gpus`, those that are there; None goes back to the default."""
    changes: Dict[str, Any] = {key: request[key] for key in ("slots", "gpus") if key in request}
    slots.configure(home.queue_here, changes)
    if runqueue.names(home.queue_here.waiting):
        dispatching.wake(home, str(request["runtime"]))
    return queue(home, request)


OPERATIONS: Dict[str, Callable[[layout.Home, Dict[str, Any]], Dict[str, Any]]] = {
    "start": start,
    "look": look,
    "cancel": cancel,
    "queue": queue,
    "offer": offer,
    "configure": configure,
}


def _settled(home: layout.Home, record: RunRecord, runtime: str) -> Tuple[str, str]:
    """See to it that a run that isn't over has someone who looks after it, or is closed; return its state and reason."""
    state, reason = record.status()
    if states.is_final(state):
        return state, reason
    lives = record.supervisor_state()
    if lives == processes.UNKNOWN:
        holder = runlock.holder(record.layout.lock) or {}
        return states.NOT_RESPONDING, "supervised on %s, which can't be seen from here" % holder.get("host")
    if lives == processes.GONE:
        if record.definition.get("type") in SUPERVISED:
            said = _resume(home, record, runtime)
            if said is not None:
                return said
        elif runlock.holder(record.layout.lock) is not None and runlock.acquire(record.layout.lock):
            closing.end_unsupervised(record, states.FAILED, "its process ended without completing the run")
    return record.status()


def _resume(home: layout.Home, record: RunRecord, runtime: str) -> Optional[Tuple[str, str]]:
    """Have a submitted run looked after that nobody looks after; None when that is so, else its state and reason."""
    if runqueue.find(home, record.layout.root) is None:
        state = str(record.journaled_state().get("state"))
        if states.is_final(state):
            return None
        if state == states.NOT_STARTED and runlock.holder(record.layout.lock) is None:
            said = _hand_over_state(home, record)
            if said is not None:
                return said
        else:
            # It was handed over, and its entry is lost: a power cut, or someone removed the queue.
            runqueue.enqueue(home, record.layout.root, record.definition.get("resources") or {}, runtime)
    began = woken = time.monotonic()
    dispatching.wake(home, runtime)
    # Someone takes the run's lock within milliseconds; there is no event to wait for across processes.
    while time.monotonic() - began < _TAKE_OVER_SECONDS:
        if time.monotonic() - woken > _WAKE_SECONDS:  # it was just about to end when it was woken
            woken = time.monotonic()
            dispatching.wake(home, runtime)
        if states.is_final(str(record.journaled_state().get("state"))):
            break
        if record.supervisor_state() == processes.ALIVE and not _is_concluding(record):
            break
        time.sleep(_POLL_SECONDS)
    return None


def _hand_over_state(home: layout.Home, record: RunRecord) -> Optional[Tuple[str, str]]:
    """Say how it stands with a run that its submitter has not handed over; None when it has meanwhile.

    A submitter that died in between has told nobody the run's id, so the run ends: to start it would be a surprise.
    """
    submitter = record.definition.get("submitter") or {}
    lives = processes.state(submitter) if submitter else processes.GONE
    if lives != processes.GONE:
        where = "" if lives == processes.ALIVE else ", which can't be seen from here"
        return states.NOT_STARTED, "being handed over by a process on %s%s" % (submitter.get("host"), where)
    if record.is_left_to_its_sweep():
        return states.NOT_STARTED, "its sweep hands it over"
    if runqueue.find(home, record.layout.root) is not None or not runlock.acquire(record.layout.lock):
        return None
    closing.end_unsupervised(record, states.CANCELED, "never handed over: its submitter ended before")
    handed.remove(home, record.layout)
    return record.status()


def _is_concluding(record: RunRecord) -> bool:
    """Say whether a run's script is known to be over, so that its supervisor is about to close it."""
    state = str(record.journaled_state().get("state"))
    if state not in (states.RUNNING, states.FINALIZING):
        return False
    try:
        return processes.state(records.read_json(record.layout.process)) != processes.ALIVE
    except (OSError, ValueError):
        return False


def _held_by_parent(home: layout.Home, record: RunRecord) -> str:
    """Say so when a run waits for slots that its own parent holds: a parent that waits for it would wait for ever."""
    parent = record.definition.get("parent")
    entry = runqueue.find(home, record.layout.workspace.run(str(parent)).root) if parent else None
    if entry is None or entry.grant is None or not (entry.grant.cpus or entry.grant.gpus):
        return ""
    return "; its parent %s holds %s: more slots, or a parent with --cpus 0, let both run" % (
        parent,
        slots.spoken(entry.demand),
    )


def _unfinished(home: layout.Home, entries: List[runqueue.Entry]) -> List[runqueue.Entry]:
    """Return the entries whose runs have not ended; drop the others, which a killed supervisor has left."""
    kept = []
    for entry in entries:
        record = RunRecord(entry.directory)
        if record.exists() and not states.is_final(str(record.journaled_state().get("state"))):
            kept.append(entry)
        elif entry.grant is not None:
            runqueue.drop(home, entry.name)
    return kept


def _waiting(home: layout.Home) -> Dict[str, str]:
    """Return why each waiting run of this machine waits, by its directory."""
    waiting, started = runqueue.entries(home)
    return _reasons(home, waiting, started)


def _reasons(home: layout.Home, waiting: List[runqueue.Entry], started: List[runqueue.Entry]) -> Dict[str, str]:
    grants = [entry.grant for entry in started if entry.grant is not None]
    full = runqueue.held_back(waiting, started)
    demands = ((entry.directory, entry.demand) for entry in waiting if entry.name not in full)
    said = slots.reasons(demands, slots.offered(home.queue_here), grants)
    said.update((entry.directory, full[entry.name]) for entry in waiting if entry.name in full)
    return said


def _described(home: layout.Home, entry: runqueue.Entry, reason: str) -> Dict[str, Any]:
    """Return an entry for a person: which run, in what state, with or waiting for what."""
    record = RunRecord(entry.directory)
    state, said = record.status()
    own = state in (states.QUEUED, states.NOT_STARTED) and reason
    return {
        "id": entry.run_id,
        "workspace": os.path.basename(record.layout.workspace.root),
        "directory": entry.directory,
        "state": state,
        "reason": reason if own else said,
        "priority": entry.priority,
        "cpus": entry.demand.cpus,
        "gpus": entry.demand.gpus,
        "slots": None if entry.grant is None else slots.to_json(entry.grant),
        "t": record.journaled_state().get("t"),
    }
