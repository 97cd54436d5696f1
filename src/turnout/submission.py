"""One submit from top to bottom.

`submit` reads as the story of DESIGN: copy the configuration, take the snapshot while git is asked, resolve the environment,
write the record under a temporary name, rename it into place, hand over. A failure before the rename leaves nothing; after
it the run exists and the submitter is no longer needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

from turnout import __version__
from turnout.exceptions import (
    ComputeTargetException,
    ExperimentExecutionException,
    RecordException,
)
from turnout.runtime import agent, bundle, gclock, layout, markers, placement, records, states, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.config.run_configuration import RunConfiguration
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.experiment import Experiment
    from turnout.run import Run

_ID_PREFIX_LENGTH = 200
"""A run's directory bears its id, and a file name has 255 bytes at most."""


class Plan:
    """What a submit is about to do, as data; nothing has been written but objects and a lock."""

    def __init__(self, definition: dict[str, Any], manifest: bytes, patch: bytes, notices: list[str]) -> None:
        self.definition = definition
        self.manifest = manifest
        self.patch = patch
        self.notices = notices
        self.failure = ""
        self.failure_words = ""


def submit(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: dict[str, str],
    run_id: str | None = None,
    display_name: str | None = None,
    report: Callable[[str], None] | None = None,
    parent: Run | None = None,
    **kwargs: Any,
) -> Run:
    """Submit a run; see `Experiment.submit`.

    Args:
        experiment: what the run belongs to.
        config: what to run.
        tags: the run's tags.
        run_id: an id of the caller's own; it must be new.
        display_name: a name for people.
        report: gets a line for each thing that takes time.
        parent: the run whose child this one is.
        **kwargs: v1's further arguments, which have no meaning here.
    """
    from turnout.run import Run
    from turnout.targets.compute_target import scheduler_for

    workspace = experiment.workspace
    with recording(workspace.home, report or _silent):
        plan = prepare(experiment, config, tags, run_id, display_name, report or _silent)
        definition = plan.definition
        definition["number"] = experiment.next_number()
        if parent is not None:
            _check_not_deleted(workspace.layout, parent.id)
            definition["parent"] = parent.id
            definition["root"] = parent.record.definition.get("root") or parent.id
        run = workspace.layout.run(definition["id"])
        scheduler = scheduler_for(definition["target"], workspace.home)
        request = scheduler.plan(definition, run.root)
        _write_record(experiment, plan, run)
    if not plan.failure:
        scheduler.start(request)
    return Run(run.root, experiment)


@contextlib.contextmanager
def recording(home: layout.Home, report: Callable[[str], None]) -> Iterator[None]:
    """Keep gc away from the first look at the object store until the run is there, which refers to what it needs.

    Raises:
        RecordException: the home can't be used.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(gclock.shared(home, report))
        except OSError as error:
            raise RecordException(
                f"the run can't be recorded in {home.root}: {error.strerror or error}; nothing was submitted", error
            ) from error
        yield


def prepare(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: dict[str, str],
    run_id: str | None,
    display_name: str | None,
    report: Callable[[str], None],
) -> Plan:
    """Find out all that the record will say, without writing a run; to be called within `recording`.

    Raises:
        UserErrorException: something in the configuration can't be used.
    """
    from turnout.config import capabilities
    from turnout.config.arguments import argument_strings, variable_strings
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.environments import resolution
    from turnout.snapshots.git import GitFacts
    from turnout.snapshots.take import take
    from turnout.targets.compute_target import ComputeTarget

    if not isinstance(config, ScriptRunConfig):
        raise ExperimentExecutionException(f"a {type(config).__name__} can't be submitted; submit a ScriptRunConfig")
    workspace = experiment.workspace
    configuration = config.resolve()
    _look_up_environment(workspace, configuration)
    capabilities.check(configuration)
    target = _target(workspace, configuration, ComputeTarget)
    source_directory = os.path.abspath(config.source_directory or ".")
    script = _script(source_directory, configuration)
    arguments = argument_strings(configuration.arguments)

    git = GitFacts.begin(source_directory)
    snapshot = take(source_directory, workspace.home, workspace.layout)
    if script is not None and not snapshot.holds(script):
        raise ExperimentExecutionException(
            f"the script {script} is left out of the snapshot by an ignore rule; "
            f"`turnout snapshot {source_directory}` says which"
        )
    for notice in snapshot.notices:
        report(notice)
    environment, failure, words = _environment(resolution, configuration, workspace, source_directory, report)
    git_properties, patch = git.finish()

    created = time.time()
    identity = run_id or new_id(experiment.name, created)
    serialised = configuration.serialize()
    if script is not None:
        serialised["script"] = script
    handed = variables.inheritable(os.environ)
    definition = {
        "format": layout.FORMAT,
        "id": identity,
        "number": None,
        "experiment": experiment.name,
        "workspace": {"id": workspace.id, "name": workspace.name},
        "display_name": display_name or identity,
        "created": created,
        "created_by": f"{placement.account()}@{os.uname().nodename}",
        "type": agent.SCRIPT_RUN,
        "parent": None,
        "root": identity,
        "target": target,
        "configuration": serialised,
        "arguments": arguments,
        "snapshot": {"id": snapshot.id, "files": snapshot.files, "bytes": snapshot.bytes},
        "environment": environment,
        "tags": {str(key): None if value is None else str(value) for key, value in tags.items()},
        "properties": {
            "_azureml.ComputeTargetType": "local",
            "ContentSnapshotId": snapshot.id,
            **git_properties,
        },
        "variables": {
            "configured": variable_strings(configuration.environment_variables),
            "inherited": sorted(handed),
            "values": {name: handed[name] for name in variables.RECORDED_VALUES if name in handed},
        },
        "source_directory": source_directory,
        "turnout": __version__,
    }
    plan = Plan(definition, snapshot.manifest, patch, snapshot.notices)
    plan.failure, plan.failure_words = failure, words
    return plan


def start_logging(
    experiment: Experiment, snapshot_directory: str | None, outputs: str | None, display_name: str | None
) -> Run:
    """Begin a run that this process carries out itself; see `Experiment.start_logging`."""
    with contextlib.ExitStack() as stack:
        if snapshot_directory is not None:
            stack.enter_context(recording(experiment.workspace.home, _silent))
        return _start_logging(experiment, snapshot_directory, outputs, display_name)


def _start_logging(
    experiment: Experiment, snapshot_directory: str | None, outputs: str | None, display_name: str | None
) -> Run:
    from turnout.run import Run
    from turnout.runtime.script import ownership
    from turnout.snapshots.git import GitFacts
    from turnout.snapshots.take import take

    workspace = experiment.workspace
    identity = ownership.new_id()
    properties: dict[str, str] = {}
    snapshot = None
    files: dict[str, bytes] = {}
    if snapshot_directory is not None:
        git = GitFacts.begin(os.path.abspath(snapshot_directory))
        taken = take(os.path.abspath(snapshot_directory), workspace.home, workspace.layout)
        properties, patch = git.finish()
        properties = {"ContentSnapshotId": taken.id, **properties}
        snapshot = {"id": taken.id, "files": taken.files, "bytes": taken.bytes}
        files = {"manifest": taken.manifest, **({"patch.diff": patch} if patch else {})}
    definition = {
        "id": identity,
        "number": experiment.next_number(),
        "experiment": experiment.name,
        "workspace": {"id": workspace.id, "name": workspace.name},
        "display_name": display_name or f"run_{identity}",
        "target": {"name": "local", "type": "local"},
        "snapshot": snapshot,
        "properties": properties,
        "turnout": __version__,
    }
    run = Run(ownership.create_run(workspace.layout, definition, files), experiment)
    if outputs is not None:
        run._outputs = outputs
    return run


def new_id(experiment: str, created: float) -> str:
    """Return a new run id of v1's form: experiment, unix seconds, eight hexadecimal digits."""
    return f"{experiment[:_ID_PREFIX_LENGTH]}_{int(created)}_{secrets.token_hex(4)}"


def _target(workspace: Any, configuration: RunConfiguration, target_class: Any) -> dict[str, Any]:
    try:
        target: dict[str, Any] = target_class(workspace, configuration.target or "local").serialize()
    except ComputeTargetException as error:
        known = ", ".join(workspace.compute_targets)
        raise ExperimentExecutionException(
            f"Unknown compute target {configuration.target}; this workspace has: {known}", inner_exception=error
        ) from error
    return target


def _look_up_environment(workspace: Any, configuration: RunConfiguration) -> None:
    """Put the registered environment in the place of a reference to it."""
    from turnout.environments.environment import EnvironmentReference

    named: Any = configuration.environment
    if isinstance(named, EnvironmentReference):
        configuration.environment = named.get_environment(workspace)


def _script(source_directory: str, configuration: RunConfiguration) -> str | None:
    """Check the script and return its path relative to the source directory; None for a command."""
    if not os.path.isdir(source_directory):
        raise ExperimentExecutionException(f"the source directory {source_directory} does not exist")
    if configuration.command:
        return None
    if not configuration.script:
        raise ExperimentExecutionException("nothing to run: give a script or a command")
    path = os.path.normpath(os.path.join(source_directory, configuration.script))
    relative = os.path.relpath(path, source_directory)
    if relative.startswith(".."):
        raise ExperimentExecutionException(
            f"the script {configuration.script} lies outside the source directory {source_directory}; "
            "the script should be inside the project folder (or name that folder with --source-directory)"
        )
    if not os.path.isfile(path):
        raise ExperimentExecutionException(
            f"the script path doesn't exist: {configuration.script} in {source_directory}; "
            "the script should be inside the project folder"
        )
    return relative


def _environment(
    resolution: Any,
    configuration: RunConfiguration,
    workspace: Any,
    source_directory: str,
    report: Callable[[str], None],
) -> tuple[dict[str, Any], str, str]:
    """Resolve the environment; a specification that has no solution gives a failure and its resolver's words."""
    definition = configuration.environment.serialize()
    resolution.provide_tools(workspace.home)
    failure, words = "", ""
    try:
        resolved: dict[str, Any] = resolution.resolve(
            definition, workspace.home, workspace.layout, report, source_directory
        )
    except resolution.ResolutionFailed as error:
        resolved, failure, words = {}, error.message, error.words
    environment = {
        "name": definition.get("name"),
        "version": definition.get("version"),
        **resolved,
        "variables": dict(definition.get("environmentVariables") or {}),
        "definition": definition,
    }
    return environment, failure, words


def _write_record(experiment: Experiment, plan: Plan, run: layout.RunLayout) -> None:
    """Write the record under a temporary name and rename it into place: from then on the run exists."""
    home = experiment.workspace.home
    if os.path.exists(run.root):
        raise ExperimentExecutionException(f"there is a run {run.run_id} already; choose another run_id")
    _check_not_deleted(run.workspace, run.run_id)
    temporary = layout.RunLayout(os.path.join(os.path.dirname(run.root), f".{run.run_id}.{secrets.token_hex(4)}"))
    secret = home.secret(run.run_id)
    try:
        bundle.ship(home)
        os.makedirs(temporary.root, layout.DIRECTORY_MODE)
        for directory in (temporary.events, temporary.user_logs, temporary.system_logs):
            os.mkdir(directory, layout.DIRECTORY_MODE)
        records.write_atomic(temporary.manifest, plan.manifest)
        if plan.patch:
            records.write_atomic(temporary.patch, plan.patch)
        records.write_json(temporary.definition, plan.definition, sync=True)
        journal = records.JsonLines(temporary.journal)
        journal.append({"t": plan.definition["created"], "state": states.NOT_STARTED, "reason": "submitted"})
        if plan.failure:
            _write_failure(plan, temporary, journal)
        journal.close()
        handed = json.dumps(variables.inheritable(os.environ)).encode("utf-8", "surrogateescape")
        if not plan.failure:
            records.write_atomic(secret, handed)
        markers.mark_changed(run)  # before the run is there: a submitter that dies here leaves no run unmarked
        os.rename(temporary.root, run.root)
        records.sync_directory(os.path.dirname(run.root))
    except OSError as error:
        _remove_tree(temporary.root)
        _remove(secret)
        raise RecordException(
            f"the run can't be recorded in {home.root}: {error.strerror or error}; nothing was submitted"
        ) from error
    except BaseException:
        _remove_tree(temporary.root)
        _remove(secret)
        raise


def _check_not_deleted(workspace: layout.WorkspaceLayout, run_id: str) -> None:
    if os.path.lexists(workspace.tombstone(run_id)):
        raise ExperimentExecutionException(
            f"the run {run_id} was deleted, and its id is not used again; choose another run"
        )


def _write_failure(plan: Plan, run: layout.RunLayout, journal: records.JsonLines) -> None:
    """Record a run whose environment has no solution: it ends before it starts, with the resolver's own words."""
    now = time.time()
    records.write_atomic(run.environment_log, plan.failure_words.encode("utf-8", "surrogateescape"))
    error = {"code": "UserError", "message": plan.failure}
    records.write_json(run.result, {"state": states.FAILED, "reason": plan.failure, "ended": now, "error": error})
    journal.append({"t": now, "state": states.PREPARING, "reason": "resolving the environment"})
    journal.append({"t": now, "state": states.FAILED, "reason": plan.failure})


def _remove_tree(path: str) -> None:
    import shutil  # only when something failed

    shutil.rmtree(path, ignore_errors=True)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _silent(line: str) -> None:
    """Report to nobody."""
