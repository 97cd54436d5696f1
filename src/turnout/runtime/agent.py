"""Answers requests about runs on the machine where they are: start, look, cancel.

The local target calls it in this process; a target that is reached over a connection runs it there. A request and its reply
are JSON objects; a request is safe to repeat.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Callable, Dict, List

from turnout.runtime import closing, layout, processes, records, runlock, states, supervisor
from turnout.runtime.record import RunRecord

_TAKE_OVER_SECONDS = 10.0
SCRIPT_RUN = "azureml.scriptrun"
"""v1's type of a submitted run."""


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
    """Start a supervisor for the run in `directory`, with the shipped runtime in `runtime`; reply with its handle."""
    process = _spawn(home, str(request["directory"]), str(request["runtime"]))
    return {"handle": processes.identity(process)}


def look(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Reply with the true `states` of the runs in `directories`, as `{id: [state, reason]}`.

    A run whose supervisor is gone is taken over by a new one first: it adopts a script that still lives, goes on with one
    that hasn't started, and closes one that is over.
    """
    found: Dict[str, List[str]] = {}
    for directory in request["directories"]:
        record = RunRecord(str(directory))
        if not record.exists():
            continue
        _settle(home, record, str(request["runtime"]))
        state, reason = record.status()
        if not states.is_final(state) and record.supervisor_state() == processes.UNKNOWN:
            holder = runlock.holder(record.layout.lock) or {}
            state, reason = (
                states.NOT_RESPONDING,
                "supervised on %s, which can't be seen from here" % holder.get("host"),
            )
        found[record.layout.run_id] = [state, reason]
    return {"states": found}


def cancel(home: layout.Home, request: Dict[str, Any]) -> Dict[str, Any]:
    """Ask for the end of the run in `directory` on behalf of `by`; reply with its state. Repeating it is no error."""
    record = RunRecord(str(request["directory"]))
    if not states.is_final(str(record.journaled_state().get("state"))):
        if not os.path.exists(record.layout.cancel):
            records.write_json(record.layout.cancel, {"by": request.get("by"), "t": time.time()})
        _settle(home, record, str(request["runtime"]))
        holder = runlock.holder(record.layout.lock)
        if holder is not None:
            processes.send(holder, signal.SIGUSR1)
    state, reason = record.status()
    return {"state": state, "reason": reason}


OPERATIONS: Dict[str, Callable[[layout.Home, Dict[str, Any]], Dict[str, Any]]] = {
    "start": start,
    "look": look,
    "cancel": cancel,
}


def _settle(home: layout.Home, record: RunRecord, runtime: str) -> None:
    """See to it that a run that isn't over has a living supervisor, or is closed."""
    if states.is_final(str(record.journaled_state().get("state"))):
        return
    if record.supervisor_state() != processes.GONE:
        return
    if record.definition.get("type") != SCRIPT_RUN:
        if runlock.holder(record.layout.lock) is not None and runlock.acquire(record.layout.lock):
            closing.end_unsupervised(record, states.FAILED, "its process ended without completing the run")
        return
    process = _spawn(home, record.layout.root, runtime)
    deadline = time.monotonic() + _TAKE_OVER_SECONDS
    # The new supervisor writes the lock within milliseconds; there is no event to wait for across processes.
    while not _reaped(process) and time.monotonic() < deadline:
        if record.supervisor_state() == processes.ALIVE and not _is_concluding(record):
            return
        time.sleep(0.005)


def _is_concluding(record: RunRecord) -> bool:
    """Say whether a run's script is known to be over, so that its supervisor is about to close it."""
    state = str(record.journaled_state().get("state"))
    if state not in (states.STARTING, states.RUNNING, states.FINALIZING):
        return False
    try:
        return processes.state(records.read_json(record.layout.process)) != processes.ALIVE
    except (OSError, ValueError):
        return True


_spawned: List[int] = []


def _spawn(home: layout.Home, directory: str, runtime: str) -> int:
    """Start a supervisor in a session of its own; return its pid.

    posix_spawn is the quickest way to start a process, and safe in a submitter with threads. Descriptors of this process
    are not inherited (PEP 446).
    """
    _spawned[:] = [pid for pid in _spawned if not _reaped(pid)]
    argv, environment = supervisor.command(home.root, directory, runtime, sys.executable)
    null = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=null, setsid=True)
    _spawned.append(pid)
    return pid


def _reaped(pid: int) -> bool:
    """Collect an ended supervisor of ours, so that a long-lived submitter keeps no zombies."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
