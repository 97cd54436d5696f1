"""Begins and ends runs that a process carries out itself: child runs, interactive runs, offline runs.

Such a run has no supervisor: the process that begins it holds its lock and writes its journal. It is ended by whoever
calls `complete`, `fail` or `cancel` first, often a worker that the process forked; a flock of the lock file keeps two
of them apart. When the process dies without ending the run, whoever looks next finds the lock's process gone and
closes it.
"""

import os
import signal
import sys
import time

from turnout.runtime import filelocks, layout, markers, processes, records, runlock, states
from turnout.runtime.script.exceptions import UserErrorException
from turnout.runtime.script.writer import record_error

MYPY = False
if MYPY:
    from typing import Any, Dict, Mapping, Optional

MAX_ID_LENGTH = 200  # file names end at 255 bytes, and temporary ones are longer
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def new_id() -> str:
    """Return a random id of 36 characters, a UUID of version 4 (v1's rule for child runs)."""
    import uuid  # loads a good deal on older Pythons: only who begins a run pays

    return str(uuid.uuid4())


def account() -> str:
    """Return `user@host` of this process."""
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as numbers without a name
        user = str(os.getuid())
    return "%s@%s" % (user, os.uname().nodename)


def definition_of(run_id: str, values: "Mapping[str, Any]") -> "Dict[str, Any]":
    """Return the whole content of a run.json.

    Args:
        run_id: the run's id.
        values: what differs from the defaults.
    """
    full: "Dict[str, Any]" = {
        "format": layout.FORMAT,
        "id": run_id,
        "number": None,
        "experiment": None,
        "workspace": None,
        "display_name": None,
        "created": time.time(),
        "created_by": account(),
        "type": None,
        "parent": None,
        "root": run_id,
        "target": None,
        "configuration": None,
        "arguments": [],
        "snapshot": None,
        "environment": None,
        "tags": {},
        "properties": {},
        "turnout": getattr(sys.modules.get("turnout"), "__version__", ""),
    }
    full.update(values)
    return full


def create_run(
    workspace: layout.WorkspaceLayout,
    definition: "Mapping[str, Any]",
    files: "Optional[Mapping[str, bytes]]" = None,
) -> str:
    """Begin a run of a workspace in this process, Running from the start; return its record's directory.

    Args:
        workspace: where the run belongs.
        definition: what run.json says beyond the defaults of `definition_of`; `id` is made up when it is missing.
        files: further files of the record by name, such as `manifest`.

    Raises:
        UserErrorException: there is or was a run with that id, or it can't be one.
        RecordException: the record can't be written; nothing stays behind.
    """
    run = workspace.run(check_id(definition.get("id") or new_id()))
    # In this order: whoever deletes a run leaves the tombstone before the run goes.
    if not os.path.lexists(run.root) and os.path.lexists(workspace.tombstone(run.run_id)):
        raise UserErrorException("the run %s was deleted, and its id is not used again; choose another id" % run.run_id)
    if not begin(run, definition_of(run.run_id, definition), files or {}):
        raise UserErrorException("there is a run %s already; choose another id" % run.run_id)
    mark_changed(run)
    return run.root


def check_id(run_id: "Any") -> str:
    """Return a run's id. Raises UserErrorException when it can't be a directory's name on any file system."""
    if (
        not isinstance(run_id, str)
        or not 0 < len(run_id) <= MAX_ID_LENGTH
        or run_id.startswith(".")
        or not _ID_CHARACTERS.issuperset(run_id)
    ):
        raise UserErrorException(
            "%r can't be a run's id: 1 to %d letters, digits, - _ and ., not beginning with a dot"
            % (run_id, MAX_ID_LENGTH)
        )
    return run_id


def begin(run: layout.RunLayout, definition: "Mapping[str, Any]", files: "Mapping[str, bytes]") -> bool:
    """Write a record in the state Running, held by this process, under a temporary name and rename it into place.

    Returns:
        False when there is such a record already.

    Raises:
        RecordException: it can't be written; nothing stays behind.
    """
    parent, name = os.path.split(run.root)
    temporary = layout.RunLayout(os.path.join(parent, ".%s.%s.tmp" % (name, os.urandom(4).hex())))
    if os.path.lexists(run.root):
        return False
    try:
        os.makedirs(parent, layout.DIRECTORY_MODE, exist_ok=True)
        _write(temporary, definition, files)
        os.rename(temporary.root, run.root)
    except OSError as error:
        _remove(temporary.root)
        if os.path.lexists(run.root):
            return False  # another process was quicker
        raise record_error(error, parent, "the run %s" % name) from error
    except BaseException:
        _remove(temporary.root)
        raise
    return True


def end(
    run: layout.RunLayout, state: str, reason: str = "", error: "Optional[Mapping[str, Any]]" = None
) -> "Optional[str]":
    """Write the end of a run that has no supervisor.

    Args:
        run: the run.
        state: a final state.
        reason: why, in words.
        error: `code` and `message` of a failed run.

    Returns:
        The final state that the run was in already, or None: then this call ended it.

    Raises:
        RecordException: the record can't be written.
    """
    try:
        descriptor = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        try:
            try:
                filelocks.lock(descriptor, run.lock)
            except filelocks.NoFileLocks:
                pass  # an end that is journaled twice is better than one that is lost
            present = str(records.last_line(run.journal).get("state"))
            if states.is_final(present):
                return present
            now = time.time()
            records.write_json(run.result, _result(run, state, reason, error, now))
            _journal(run, now, state, reason)
        finally:
            # A process forked meanwhile shares the lock and would hold it on: it is given back, not only closed.
            filelocks.unlock(descriptor)
            os.close(descriptor)
    except OSError as failure:
        raise record_error(failure, run.root, "the end of the run %s (%s)" % (run.run_id, state)) from failure
    mark_changed(run)
    return None


def start(run: layout.RunLayout) -> None:
    """Journal that a run without supervisor runs now, when it hasn't begun."""
    if not records.last_line(run.journal) and _acquire(run):
        _journal(run, time.time(), states.RUNNING, "")


def is_mine(run: layout.RunLayout) -> bool:
    """Say whether this process began the run."""
    return runlock.holder(run.lock) == processes.identity()


def request_cancel(run: layout.RunLayout) -> None:
    """Ask a run's supervisor to end it. Raises RecordException when the request can't be written."""
    try:
        if not os.path.exists(run.cancel):
            records.write_json(run.cancel, {"by": account(), "t": time.time()})
    except OSError as error:
        raise record_error(error, run.root, "the request to cancel the run %s" % run.run_id) from error
    holder = runlock.holder(run.lock)
    if holder is not None:
        processes.send(holder, signal.SIGUSR1)  # wakes the supervisor, which reads the request


def mark_changed(run: layout.RunLayout) -> None:
    """Leave the marker that tells the index to look at this run; an offline run lies in no workspace."""
    if os.path.basename(os.path.dirname(run.root)) != os.path.basename(run.workspace.runs):
        return
    try:
        markers.mark_changed(run)
    except OSError as error:
        raise record_error(
            error, run.workspace.changes, "the marker of the run %s for the index" % run.run_id
        ) from error


def _write(run: layout.RunLayout, definition: "Mapping[str, Any]", files: "Mapping[str, bytes]") -> None:
    for directory in (run.root, run.events, run.user_logs, run.system_logs):
        os.mkdir(directory, layout.DIRECTORY_MODE)
    records.write_json(run.definition, definition)
    for name, data in files.items():
        records.write_atomic(os.path.join(run.root, name), data)
    _acquire(run)
    _journal(run, definition["created"], states.RUNNING, "")


def _acquire(run: layout.RunLayout) -> bool:
    """Take the lock of a run that only this process has begun."""
    try:
        return runlock.acquire(run.lock)
    except filelocks.NoFileLocks:
        records.write_json(run.lock, processes.identity())
        return True


def _journal(run: layout.RunLayout, moment: float, state: str, reason: str) -> None:
    journal = records.JsonLines(run.journal)
    try:
        journal.append({"t": moment, "state": state, "reason": reason})
    finally:
        journal.close()


def _result(
    run: layout.RunLayout, state: str, reason: str, error: "Optional[Mapping[str, Any]]", now: float
) -> "Dict[str, Any]":
    lines = records.read_lines(run.journal)[0]
    started = next((line.get("t") for line in lines if line.get("state") == states.RUNNING), None)
    return {
        "state": state,
        "reason": reason,
        "error": None if error is None else dict(error),
        "started": started,
        "ended": now,
        "duration": None if started is None else round(max(0.0, now - started), 6),
    }


def _remove(directory: str) -> None:
    import shutil  # only when something went wrong

    shutil.rmtree(directory, ignore_errors=True)
