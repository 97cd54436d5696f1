"""Makes run records as a submitter, a supervisor and a script would leave them, without any of the three."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import TYPE_CHECKING, Any

from turnout.runtime import events, handed, layout, records, states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PATH = {
    states.NOT_STARTED: [states.NOT_STARTED],
    states.PREPARING: [states.NOT_STARTED, states.PREPARING],
    states.QUEUED: [states.NOT_STARTED, states.PREPARING, states.QUEUED],
    states.STARTING: [states.NOT_STARTED, states.PREPARING, states.QUEUED, states.STARTING],
    states.RUNNING: [states.NOT_STARTED, states.PREPARING, states.QUEUED, states.STARTING, states.RUNNING],
}
_ENDED = [*_PATH[states.RUNNING], states.FINALIZING]


def make_workspace(home: str, name: str = "default") -> layout.WorkspaceLayout:
    """Make an empty workspace in a home directory that may not exist yet."""
    workspace = layout.Home(home).workspace(name)
    for path in (workspace.runs, workspace.changes):
        _make_directories(path)
    records.write_json(workspace.definition, {"id": str(uuid.uuid4()), "name": name, "created": time.time()})
    return workspace


def make_run(
    workspace: layout.WorkspaceLayout,
    run_id: str | None = None,
    *,
    state: str = states.COMPLETED,
    reason: str = "",
    created: float | None = None,
    seconds: float = 2.0,
    exit_code: int | None = None,
    events_by_writer: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    log: bytes = b"",
    files: Mapping[str, bytes] | None = None,
    mark: bool = True,
    **definition: Any,
) -> layout.RunLayout:
    """Make a run's record, whole, by rename; leave its marker.

    Args:
        workspace: where.
        run_id: its id; made up if None.
        state: what its journal ends with.
        reason: the reason of that state.
        created: Unix time; now if None.
        seconds: from its start to its end, if it has ended.
        exit_code: of an ended run; 0 if it is Completed, else 1, if None.
        events_by_writer: by writer, the events without or with `t`.
        log: the script's log.
        files: contents by path relative to the record.
        mark: leave a marker in `changes/`.
        definition: fields of run.json over the made-up ones.
    """
    made = time.time() if created is None else created
    name = run_id or f"test_{int(made)}_{uuid.uuid4().hex[:8]}"
    final = workspace.run(name)
    temporary = layout.RunLayout(os.path.join(workspace.root, f"run-{uuid.uuid4().hex}.tmp"))
    os.makedirs(temporary.root, mode=layout.DIRECTORY_MODE)
    records.write_json(temporary.definition, _definition(name, made, definition))
    _write_journal(temporary, state, reason, made)
    if states.is_final(state):
        code = exit_code if exit_code is not None else 0 if state == states.COMPLETED else 1
        records.write_json(temporary.result, _result(state, reason, code, made, seconds))
    for writer, values in (events_by_writer or {}).items():
        write_events(temporary, values, writer)
    if log:
        _write(temporary.script_log, log)
    for path, content in (files or {}).items():
        _write(os.path.join(temporary.root, path), content)
    os.rename(temporary.root, final.root)
    if mark:
        mark_changed(workspace, name)
    return final


def write_events(run: layout.RunLayout, values: Iterable[Mapping[str, Any]], writer: str = "writer") -> None:
    """Append events to a writer's file; one without `t` gets the time."""
    os.makedirs(run.events, mode=layout.DIRECTORY_MODE, exist_ok=True)
    lines = records.JsonLines(os.path.join(run.events, writer + events.SUFFIX))
    for value in values:
        lines.append({"t": time.time(), **value})
    lines.close()


def write_state(run: layout.RunLayout, state: str, reason: str = "", moment: float | None = None) -> None:
    """Append a transition to a run's journal."""
    lines = records.JsonLines(run.journal)
    lines.append({"t": time.time() if moment is None else moment, "state": state, "reason": reason})
    lines.close()


def mark_changed(workspace: layout.WorkspaceLayout, run_id: str, suffix: str = "") -> None:
    """Leave a marker for a run."""
    _write(os.path.join(workspace.changes, run_id + suffix), b"")


def hand_over(run: layout.RunLayout) -> str:
    """Leave a secret for a run that `make_run` has made with a `handed_over`; return the file."""
    home = run.workspace.home
    os.makedirs(home.secrets, layout.DIRECTORY_MODE, exist_ok=True)
    name = str(records.read_json(run.definition)[handed.MEMBER])
    handed.write(home, name, run, handed.Handed({}, {"TOKEN": "secret"}))
    return os.path.join(home.secrets, name)


def metric(name: str, value: Any, kind: str = events.SCALAR, **more: Any) -> dict[str, Any]:
    """Return a metric event."""
    return {"e": events.METRIC, "name": name, "kind": kind, "value": events.encode_value(value), **more}


def _definition(run_id: str, created: float, given: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "format": layout.FORMAT,
        "id": run_id,
        "number": 1,
        "experiment": "test",
        "workspace": {"id": "00000000", "name": "default"},
        "display_name": run_id,
        "created": created,
        "created_by": "someone@somewhere",
        "type": "azureml.scriptrun",
        "parent": None,
        "root": run_id,
        "target": {"name": "local", "type": "local"},
        "configuration": {"script": "train.py", "arguments": []},
        "arguments": [],
        "snapshot": None,
        "environment": None,
        "tags": {},
        "properties": {},
        "variables": {"configured": {}, "inherited": [], "values": {}, "secrets": []},
        "resources": {"cpus": 1, "gpus": 0},
        "turnout": "0.1.0",
    }
    return {**made, **given}


def _write_journal(run: layout.RunLayout, state: str, reason: str, created: float) -> None:
    path = _PATH.get(state) or ([*_ENDED, state] if states.is_final(state) else _ENDED)
    lines = [
        json.dumps({"t": created + 0.1 * number, "state": step, "reason": reason if step == state else ""})
        for number, step in enumerate(path)
    ]
    _write(run.journal, "".join(f"{line}\n" for line in lines).encode())


def _result(state: str, reason: str, exit_code: int, created: float, seconds: float) -> dict[str, Any]:
    started = created + 0.5
    return {
        "state": state,
        "reason": reason,
        "exit_code": exit_code,
        "signal": None,
        "started": started,
        "ended": started + seconds,
        "duration": seconds,
        "max_rss": 20_000_000,
        "cpu_seconds": seconds / 2,
        "error": None,
    }


def _write(path: str, content: bytes) -> None:
    _make_directories(os.path.dirname(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, layout.FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _make_directories(path: str) -> None:
    """Make a directory and those above it, each with the mode of a home's: `os.makedirs` gives it to the last one only."""
    if not os.path.isdir(path):
        _make_directories(os.path.dirname(path))
        os.mkdir(path, layout.DIRECTORY_MODE)
