"""`Run` as its submitter sees it: the script's `Run` plus waiting, ending, and fetching what came out."""

from __future__ import annotations

import builtins
import codecs
import errno
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from turnout.exceptions import ActivityFailedException, ExperimentExecutionException, UserErrorException
from turnout.runtime import events, layout, markers, placement, states
from turnout.runtime.record import SWEEP_RUN, RunRecord
from turnout.runtime.script.refusals import refuse
from turnout.runtime.script.run import Run as ScriptRun

if TYPE_CHECKING:
    from turnout.environments.environment import Environment
    from turnout.experiment import Experiment
    from turnout.history.replica import Replica
    from turnout.workspace import Workspace

_KINDS = {SWEEP_RUN: "turnout.sweeps.hyperdrive_run:HyperDriveRun"}
"""A run's type → the class of its objects, where `Run` isn't it."""


class Run(ScriptRun):
    """A run of a workspace, whoever started it.

    Args:
        experiment: the experiment that it belongs to; or, as Turnout itself makes runs, the directory of its record.
        run_id: the run's id; with a directory the experiment, when the caller has that at hand.
        outputs: a directory whose files are kept when the run is ended by `complete()`, `fail()` or `with`.
        **kwargs: accepted as in v1.

    Raises:
        UserErrorException: there is no such run in the experiment's workspace.
    """

    def __init__(
        self,
        experiment: Experiment | str,
        run_id: str | Experiment | None = None,
        outputs: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(experiment, str):
            super().__init__(experiment)
            self._experiment = run_id if not isinstance(run_id, str) else None
        else:
            super().__init__(_directory(experiment.workspace, str(run_id)))
            self._experiment = experiment
        self._outputs = outputs
        self._replica: Replica | None = None

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """Return a run by its id.

        Raises:
            UserErrorException: there is no such run in the workspace.
        """
        directory = _directory(workspace, run_id)
        return class_of(directory)(directory)

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,  # noqa: A002 - v1's name
        tags: str | dict[str, str] | None = None,
        properties: str | dict[str, str] | None = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """Yield an experiment's runs, newest first, filtered as in v1; `_rehydrate_runs` is accepted and not needed."""
        from turnout.history.index import Index

        index = Index(experiment.workspace.layout)
        index.refresh(look_at(experiment.workspace))
        rows = index.list_runs(
            experiment=experiment.name,
            status=status,
            tags=tags,
            properties=properties,
            type=type,
            include_children=include_children,
        )
        for row in rows:
            directory = experiment.workspace.layout.run(row.id).root
            yield class_of(directory)(directory, experiment)

    @property
    def experiment(self) -> Experiment:
        """The experiment that this run belongs to."""
        if self._experiment is None and not os.path.exists(self.layout.workspace.definition):
            return super().experiment  # type: ignore[no-any-return]  # a script's, away from its workspace
        if self._experiment is None:
            from turnout.experiment import Experiment

            self._experiment = Experiment(self._workspace(), str(self.record.definition.get("experiment")))
        return self._experiment

    def get_status(self) -> str:
        """Return the run's state now, after proving that whoever supervises it still lives."""
        return self.status_and_reason()[0]

    def get_detailed_status(self) -> dict[str, Any]:
        """Return `status` and `details`, the reason for it."""
        state, reason = self.status_and_reason()
        return {"status": state, "details": reason}

    @property
    def status(self) -> str:
        """The run's state."""
        return self.get_status()

    def status_and_reason(self) -> tuple[str, str]:
        """Return the state and why it is so."""
        state, reason = self.record.status()
        if states.is_final(state):
            return state, reason
        copy = self.replica()
        if copy is not None:
            return copy.look()
        try:
            told: dict[str, tuple[str, str]] = self._scheduler().poll([self.layout.root])
        except OSError:
            # A home that can't be written (a full disk, a read-only one): nobody can settle the run from here.
            return state, reason
        return told.get(self.id, (state, reason))

    def _event(self, kind: str, **members: Any) -> None:
        """Report an event; what a list shows or filters by also leaves the marker that the index looks for."""
        super()._event(kind, **members)
        if kind in (events.TAG, events.UNTAG, events.PROPERTY, events.SET):
            markers.mark_changed(self.layout)

    def _request_cancel(self, by: str = "", reason: str = "") -> None:
        """Ask the target for the end of the run, on behalf of this account unless told otherwise."""
        by = by or f"{placement.account()}@{os.uname().nodename}"
        copy = self.replica()
        if copy is not None:
            copy.cancel(by, reason)
        else:
            self._scheduler().cancel(self.layout.root, by, reason)

    def replica(self) -> Replica | None:
        """Return what brings this run's record here; None for a run of this machine."""
        from turnout.targets.compute_target import is_local

        definition = self.record.definition
        begun_elsewhere = definition.get("target") is None and os.path.exists(self.layout.replica)
        if is_local(definition.get("target") or {}) and not begun_elsewhere:
            return None
        if self._replica is None:
            from turnout.history.replica import Replica

            parent = None
            if begun_elsewhere:
                parent = Run(self.layout.workspace.run(str(definition.get("parent"))).root).replica()
                if parent is None:
                    return None
            self._replica = Replica(self.layout, self.layout.workspace.home, parent)
        return self._replica

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """Return the metrics as they are now; see the script's `Run.get_metrics`."""
        self._catch_up()
        return super().get_metrics(name, recursive, run_type, populate)

    def get_file_names(self) -> builtins.list[str]:
        """Return the names of all files of the run that are here, sorted: outputs, logs, and what was uploaded."""
        self._catch_up()
        return super().get_file_names()

    def _catch_up(self) -> None:
        """Bring what is new of a run that is elsewhere."""
        copy = self.replica()
        if copy is not None:
            copy.look()

    def delete(self) -> None:
        """Delete the run and its child runs for good: their records, logs and outputs. Their ids are not used again.

        What the store keeps of their snapshots is freed by `turnout gc`, unless other runs use it.

        Raises:
            ExperimentExecutionException: the run, or a child of it, has not ended; nothing was deleted.
            RecordException: the home can't be written.
        """
        from turnout import deletion

        workspace = self.layout.workspace
        deletion.carry_out(workspace, deletion.plan(workspace, [self]))

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until the run has ended and return its details.

        Args:
            show_output: print the run's log as it grows, and a summary, in v1's form.
            wait_post_processing: v1 returned while a run was still Finalizing unless this was true; Turnout always waits
                for the end, so that what the run left is there.
            raise_on_error: raise when the run has failed. A canceled run never raises (v1's rule).

        Raises:
            ActivityFailedException: the run failed and `raise_on_error` is true.
            ExperimentExecutionException: Ctrl-C; the run goes on.
        """
        output = _TextOutput()
        try:
            if show_output:
                self._print_header(output)
            self.follow(output if show_output else None, self._say_why if _is_in_a_run() else None)
        except KeyboardInterrupt:
            raise ExperimentExecutionException(
                f"the output is no longer followed, but the run {self.id} goes on; "
                f"`turnout wait {self.id}` follows it again, `turnout cancel {self.id}` ends it"
            ) from None
        self._take_assets()
        details = self.get_details()
        failed = details["status"] == states.FAILED
        if show_output:
            self._print_summary(output, details, raise_on_error)
        if failed and raise_on_error:
            error = self.record.result().get("error") or {}
            if "turnout.azureml" in sys.modules and details.get("error"):  # the words that v1's scripts look into
                raise ActivityFailedException("Activity Failed:\n" + json.dumps(details["error"], indent=4))
            raise ActivityFailedException(str(error.get("message") or self.record.status()[1]))
        return details

    def _say_why(self, state: str, reason: str) -> None:
        """Tell a script why the run that it waits for waits: it may be for what the script's own run holds."""
        if state == states.QUEUED and reason:
            sys.stderr.write(f"waiting for the run {self.id}, which is {state}: {reason}\n")
            sys.stderr.flush()

    def _take_assets(self) -> None:
        """Bring outputs into datastores that the run's supervisor could not reach, for want of a package or a login."""
        from turnout.runtime import inputs

        if inputs.outputs(self.record.definition) and not os.path.exists(self.layout.assets_taken):
            from turnout.runtime.script.assets import taking

            for trouble in taking.take(self.layout, self.record.status()[0]):
                warnings.warn(
                    f"an output of the run {self.id} can't be brought to its datastore: {trouble}", stacklevel=3
                )

    def follow(self, output: Any, on_state: Callable[[str, str], None] | None = None) -> str:
        """Wait for the run's end, copying the script's log to a binary stream as it grows.

        Args:
            output: gets the bytes of the log; None for none. A stream that went away is let go, the run is waited for.
            on_state: called with each new state and its reason.

        Returns:
            The final state.
        """
        from turnout.history.follow import follow

        return follow(self, output, on_state)

    def get_environment(self) -> Environment:
        """Return the environment that the run used, as it was submitted."""
        from turnout.environments.environment import Environment

        definition = (self.record.definition.get("environment") or {}).get("definition")
        if not definition:
            raise UserErrorException(f"the run {self.id} was not submitted with an environment")
        return Environment.deserialize(definition)

    def get_all_logs(self, destination: str | None = None) -> list[str]:  # type: ignore[valid-type]
        """Copy all log files of the run into a directory and return their paths.

        Args:
            destination: the directory; `assets/<run id>` below the working directory by default, as in v1.
        """
        into = destination or os.path.join("assets", self.id)
        tops = (layout.USER_LOGS, layout.SYSTEM_LOGS, layout.LOGS)
        paths = []
        for name in self.get_file_names():
            if name.split("/", 1)[0] in tops:
                path = os.path.join(into, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self.download_file(name, path)
                paths.append(path)
        return paths

    def get_details_with_logs(self) -> dict[str, Any]:
        """Return the details with the text of each log file in place of its path."""
        details = self.get_details()
        logs = {}
        for name, path in (details.get("logFiles") or {}).items():
            with open(path, encoding="utf-8", errors="replace") as stream:
                logs[name] = stream.read()
        details["logFiles"] = logs
        return details

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | None = None) -> str:
        """Copy the run's snapshot into a directory and return its absolute path.

        Args:
            snapshot_id: accepted as in v1; it must be this run's.
            path: a new or empty directory; `<snapshot id>` below the working directory by default.
        """
        from turnout.snapshots.restore import restore

        mine = self.get_snapshot_id()
        if snapshot_id not in (None, mine):
            raise UserErrorException(f"the run {self.id} has the snapshot {mine}, not {snapshot_id}")
        into = os.path.abspath(path or str(mine))
        restore(self.layout, self._workspace().home, into)
        return into

    def submit_child(self, config: Any, tags: dict[str, str] | None = None, **kwargs: Any) -> Run:
        """Submit a run as this one's child."""
        child = self.experiment.submit(config, tags, parent=self, **kwargs)
        self._report_child(child.id)
        return child

    def get_portal_url(self) -> str:
        """Return where the run's record lies, as a file URL."""
        from pathlib import Path

        return Path(self.layout.root).as_uri()

    def _workspace(self) -> Workspace:
        from turnout.workspace import Workspace

        if self._experiment is not None:
            return self._experiment.workspace
        return Workspace(workspace_name=os.path.basename(self.layout.workspace.root))

    def _class_for(self, directory: str) -> type[Any]:
        return self.relative_class or class_of(directory)

    def _scheduler(self) -> Any:
        from turnout.targets.compute_target import scheduler_for

        return scheduler_for(self.record.definition.get("target") or {}, self.layout.workspace.home)

    def _print_header(self, output: _TextOutput) -> None:
        name = os.path.relpath(self.layout.script_log, self.layout.root)
        output.print(f"RunId: {self.id}\nWeb View: {self.get_portal_url()}\n\nStreaming {name}")
        output.print("=" * (len(name) + 10) + "\n")

    def _print_summary(self, output: _TextOutput, details: dict[str, Any], raise_on_error: bool) -> None:
        output.print(f"\nExecution Summary\n=================\nRunId: {self.id}")
        output.print(f"Web View: {self.get_portal_url()}")
        if details.get("error") and not raise_on_error:
            output.print("\nError:\n" + json.dumps(details["error"], indent=4))


def _is_in_a_run() -> bool:
    return bool(os.environ.get(layout.RUN_DIRECTORY_VARIABLE))


def _directory(workspace: Workspace, run_id: str) -> str:
    """Return where a run's record lies. Raises UserErrorException when the workspace has no such run."""
    directory = workspace.layout.run(run_id).root
    if os.path.basename(run_id) != run_id or not RunRecord(directory).exists():
        raise UserErrorException(
            f"no run {run_id!r} in the workspace {workspace.name!r}; `turnout runs` lists what there is"
        )
    return directory


REFUSED = {
    "add_type_provider": "a run's type names its class",
    "clean": "what a target keeps of a run goes with `turnout runs delete`",
    "get_submitted_run": "use Run.get_context()",
    "list_by_compute": "use get_active_runs() of the target",
    "take_snapshot": "start_logging(snapshot_directory=…) takes one",
    "_get_outputs_datapath": "outputs are in the run's record; download_files(prefix='outputs') copies them",
}
"""Methods of v1's Run that are not there → what to use instead."""
refuse(Run, REFUSED)


def class_of(directory: str) -> type[Run]:
    """Return the class for the run whose record lies in a directory: that of its type, where it has one."""
    try:
        kind = _KINDS.get(str(RunRecord(directory).definition.get("type")))
    except (OSError, ValueError):
        return Run
    if kind is None:
        return Run
    from importlib import import_module

    module, name = kind.split(":")
    made: type[Run] = getattr(import_module(module), name)
    return made


class _TextOutput:
    """Writes a log's bytes to whatever `sys.stdout` is: a terminal, a notebook's cell, or a buffer of text."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: bytes) -> None:
        sys.stdout.write(self._decoder.decode(data))

    def flush(self) -> None:
        sys.stdout.flush()

    def print(self, text: str) -> None:
        """Print text of v1's form; to a reader who left, nothing: how the run ended is told all the same."""
        try:
            print(text, flush=True)  # noqa: T201
        except BrokenPipeError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that was closed
                raise


def look_at(workspace: Workspace) -> Callable[[str], tuple[str, str]]:
    """Return a function that tells the true state and reason of a run of this workspace by its id."""

    def look(run_id: str) -> tuple[str, str]:
        run = Run(workspace.layout.run(run_id).root)
        try:
            copy = run.replica()
        except (OSError, ValueError):
            copy = None
        return run.status_and_reason() if copy is None else copy.known()

    return look
