"""Copies a run's snapshot out before the script starts, and writes how the run ended."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict, List, Optional

from turnout.runtime import (
    checkout,
    controlling,
    events,
    handed,
    inputs,
    layout,
    manifest,
    markers,
    processes,
    records,
    redaction,
    states,
)
from turnout.runtime.objects import ObjectStore
from turnout.runtime.record import SUPERVISED, RunRecord

_USAGE = 2
"""Exit code of a script that argparse ended: its arguments can't be used."""


class CheckoutFailedError(Exception):
    """The snapshot can't be copied out."""


class Outcome:
    """How a run ended, as separate facts."""

    def __init__(self) -> None:
        self.exit_code: Optional[int] = None
        self.signal: Optional[int] = None
        self.ended = 0.0
        self.max_rss = 0
        self.cpu_seconds = 0.0
        self.cancelled = False
        self.cancelled_by: Optional[str] = None
        self.timed_out = False
        self.reason = ""
        self.leftovers = 0
        self.hide: Optional[redaction.Hide] = None  # None: who supervised from the start knew the secrets, and is gone
        self.seconds: Optional[float] = None
        self.alone = False

    def take_exit(self, facts: Dict[str, Any]) -> None:
        """Take what the keeper wrote."""
        self.exit_code = facts.get("code")
        self.signal = facts.get("signal")
        self.ended = float(facts.get("ended") or 0.0)
        self.max_rss = int(facts.get("max_rss") or 0)
        self.cpu_seconds = float(facts.get("cpu_seconds") or 0.0)
        self.seconds = facts.get("seconds")
        self.alone = bool(facts.get("alone"))

    def take_request(self, request: Dict[str, Any]) -> None:
        """Take a request for the end: by whom, or by which limit."""
        by = str(request.get("by") or "someone")
        if request.get("time_limit"):
            self.timed_out = True
        else:
            self.cancelled, self.cancelled_by = True, by
        self.reason = str(request.get("reason") or "canceled by %s" % by)


def check_out(home: layout.Home, run: layout.RunLayout, definition: Dict[str, Any]) -> None:
    """Make the run's working directory: its snapshot, and empty `outputs` and `logs`; and place its data.

    Raises:
        CheckoutFailedError: an object is missing or damaged, or the disk refuses.
    """
    os.makedirs(run.code, layout.DIRECTORY_MODE, exist_ok=True)
    try:
        with open(run.manifest, "rb") as stream:
            entries = manifest.parse(stream.read())
    except FileNotFoundError:
        entries = []
    try:
        checkout.checkout(entries, ObjectStore(home.objects), run.code, run.checkout)
    except (checkout.CheckoutError, manifest.ManifestError, OSError) as error:
        raise CheckoutFailedError("the snapshot can't be copied out: %s" % error) from error
    for name in (layout.OUTPUTS, layout.LOGS):
        os.makedirs(os.path.join(run.code, name), layout.DIRECTORY_MODE, exist_ok=True)
    try:
        inputs.place(run, definition, ObjectStore(home.objects))
    except (checkout.CheckoutError, manifest.ManifestError, inputs.PlacingFailed, OSError) as error:
        raise CheckoutFailedError("the run's data can't be placed: %s" % error) from error


def keep_inspection(run: layout.RunLayout, definition: Dict[str, Any], interpreter: str, pending: Any) -> None:
    """Write what the script's interpreter said about itself to the record."""
    environment = definition.get("environment") or {}
    facts = {"kind": environment.get("kind"), "key": environment.get("key"), "interpreter": interpreter}
    facts.update(pending.finish(30.0))
    records.write_json(run.environment, facts)


def close(
    home: layout.Home,
    run: layout.RunLayout,
    journal: records.JsonLines,
    state: str,
    outcome: Outcome,
) -> None:
    """Write the result, then the final state; remove what was handed over; close the children left open."""
    now = time.time()
    hide = outcome.hide or _unknown_secrets(run)
    reported = _hidden(events.last_error(events.read_all(run.events, metrics=False)[0]), hide)
    reason = "" if state == states.COMPLETED else outcome.reason or _reason(run, state, outcome, reported, hide)
    started = _running_since(run)
    ended = outcome.ended or now
    result = {
        "state": state,
        "reason": reason,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "cancelled_by": outcome.cancelled_by,
        "time_limit": outcome.timed_out,
        "started": started,
        "ended": ended,
        "duration": _duration(started, ended, outcome),
        "max_rss": outcome.max_rss,
        "cpu_seconds": outcome.cpu_seconds,
        "leftover_processes": outcome.leftovers,
        "error": _error(state, reason, reported),
    }
    records.write_json(run.result, result)
    handed.remove(home, run)
    _remove_container(run)
    _close_children(run, state)
    definition = _definition(run)
    controlling.end_trials(run, definition)
    _take_assets(run, definition, state)
    _remove_unfinished(run)
    journal.append({"t": now, "state": state, "reason": reason})
    markers.mark_changed(run)
    controlling.wake_sweep_of(run, definition)


def _take_assets(run: layout.RunLayout, definition: Dict[str, Any], state: str) -> None:
    """Bring the run's outputs into the datastores of its workspace, where that is here; see `script.assets.taking`."""
    if inputs.outputs(definition) and os.path.exists(run.workspace.definition):
        from turnout.runtime.script.assets import taking  # most runs leave none

        for trouble in taking.take(run, state):
            sys.stderr.write("an output can't be brought to its datastore now: %s\n" % trouble)


def _definition(run: layout.RunLayout) -> Dict[str, Any]:
    """Return the content of run.json; nothing when it is damaged: the run ends all the same."""
    try:
        return RunRecord(run.root).definition
    except (OSError, ValueError):
        return {}


def _remove_container(run: layout.RunLayout) -> None:
    """Remove the run's container, if it has one: nothing of the run may live when it has ended."""
    if os.path.exists(run.container):
        from turnout.runtime.containers import container  # most runs have none

        contained = container.of(run)
        if contained is not None:
            contained.remove()


def _remove_unfinished(run: layout.RunLayout) -> None:
    """Remove what a killed process had begun to write; someone may be writing a request to cancel just now."""
    request = os.path.basename(run.cancel) + "."
    for directory in (run.root, run.system_logs):
        try:
            for name in os.listdir(directory):
                if name.endswith(".tmp") and not (name.startswith(request) and _is_being_written(name)):
                    os.unlink(os.path.join(directory, name))
        except OSError:
            continue  # `turnout doctor` removes it; the run ends all the same


def _is_being_written(name: str) -> bool:
    """Say whether the process that made a temporary file lives; see `records.write_atomic`."""
    writer = name.split(".")[-2].split("-")[0]
    return writer.isdigit() and int(writer) != os.getpid() and processes.start_time(int(writer)) is not None


def _duration(started: float, ended: float, outcome: Outcome) -> Optional[float]:
    """Return how long the script ran, as its keeper measured it; from the clock where the keeper couldn't tell."""
    if not started:
        return None
    return outcome.seconds if outcome.seconds is not None else round(max(0.0, ended - started), 6)


def _close_children(run: layout.RunLayout, state: str) -> None:
    """End the child runs that the script began and left open: their process is gone."""
    for child_id in events.children(events.read_all(run.events, metrics=False)[0]):
        child = RunRecord(run.workspace.run(child_id).root)
        try:
            if not child.exists() or child.definition.get("type") in SUPERVISED:
                continue  # a submitted child has a supervisor of its own
            if states.is_final(str(child.journaled_state().get("state"))):
                continue
            end_unsupervised(
                child, states.CANCELED if state == states.CANCELED else states.FAILED, "its parent run has ended"
            )
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in records.DISK_FULL:
                raise  # once more when there is room
            # A damaged child must not keep its parent from its end; whoever reads it is told.


def end_unsupervised(record: RunRecord, state: str, reason: str) -> None:
    """Close a run without a supervisor (child, interactive) whose process is gone."""
    run = record.layout
    records.write_json(
        run.result, {"state": state, "reason": reason, "ended": time.time(), "error": _error(state, reason, None)}
    )
    journal = records.JsonLines(run.journal)
    journal.append({"t": time.time(), "state": state, "reason": reason})
    journal.close()
    _close_children(run, state)
    markers.mark_changed(run)


def _running_since(run: layout.RunLayout) -> float:
    for line in records.read_lines(run.journal)[0]:
        if line.get("state") == states.RUNNING:
            return records.moment(line.get("t"))
    return 0.0


def _error(state: str, reason: str, reported: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    if state != states.FAILED:
        return None
    return reported or {"code": "UserError", "message": reason}


def _reason(
    run: layout.RunLayout, state: str, outcome: Outcome, reported: Optional[Dict[str, Any]], hide: redaction.Hide
) -> str:
    if state == states.COMPLETED:
        return ""
    if outcome.signal is not None:
        name = processes.signal_name(outcome.signal)
        hint = " (often the kernel, out of memory)" if name == "SIGKILL" else ""
        return "the script was ended by %s%s" % (name, hint)
    said = (reported or {}).get("message") or last_exception(run.script_log, hide=hide)
    if not said and outcome.exit_code == _USAGE:
        said = usage_error(run.script_log, hide)
    return "the script ended with exit code %s%s" % (outcome.exit_code, ": %s" % said if said else "")


def _unknown_secrets(run: layout.RunLayout) -> redaction.Hide:
    """Return what hides secrets that only run.json tells of, by their names."""
    try:
        return redaction.unknown((RunRecord(run.root).definition.get("variables") or {}).get("secrets") or [])
    except (OSError, ValueError):
        return redaction.unknown(["any"])


def _hidden(reported: Optional[Dict[str, Any]], hide: redaction.Hide) -> Optional[Dict[str, Any]]:
    """Return what the script reported of its failure without the values of secrets; None when nothing is left."""
    if reported is None:
        return None
    message = hide(str(reported.get("message") or ""))
    return {"code": hide(str(reported.get("code") or "")), "message": message} if message else None


def last_line(path: str) -> str:
    """Return the last line of a log, or an empty string."""
    return next(reversed([line for line in _tail(path) if line.strip()]), "").strip()[:500]


def _tail(path: str, block: int = 16384) -> List[str]:
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - block))
            return stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def usage_error(path: str, hide: redaction.Hide = redaction.as_it_is) -> str:
    """Return the last line of a log where it is what argparse prints, `train.py: error: …`; else an empty string."""
    line = last_line(path)
    return hide(line) if ": error: " in line else ""


def last_exception(path: str, block: int = 16384, hide: redaction.Hide = redaction.as_it_is) -> str:
    """Return the last line of a Python traceback at the end of a log, or an empty string."""
    lines = _tail(path, block)
    for position in range(len(lines) - 1, -1, -1):
        if lines[position].startswith("Traceback (most recent call last)"):
            for line in lines[position + 1 :]:
                if line and not line.startswith((" ", "\t")):
                    return hide(line.strip())[:500]
            return ""
    return ""
