"""`Run` as a training script sees it: what it reports goes into the record of the run that it is part of.

No network, no server: reporting appends to a file of the record, see `writer`. What `Run` is made of lies beside this
module: `metrics` (log…), `files` (upload…, download…), `labels` (names, tags, properties).
"""

import os
import warnings

from turnout.runtime import events, layout, states
from turnout.runtime.record import SUPERVISED
from turnout.runtime.script import artifacts, details, ownership
from turnout.runtime.script.exceptions import RunEnvironmentException, UserErrorException
from turnout.runtime.script.labels import Labels, matches
from turnout.runtime.script.metrics import Metrics
from turnout.runtime.script.run_assets import RunAssets

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

_MAX_CHILDREN = 100
"""How many children one call may begin (v1's limit)."""

_contexts: "Dict[Tuple[type, str], Run]" = {}


class Run(Metrics, Labels, RunAssets):
    """A run: what it is, what it reports, its children and its end.

    How `complete`, `fail` and `cancel` work depends on who carries the run out. The run that a script was submitted as
    (from `get_context`) is ended by its supervisor when the script ends; child runs and interactive runs are ended by
    these calls.

    A subclass that can be made from a directory alone is used for the runs that its `get_context`, `parent`,
    `child_run` and `get_children` return; `relative_class` names another class for the latter three.

    Args:
        directory: where the run's record lies.
    """

    relative_class: "Optional[type]" = None

    def __init__(self, directory: str) -> None:
        super(Run, self).__init__(directory)
        self._submitted = False
        self._outputs: "Optional[str]" = None

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: "Any") -> "Any":
        """Return the run that this process is part of; the same object each time.

        Outside of a run, an offline run is returned, which keeps what is reported in `./offline-runs/`.

        Args:
            allow_offline: whether an offline run will do.
            used_for_context_manager: accepted as in v1.
            **kwargs: accepted as in v1.

        Raises:
            RunEnvironmentException: there is no run around this process and `allow_offline` is false; or there should
                be one, but its record can't be reached from here.
        """
        directory = os.environ.get(layout.RUN_DIRECTORY_VARIABLE)
        if directory:
            return cls._context(os.path.abspath(directory))
        executor_of = os.environ.get(layout.EXECUTOR_VARIABLE)
        if executor_of:
            from turnout.runtime.script.executor import ExecutorRun  # builds on this module

            return ExecutorRun(executor_of)
        if not allow_offline:
            raise RunEnvironmentException()
        from turnout.runtime.script.offline import OfflineRun  # builds on this module

        return OfflineRun()

    @classmethod
    def _context(cls, directory: str) -> "Run":
        run = _contexts.get((cls, directory))
        if run is None:
            made = cls(directory)
            if not made.record.exists():
                raise RunEnvironmentException(
                    "%s names %s, but there is no run's record; unset the variable to run the script on its own"
                    % (layout.RUN_DIRECTORY_VARIABLE, directory)
                )
            made._submitted = True
            run = _contexts.setdefault((cls, directory), made)
        return run

    def __repr__(self) -> str:
        definition = self._definition()
        facts = (definition.get("experiment"), self.id, definition.get("type"), self.get_status())
        return "Run(Experiment: %s,\nId: %s,\nType: %s,\nStatus: %s)" % facts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.layout.root == self.layout.root

    def __hash__(self) -> int:
        return hash(self.layout.root)

    @property
    def status(self) -> str:
        """The run's state now."""
        return self.get_status()

    @property
    def parent(self) -> "Any":
        """The run whose child this one is, or None."""
        parent = self._definition().get("parent")
        return self._sibling(str(parent)) if parent else None

    def get_status(self) -> str:
        """Return the run's state now, in v1's words, such as Running, Completed, Failed or Canceled."""
        return self.record.status()[0]

    def get_details(self) -> "Dict[str, Any]":
        """Return what is known of the run under v1's keys (`runId`, `target`, `status`, `startTimeUtc`, …)."""
        self._definition()
        return details.details(self.record, self.get_status())

    def get_snapshot_id(self) -> "Optional[str]":
        """Return the id of the snapshot that holds the run's code, None when it has none."""
        snapshot = self._definition().get("snapshot")
        return str(snapshot["id"]) if snapshot else None

    def get_metrics(
        self,
        name: "Optional[str]" = None,
        recursive: bool = False,
        run_type: "Optional[str]" = None,
        populate: bool = False,
    ) -> "Dict[str, Any]":
        """Return the metrics: logged once → the value, more often → a list; rows and tables → a dict of columns.

        Args:
            name: only this metric; an unknown one gives an empty dict.
            recursive: return `{run id: metrics}` of this run and all runs below it.
            run_type: with `recursive`, of the runs below only those of this type.
            populate: the content of charts instead of the references to them.
        """
        if not recursive:
            return self._own_metrics(name, populate)
        found = {self.id: self._own_metrics(name, populate)}
        for run in self.get_children(recursive=True, type=run_type):
            found[run.id] = run._own_metrics(name, populate)
        return found

    def child_run(
        self, name: "Optional[str]" = None, run_id: "Optional[str]" = None, outputs: "Optional[str]" = None
    ) -> "Any":
        """Begin a run as this one's child, carried out by this process. End it with `complete()`, `fail()` or `with`.

        Args:
            name: the child is called `<this run's name>><name>` (v1's rule).
            run_id: an id of your own; a random one by default.
            outputs: a directory whose files are kept when the child ends.

        Raises:
            UserErrorException: there is a run with that id.
            RecordException: the record can't be written.
        """
        child = self._begin_child(name, run_id, {})
        child._outputs = outputs
        return child

    def create_children(
        self,
        count: "Optional[int]" = None,
        tag_key: "Optional[str]" = None,
        tag_values: "Optional[List[Any]]" = None,
    ) -> "List[Any]":
        """Begin several children at once, up to 100.

        Args:
            count: how many; they are tagged `azureml.batch_child_number` = `0`, `1`, … (v1's rule).
            tag_key: with `tag_values`, instead of `count`: the tag that tells them apart.
            tag_values: its values, one a child.

        Raises:
            UserErrorException: neither, both or half of the two ways; none or more than 100.
        """
        if (count is None) == (tag_key is None and tag_values is None) or (tag_key is None) != (tag_values is None):
            raise UserErrorException("run.create_children: give either count, or tag_key and tag_values")
        if count is not None:
            tags = [{"azureml.batch_child_number": str(number)} for number in range(min(count, _MAX_CHILDREN + 1))]
        else:
            tags = [{str(tag_key): str(value)} for value in tag_values or []]
        if not 0 < len(tags) <= _MAX_CHILDREN:
            asked = len(tags) if count is None else count
            raise UserErrorException("run.create_children: %d were asked for; 1 to %d can be" % (asked, _MAX_CHILDREN))
        return [self._begin_child(None, None, tag) for tag in tags]

    def get_children(
        self,
        recursive: bool = False,
        tags: "Any" = None,
        properties: "Any" = None,
        type: "Optional[str]" = None,  # noqa: A002 - v1's name
        status: "Optional[str]" = None,
        _rehydrate_runs: bool = True,
    ) -> "Iterator[Any]":
        """Yield the child runs in the order in which they began.

        Args:
            recursive: also their children, each after its parent.
            tags: only those with this tag (a string) or these values (a dict).
            properties: likewise.
            type: only those of this type.
            status: only those in this state.
            _rehydrate_runs: accepted as in v1.
        """
        seen = set()
        for run_id in events.children(self.record.events(metrics=False)):
            child = self._sibling(run_id)
            if run_id in seen or not child.record.exists() or child._definition().get("parent") != self.id:
                continue  # it was announced, and did not begin
            seen.add(run_id)
            if (
                (status is None or child.get_status() == status)
                and (type is None or child.type == type)
                and (tags is None or matches(child.get_tags(), tags))
                and (properties is None or matches(child.get_properties(), properties))
            ):
                yield child
            if recursive:
                for run in child.get_children(True, tags, properties, type, status):
                    yield run

    def flush(self, timeout_seconds: int = 300) -> None:
        """Wait until the disk has what this process has reported.

        What a call returned from is in the record already and survives the process; this is against a power cut.

        Args:
            timeout_seconds: accepted as in v1.
        """
        self._writer.sync()

    def start(self) -> None:
        """Say that the run runs. A run that has begun, as all do that Turnout makes, stays as it is."""
        if not self._is_supervised():
            ownership.start(self.layout)

    def complete(self, _set_status: bool = True) -> None:
        """End the run as Completed; the run that a script was submitted as is only flushed: it ends with its script.

        Args:
            _set_status: whether to end the run; accepted as in v1.
        """
        if self._submitted or not _set_status:
            self.flush()
        else:
            self._end(states.COMPLETED)

    def fail(self, error_details: "Any" = None, error_code: "Optional[str]" = None, _set_status: bool = True) -> None:
        """End the run as Failed; for the run that a script was submitted as, only report the error.

        Args:
            error_details: a string, or an exception.
            error_code: a short word for the kind of error; `UserError` by default.
            _set_status: whether to end the run; accepted as in v1.

        Raises:
            TypeError: `error_details` is something else (v1's rule).
        """
        error = _error(error_details, error_code)
        self._event(events.ERROR, code=error["code"], message=error["message"])
        if self._submitted or not _set_status:
            self.flush()
        else:
            self._end(states.FAILED, error["message"], error)

    def cancel(self) -> None:
        """End the run as Canceled, or ask its supervisor to. A script can't cancel the run that it is: it is warned."""
        if self._submitted:
            warnings.warn(
                "run.cancel() does nothing to the run that the script was submitted as; end the script instead, or use "
                "`turnout cancel`",
                stacklevel=2,
            )
        elif self._is_supervised():
            self._request_cancel()
        else:
            self._end(states.CANCELED, "canceled by %s" % ownership.account())

    def __enter__(self) -> "Any":
        return self

    def __exit__(self, exit_type: "Any", value: "Any", traceback: "Any") -> None:
        """Complete the run, or fail it with the exception. An exit with code 0 or None completes it and goes on.

        v1 swallowed such an exit and left the run Running.
        """
        if self._submitted:
            self.complete()  # v1's rule: how the script ends decides
        elif not states.is_final(self.get_status()):
            code = value.code if isinstance(value, SystemExit) else value
            if code is None or (isinstance(value, SystemExit) and code == 0):
                self.complete()
            else:
                self.fail(value)

    def _end(self, state: str, reason: str = "", error: "Optional[Mapping[str, Any]]" = None) -> None:
        """End a run that has no supervisor; one that has ended stays as it ended."""
        if self._is_supervised():
            raise UserErrorException(
                "the run %s is ended by its supervisor when its script ends; cancel() ends it early" % self.id
            )
        if not states.is_final(self.get_status()):
            self._keep_outputs()
        self._writer.sync()
        present = ownership.end(self.layout, state, reason, error)
        if present is not None and present != state:
            warnings.warn("the run %s has ended as %s already and stays so" % (self.id, present), stacklevel=3)
        self._writer.close()

    def _keep_outputs(self) -> None:
        """Keep the files of the outputs directory: of a child the one that was named, else `./outputs` (v1's rule)."""
        folder = self._outputs
        if folder is None and self._definition().get("parent") is None and ownership.is_mine(self.layout):
            folder = layout.OUTPUTS
        if folder is None or not os.path.isdir(folder):
            return
        name = os.path.basename(os.path.normpath(folder)) if os.path.isabs(folder) else folder
        for file, source in artifacts.files_below(artifacts.artifact_name(name), folder):
            self._keep(file, source, replace=True)

    def _is_supervised(self) -> bool:
        return self._definition().get("type") in SUPERVISED

    def _request_cancel(self) -> None:
        ownership.request_cancel(self.layout)

    def _begin_child(self, name: "Optional[str]", run_id: "Optional[str]", tags: "Mapping[str, str]") -> "Any":
        mine = self._definition()
        child_id = ownership.check_id(run_id or ownership.new_id())
        if os.path.lexists(os.path.join(os.path.dirname(self.layout.root), child_id)):
            raise UserErrorException("there is a run %s already; choose another id" % child_id)
        definition = {
            "id": child_id,
            "experiment": mine.get("experiment"),
            "workspace": mine.get("workspace"),
            "display_name": "%s>%s" % (self.display_name, name or child_id),
            "parent": self.id,
            "root": mine.get("root") or self.id,
            "target": mine.get("target"),
            "tags": dict(tags),
        }
        # Announced first: a process that dies in between leaves a child that isn't there, not one that nobody finds.
        self._report_child(child_id)
        ownership.create_run(self.layout.workspace, definition)
        return self._sibling(child_id)

    def _report_child(self, run_id: str) -> None:
        self._event(events.CHILD, id=run_id)

    def _class_for(self, directory: str) -> "Any":
        """Return the class for another run of the workspace."""
        return self.relative_class or self.__class__

    def _sibling(self, run_id: str) -> "Any":
        """Return the run of the same workspace that has this id; the context itself when that is meant."""
        directory = os.path.join(os.path.dirname(self.layout.root), run_id)
        made = self._class_for(directory)
        context = _contexts.get((made, directory))
        return made(directory) if context is None else context


def _error(details_given: "Any", code: "Optional[str]") -> "Dict[str, str]":
    if isinstance(details_given, BaseException):
        message = "User program failed with %s: %s" % (type(details_given).__name__, details_given)
    elif details_given is None:
        message = "the run was ended by run.fail()"
    elif isinstance(details_given, str):
        message = details_given
    else:
        kind = type(details_given).__name__
        raise TypeError("run.fail: error_details must be a string or an exception, not a %s" % kind)
    return {"code": str(code or "UserError"), "message": message}
