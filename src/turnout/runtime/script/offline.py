"""The run of a script that was started by hand: what it reports is kept in `./offline-runs/`, so that nothing is lost.

v1's offline run only printed. Turnout's prints the same lines and keeps a record in the layout of any other run, made
at the first report, so that a script that only imports leaves nothing behind. Where no record can be written it warns
once and goes on in memory: a script on a laptop must not end because of its bookkeeping.
"""

import json
import os
import re
import time
import warnings

from turnout.runtime import layout, records, states
from turnout.runtime.record import RunRecord
from turnout.runtime.script import ownership
from turnout.runtime.script.exceptions import RecordException, UserErrorException
from turnout.runtime.script.run import Run
from turnout.runtime.script.writer import json_text, writer_for

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Mapping, Optional

_ID_PREFIX = "OfflineRun_"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class OfflineRun(Run):
    """A run outside of any workspace.

    It has no `experiment`: scripts ask `hasattr(run, "experiment")`, or look at how its `id` begins, to find out
    where they are (v1's rule).

    Args:
        parent_logger: accepted as in v1.
        run_id: an id; `OfflineRun_<uuid>` by default.
        directory: where offline runs lie; `./offline-runs` of the present working directory by default.
        values: what run.json says beyond the defaults.
        **kwargs: accepted as in v1.
    """

    def __init__(
        self,
        parent_logger: "Any" = None,
        run_id: "Optional[str]" = None,
        directory: "Optional[str]" = None,
        values: "Optional[Mapping[str, Any]]" = None,
        **kwargs: "Any",
    ) -> None:
        name = run_id or _ID_PREFIX + ownership.new_id()
        parent = os.path.abspath(directory or layout.OFFLINE_RUNS)
        super(OfflineRun, self).__init__(os.path.join(parent, name))
        self._offline = self.record = _OfflineRecord(self.layout.root, values or {})
        self._writer = _OfflineWriter(self._offline)

    @property
    def experiment(self) -> "Any":
        """Nothing: raises AttributeError, so that `hasattr(run, "experiment")` is False."""
        raise AttributeError("an offline run has no experiment; submit the script to give it one")

    def log(self, name: str, value: "Any", description: str = "", step: "Optional[int]" = None) -> None:
        """Log a number or a string, and print it."""
        super(OfflineRun, self).log(name, value, description, step)
        _say("Attempted to log scalar metric %s:\n%s", name, value)

    def log_list(self, name: str, value: "Any", description: str = "") -> None:
        """Log a list of values, and print it."""
        value = list(value) if hasattr(value, "__next__") else value  # a generator is read only once
        super(OfflineRun, self).log_list(name, value, description)
        _say("Attempted to log list metric %s:\n%s", name, value)

    def log_row(self, name: str, description: "Optional[str]" = None, **kwargs: "Any") -> None:
        """Log one row of a table, and print it."""
        super(OfflineRun, self).log_row(name, description, **kwargs)
        _say("Attempted to log row metric %s:\n%s", name, kwargs)

    def log_table(self, name: str, value: "Dict[str, Any]", description: str = "") -> None:
        """Log several rows of a table, and print them."""
        super(OfflineRun, self).log_table(name, value, description)
        _say("Attempted to log table metric %s:\n%s", name, value)

    def log_image(self, name: str, path: "Optional[str]" = None, plot: "Any" = None, description: str = "") -> None:
        """Log an image, and print where it comes from."""
        super(OfflineRun, self).log_image(name, path, plot, description)
        _say("Attempted to log image metric %s:\n%s", name, plot if path is None else path)

    def _chart(self, kind: str, name: str, value: "Any", description: str) -> None:
        super(OfflineRun, self)._chart(kind, name, value, description)
        _say("Attempted to log %s metric %s:\n%s", kind[:-1] if kind == "residuals" else kind, name, value)

    def upload_file(self, name: str, path_or_stream: "Any", datastore_name: "Optional[str]" = None) -> "Dict[str, str]":
        """Keep a file or a stream, and print which."""
        kept = super(OfflineRun, self).upload_file(name, path_or_stream, datastore_name)
        _say("Attempted to track file %s at %s", name, path_or_stream)
        return kept

    def upload_files(
        self,
        names: "Optional[List[str]]" = None,
        paths: "Optional[List[str]]" = None,
        return_artifacts: bool = False,
        timeout_seconds: "Optional[int]" = None,
        datastore_name: "Optional[str]" = None,
        name: "Optional[List[str]]" = None,
    ) -> "Optional[Dict[str, str]]":
        """Keep several files, and print which; v1's offline run called the names `name`."""
        wanted = name if names is None else names
        if wanted is None or paths is None:
            raise UserErrorException("run.upload_files: give the files' names and paths")
        kept = super(OfflineRun, self).upload_files(wanted, paths, return_artifacts, timeout_seconds, datastore_name)
        for each, path in zip(wanted, paths):
            _say("Attempted to track file %s at %s", each, path)
        return kept

    def upload_folder(self, name: str, path: str, datastore_name: "Optional[str]" = None) -> "Dict[str, str]":
        """Keep all files below a folder, and print which."""
        kept = super(OfflineRun, self).upload_folder(name, path, datastore_name)
        _say("Attempted to track folder %s at %s", name, path)
        return kept

    def tag(self, key: "Optional[str]" = None, value: "Optional[str]" = None, name: "Optional[str]" = None) -> None:
        """Set a tag, and print it; v1's offline run called the key `name`."""
        wanted = name if key is None else key
        if wanted is None:
            raise UserErrorException("run.tag: give the tag's name")
        super(OfflineRun, self).tag(wanted, value)
        _say("Attempted to add tag %s with value %s", wanted, value)

    def set_tags(self, tags: "Mapping[str, Optional[str]]") -> None:
        """Set several tags, and print them."""
        if not hasattr(tags, "items"):
            raise UserErrorException("run.set_tags: give a dict, not a %s" % type(tags).__name__)
        for key, value in tags.items():
            super(OfflineRun, self).tag(key, value)
        _say("Attempted to set tags %s", tags)

    def add_properties(self, properties: "Mapping[str, str]") -> None:
        """Add properties, and print them."""
        super(OfflineRun, self).add_properties(properties)
        _say("Attempted to add properties %s", properties)

    def flush(self, timeout_seconds: int = 300) -> None:
        """Wait until the disk has what was reported."""
        super(OfflineRun, self).flush(timeout_seconds)
        _say("Attempted to flush run with id %s", self.id)

    def fail(self, error_details: "Any" = None, error_code: "Optional[str]" = None, _set_status: bool = True) -> None:
        """End the run as Failed, and print why."""
        super(OfflineRun, self).fail(error_details, error_code, _set_status)
        _say("Run failed with error code %s:\n%s", error_code, error_details)

    def __enter__(self) -> "Any":
        _say("[START] Run %s context", self.id)
        return self

    def __exit__(self, exit_type: "Any", value: "Any", traceback: "Any") -> None:
        """End the run like any other, and say so."""
        super(OfflineRun, self).__exit__(exit_type, value, traceback)
        _say("[STOP] Run %s context", self.id)

    def start(self) -> None:
        """Begin the record, if nothing has been reported yet."""
        self._prepare()

    def _prepare(self) -> bool:
        return bool(self._writer.begin())

    def _end(self, state: str, reason: str = "", error: "Optional[Mapping[str, Any]]" = None) -> None:
        """End the run; one that reported nothing leaves nothing."""
        if self._writer.on_disk() or (self._outputs is not None and self._prepare()):
            super(OfflineRun, self)._end(state, reason, error)
        else:
            self._offline.ended = {"state": state, "reason": reason, "t": time.time()}

    def _keep_outputs(self) -> None:
        """Keep a directory that was named; `./outputs` lies beside the record and stays there."""
        if self._outputs is not None:
            super(OfflineRun, self)._keep_outputs()

    def _begin_child(self, name: "Optional[str]", run_id: "Optional[str]", tags: "Mapping[str, str]") -> "OfflineRun":
        parent = os.path.dirname(self.layout.root)
        child_id = run_id or self._child_id(name, parent)
        if os.path.lexists(os.path.join(parent, ownership.check_id(child_id))):
            raise UserErrorException("there is an offline run %s already; choose another id" % child_id)
        values = {
            "display_name": "%s>%s" % (self.display_name, name or child_id),
            "parent": self.id,
            "root": self.record.definition.get("root") or self.id,
            "tags": dict(tags),
        }
        self._report_child(child_id)
        child = OfflineRun(run_id=child_id, directory=parent, values=values)
        child._prepare()
        return child

    def _child_id(self, name: "Optional[str]", parent: str) -> str:
        """Return `<this id>.<name or uuid>` (v1's form); a fresh id where that is taken or too long."""
        last = _UNSAFE.sub("_", name) if name else ownership.new_id()
        child_id = "%s.%s" % (self.id, last)
        if len(child_id) > ownership.MAX_ID_LENGTH or os.path.lexists(os.path.join(parent, child_id)):
            return _ID_PREFIX + ownership.new_id()
        return child_id

    def _sibling(self, run_id: str) -> "OfflineRun":
        return OfflineRun(run_id=run_id, directory=os.path.dirname(self.layout.root))


class _OfflineRecord(RunRecord):
    """The record of an offline run, whether it is on disk yet, or ever."""

    def __init__(self, directory: str, values: "Mapping[str, Any]") -> None:
        super(_OfflineRecord, self).__init__(directory)
        self.memory: "List[Dict[str, Any]]" = []  # events that could not be written
        self.ended: "Optional[Dict[str, Any]]" = None  # how a run without a record ended
        self._values = dict(values)

    @property
    def definition(self) -> "Dict[str, Any]":
        """What run.json says, or will say."""
        if self._definition is None:
            if self.exists():
                return super(_OfflineRecord, self).definition
            self._definition = ownership.definition_of(self.layout.run_id, self._values)
        return self._definition

    def events(self, metrics: bool = True) -> "List[Dict[str, Any]]":
        """All events by time, those in memory too."""
        found = super(_OfflineRecord, self).events(metrics) if self.exists() else []
        return sorted(found + self.memory, key=_moment) if self.memory else found

    def journal(self) -> "List[Dict[str, Any]]":
        """The transitions in order; none without a record."""
        return super(_OfflineRecord, self).journal() if self.exists() else []

    def journaled_state(self) -> "Dict[str, Any]":
        """The last transition; a run without a record runs until it is ended."""
        if self.exists():
            return super(_OfflineRecord, self).journaled_state()
        return self.ended or {"state": states.RUNNING, "reason": "", "t": 0.0}


class _OfflineWriter:
    """Writes the events of an offline run; the first one makes its record."""

    def __init__(self, record: _OfflineRecord) -> None:
        self._record = record
        self._inner = writer_for(record.layout.events)
        self._made: "Optional[bool]" = None
        self._warned = False

    def begin(self) -> bool:
        """Make the record unless it is there; return whether it is. Where it can't be made, that is tried only once."""
        error = self._make()
        if error is not None:
            self._warn(error)
        return bool(self._made)

    def on_disk(self) -> bool:
        """Say whether there is a record, without making one."""
        return self._record.exists()

    def append(self, members: str) -> None:
        """Append one event, see `EventWriter.append`; keep it in memory where that fails."""
        problem = self._make()
        if self._made:
            try:
                self._inner.append(members)
                return
            except RecordException as error:
                problem = error
        self._record.memory.append(json.loads('{"t":%.6f,%s}' % (time.time(), members)))
        if problem is not None:
            self._warn(problem)  # last, as a warning may be an exception

    def event(self, event: "Dict[str, Any]") -> None:
        """Append an event given as a dict without its time."""
        self.append(json_text(event)[1:-1])

    def sync(self) -> None:
        """Wait until the disk has what was reported."""
        self._inner.sync()

    def close(self) -> None:
        """Close the file."""
        self._inner.close()

    def _make(self) -> "Optional[RecordException]":
        if self._made is None:
            try:
                ownership.begin(self._record.layout, self._record.definition, {})
                self._made = True
            except RecordException as error:
                self._made = False
                return error
        return None

    def _warn(self, error: RecordException) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                "this offline run goes on in memory, and is lost when the script ends: %s" % error, stacklevel=2
            )


def _moment(event: "Dict[str, Any]") -> float:
    return records.moment(event.get("t"))


def _say(text: str, *parts: "Any") -> None:
    print(text % parts)  # noqa: T201 - v1's offline run talks like this
