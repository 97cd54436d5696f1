"""Reads one run's record back: its definition, its state, what it reported and what it left.

Works on any record, wherever it is: on the machine that runs it, pulled to the submitter, or offline. Reads only; a file
that isn't there yet reads as empty.
"""

import os
import time

from turnout.runtime import events, layout, records, runlock, states

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterator, List, Optional, Tuple


SCRIPT_RUN = "azureml.scriptrun"
"""v1's type of a submitted run."""
SWEEP_RUN = "hyperdrive"
"""v1's type of a sweep: its script is Turnout's own controller."""
SUPERVISED = (SCRIPT_RUN, SWEEP_RUN)
"""The types of runs that have a supervisor."""


class RunRecord:
    """A run's record, read on demand; nothing is cached but the immutable definition."""

    def __init__(self, directory: str) -> None:
        self.layout = layout.RunLayout(directory)
        self._definition: "Optional[Dict[str, Any]]" = None

    @property
    def definition(self) -> "Dict[str, Any]":
        """The content of run.json. Raises OSError or ValueError when it can't be read."""
        if self._definition is None:
            found = records.read_json(self.layout.definition)
            if not isinstance(found, dict):
                raise records.DamagedFile(self.layout.definition, "it is no JSON object")
            self._definition = found
        return self._definition

    def exists(self) -> bool:
        """Say whether there is such a run; one that may not be looked at is there: reading it says what is wrong."""
        try:
            os.stat(self.layout.definition)
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return True

    def journal(self) -> "List[Dict[str, Any]]":
        """Return the transitions in order: `t, state, reason` and facts that belong to them."""
        lines = [line for line in records.read_lines(self.layout.journal)[0] if isinstance(line.get("state"), str)]
        for line in lines:
            line["t"] = records.moment(line.get("t"))
        return lines

    def journaled_state(self) -> "Dict[str, Any]":
        """Return the last transition."""
        return records.last_line(self.layout.journal, member="state") or {
            "state": states.NOT_STARTED,
            "reason": "",
            "t": 0.0,
        }

    def status(self) -> "Tuple[str, str]":
        """Return the state as a reader sees it, and its reason.

        Derived: CancelRequested while a request waits to be carried out, NotResponding when the supervisor is on a
        machine that can't be judged from here.
        """
        last = self.journaled_state()
        state, reason = str(last.get("state")), str(last.get("reason", ""))
        if state in states.TERMINAL:
            return state, reason
        if os.path.exists(self.layout.cancel):
            request = self.cancel_request() or {}
            return states.CANCEL_REQUESTED, "cancel asked for by %s" % request.get("by", "someone")
        if state == states.PREPARING:
            return state, self._step(last) or reason
        return state, reason

    def _step(self, last: "Dict[str, Any]") -> str:
        """Return what the builder of the run's environment does just now; empty when it has said nothing since `last`."""
        step = _json_or_none(self.layout.step) or {}
        return str(step.get("step", "")) if records.moment(step.get("t")) >= records.moment(last.get("t")) else ""

    def supervisor_state(self) -> str:
        """Return `processes.ALIVE`, `GONE` or `UNKNOWN` for the process that supervises this run."""
        return runlock.holder_state(self.layout.lock)

    def cancel_request(self) -> "Optional[Dict[str, Any]]":
        """Return who asked for the end, and when; None when nobody did."""
        return _json_or_none(self.layout.cancel)

    def is_left_to_its_sweep(self) -> bool:
        """Say whether it is a sweep's trial whose sweep goes on: that hands it over, if need be once more."""
        sweep = self.definition.get("parent") if self.definition.get("sweep") else None
        if not sweep:
            return False
        parent = RunRecord(self.layout.workspace.run(str(sweep)).root)
        return parent.exists() and not states.is_final(str(parent.journaled_state().get("state")))

    def result(self) -> "Dict[str, Any]":
        """Return how the run ended; empty until then."""
        return _json_or_none(self.layout.result) or {}

    def placement(self) -> "Dict[str, Any]":
        """Return where the run ran; empty until it is placed."""
        return _json_or_none(self.layout.placement) or {}

    def launch(self) -> "Dict[str, Any]":
        """Return what the launcher found where it started the script; empty for a launcher that needs nothing."""
        return _json_or_none(self.layout.launch) or {}

    def application(self) -> "Dict[str, Any]":
        """Return what a cluster has told of the script's work there; empty for a run without."""
        return _json_or_none(self.layout.application) or {}

    def environment(self) -> "Dict[str, Any]":
        """Return what was really installed; empty until it is known."""
        return _json_or_none(self.layout.environment) or {}

    def events(self, metrics: bool = True) -> "List[Dict[str, Any]]":
        """Return all events, merged by time; without `metrics` quickly, however many of those there are."""
        return events.read_all(self.layout.events, metrics)[0]

    def metrics(self) -> "Dict[str, Any]":
        """Return the metrics in v1's shape (see `events.metrics`)."""
        return events.metrics(self.events(), artifact_prefix(self.layout.run_id))

    def tags(self) -> "Dict[str, Any]":
        """Return the tags as they stand now."""
        return events.tags(self.definition.get("tags") or {}, self.events(metrics=False))

    def properties(self) -> "Dict[str, Any]":
        """Return the properties."""
        return events.properties(self.definition.get("properties") or {}, self.events(metrics=False))

    def artifact_names(self) -> "List[str]":
        """Return the names of all files that the run left or leaves: uploaded, outputs, logs; sorted."""
        return sorted({name for name, _ in self._artifacts()})

    def artifact_path(self, name: str) -> "Optional[str]":
        """Return the file that holds the artifact `name`, or None when there is none."""
        wanted = os.path.normpath(name)
        if wanted.startswith(("/", "..")):
            return None
        for base in self._artifact_bases():
            path = os.path.join(base[0], wanted)
            if wanted.split("/", 1)[0] in base[1] and os.path.isfile(path):
                return path
        path = os.path.join(self.layout.artifacts, wanted)
        return path if os.path.isfile(path) else None

    def watched_directories(self) -> "List[str]":
        """Return the directories below the working directory that are collected into the record."""
        history = (self.definition.get("configuration") or {}).get("history") or {}
        watched = [name for name in history.get("directoriesToWatch") or [] if isinstance(name, str)]
        kept = [os.path.normpath(name).split("/", 1)[0] for name in watched]
        return sorted(set([layout.OUTPUTS, layout.LOGS] + [name for name in kept if name not in (".", "..", "")]))

    def _artifact_bases(self) -> "List[Tuple[str, List[str]]]":
        return [
            (self.layout.code, self.watched_directories()),
            (self.layout.root, [layout.USER_LOGS, layout.SYSTEM_LOGS]),
        ]

    def _artifacts(self) -> "Iterator[Tuple[str, str]]":
        for base, tops in self._artifact_bases():
            for top in tops:
                for name, path in _files(os.path.join(base, top)):
                    yield os.path.join(top, name), path
        for name, path in _files(self.layout.artifacts):
            yield name, path


def request_to_cancel(by: str, reason: str = "") -> "Dict[str, Any]":
    """Return the content of a request for a run's end.

    Args:
        by: who asks.
        reason: what the run's state is to say; by default who asked.
    """
    asked: "Dict[str, Any]" = {"by": by, "t": time.time()}
    return dict(asked, reason=reason) if reason else asked


def artifact_prefix(run_id: str) -> str:
    """Return what stands before an artifact's name in a metric's value, in v1's form of such a reference."""
    return "aml://artifactId/ExperimentRun/dcid.%s/" % run_id


def _files(top: str) -> "Iterator[Tuple[str, str]]":
    """Yield (name relative to `top`, path) of each regular file; links are not followed."""
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.path.relpath(path, top), path


def _json_or_none(path: str) -> "Optional[Dict[str, Any]]":
    try:
        value = records.read_json(path)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
