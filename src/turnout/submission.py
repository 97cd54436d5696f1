"""One submit from top to bottom.

`submit` reads as the story of DESIGN: copy the configuration, take the snapshot while git is asked, resolve the environment,
write the record under a temporary name, rename it into place, hand over. A failure before the rename leaves nothing; after
it the run exists and the submitter is no longer needed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from turnout import __version__, new_record
from turnout.exceptions import (
    ComputeTargetException,
    ExperimentExecutionException,
    RecordException,
)
from turnout.runtime import (
    azureml,
    filelocks,
    gclock,
    handed,
    layout,
    placement,
    processes,
    redaction,
    variables,
)
from turnout.runtime.record import SCRIPT_RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from turnout.config.run_configuration import RunConfiguration
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.experiment import Experiment
    from turnout.run import Run

_ID_PREFIX_LENGTH = 200
"""A run's directory bears its id, and a file name has 255 bytes at most."""


class Plan:
    """What a submit is about to do, as data; nothing has been written but objects and a lock."""

    def __init__(
        self, definition: dict[str, Any], handed_over: handed.Handed, files: dict[str, bytes], notices: list[str]
    ) -> None:
        self.definition = definition
        self.handed = handed_over
        self.files = files  # of the record, beside run.json, by name: see `layout.SUBMITTED`
        self.notices = notices
        self.failure = ""
        self.failure_words = ""
        self.facts: dict[str, Any] = {}


def submit(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: dict[str, str],
    run_id: str | None = None,
    display_name: str | None = None,
    report: Callable[[str], None] | None = None,
    parent: Run | None = None,
    on_submitted: Callable[[Run], None] | None = None,
    secrets: Mapping[str, str | None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    collect: int | None = None,
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
        on_submitted: gets the run once it has been handed over, even if a Ctrl-C that came meanwhile ends this call.
        secrets: variables of the script that the record doesn't hold, on top of the environment's `secret_variables`;
            None instead of a value means the submitter's own variable.
        progress: gets the bytes that were uploaded to a target elsewhere, and those there are in all.
        collect: on a target elsewhere larger outputs, in bytes, stay there until they are asked for; None to bring all.
        **kwargs: v1's `show_output`, which it ignored too; a warning names all others.
    """
    from turnout.run import Run
    from turnout.targets.compute_target import is_local

    say_unused(kwargs)
    require_locks(experiment.workspace.home)
    workspace = experiment.workspace
    with contextlib.ExitStack() as kept:
        kept.enter_context(recording(workspace.home, report or _silent))
        plan = prepare(experiment, config, tags, run_id, display_name, report or _silent, secrets)
        definition = plan.definition
        definition["number"] = experiment.next_number()
        if collect is not None:
            definition["collect"] = collect
        belong_to(parent, definition, workspace.layout)
        run = workspace.layout.run(definition["id"])
        submitted = Run(run.root, experiment)
        tell = (lambda: None) if on_submitted is None else (lambda: on_submitted(submitted))
        if is_local(definition["target"]):
            record_here(experiment, plan, run, kept.close, tell)
        else:
            if not plan.failure:
                from turnout import handover  # a local submit needs none of it

                handover.bring(workspace, definition, plan.files, plan.facts, plan.handed, report or _silent, progress)
            record_elsewhere(experiment, plan, run, kept.close, tell, report or _silent)
    return submitted


def say_unused(given: Mapping[str, Any]) -> None:
    """Warn of arguments of a submit that nothing reads, such as a misspelt one."""
    unused = sorted(set(given) - {"show_output"})
    if unused:
        from turnout.elements import warn

        warn(f"submit does not use {', '.join(unused)}; see the documentation of Experiment.submit")


def belong_to(parent: Run | None, definition: dict[str, Any], workspace: layout.WorkspaceLayout) -> None:
    """Make a run that is about to be the child of another one, if there is one.

    Raises:
        ExperimentExecutionException: that one was deleted.
    """
    if parent is not None:
        new_record.check_not_deleted(workspace, parent.id)
        definition["parent"] = parent.id
        definition["root"] = parent.record.definition.get("root") or parent.id


def record_here(
    experiment: Experiment,
    plan: Plan,
    run: layout.RunLayout,
    recorded: Callable[[], None] = lambda: None,
    submitted: Callable[[], None] = lambda: None,
) -> None:
    """Write the record of a run of this machine, and put it into the queue.

    Args:
        experiment: what the run belongs to.
        plan: what its record says.
        run: where it lies.
        recorded: called once the run exists.
        submitted: called once it is in the queue, even if a Ctrl-C that came meanwhile ends this call.

    Raises:
        RecordException: the home can't be written; nothing was submitted.
    """
    scheduler, request = _request(experiment.workspace, plan, run)
    with _Undisturbed():
        new_record.write(experiment, plan, run)
        recorded()
        if not plan.failure:
            _hand_over(scheduler, request, run)
        submitted()


def hand_over_here(experiment: Experiment, plan: Plan, run: layout.RunLayout) -> None:
    """Put a recorded run of this machine into the queue; once more does no harm. Raises OSError."""
    scheduler, request = _request(experiment.workspace, plan, run)
    scheduler.start(request)


def record_elsewhere(
    experiment: Experiment,
    plan: Plan,
    run: layout.RunLayout,
    recorded: Callable[[], None] = lambda: None,
    submitted: Callable[[], None] = lambda: None,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Do the same for a run of another machine, which has got its objects; waits until that machine has taken it.

    Raises:
        RecordException: the home can't be written; nothing was submitted.
        ExperimentExecutionException: the machine can't take the run; nothing was submitted.
    """
    with _Undisturbed():
        new_record.write(experiment, plan, run)
        recorded()
    give(experiment, plan, run, report)
    submitted()


def give(
    experiment: Experiment, plan: Plan, run: layout.RunLayout, report: Callable[[str], None] = lambda line: None
) -> None:
    """Give a recorded run to its machine, again and again until that has answered; once more does no harm.

    Raises:
        ExperimentExecutionException: the machine can't take it; the record is gone.
    """
    if plan.failure:
        return
    from turnout import handover

    scheduler, request = _request(experiment.workspace, plan, run)
    try:
        handover.give(experiment.workspace, run, plan.handed, lambda: scheduler.start(request), report)
    except handover.NotTaken as error:
        new_record.take_away(run)
        name = plan.definition["target"]["name"]
        raise ExperimentExecutionException(f"{name} can't take the run: {error}; nothing was submitted") from error


def _request(workspace: Any, plan: Plan, run: layout.RunLayout) -> tuple[Any, dict[str, Any]]:
    """Return the scheduler of a run's target, and what it is asked to start."""
    from turnout.targets.compute_target import directory, scheduler_for

    target = plan.definition["target"]
    scheduler = scheduler_for(target, workspace.home)
    return scheduler, scheduler.plan(plan.definition, directory(target, workspace.id, run))


def _hand_over(scheduler: Any, request: dict[str, Any], run: layout.RunLayout) -> None:
    """Have the target take the run; when it can't be told so, the run is taken back and was never there."""
    try:
        scheduler.start(request)
    except OSError as error:
        new_record.take_away(run)
        raise RecordException(
            f"the run can't be handed over in {run.workspace.home.root}: {new_record.said(error)}; nothing was submitted: "
            f"free some space or mend its permissions, or name another home with {layout.HOME_VARIABLE}"
        ) from error


class _Undisturbed:
    """A section that Ctrl-C, a closed terminal or a polite kill doesn't cut in two: they take effect at its end.

    A run that is there but wasn't handed over would wait until someone looks at it. Handlers are set in place of a blocked
    mask, which a supervisor would inherit.
    """

    def __enter__(self) -> None:
        self._came: list[int] = []
        self._previous: dict[int, Any] = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) not in (None, signal.SIG_IGN):
                    self._previous[number] = signal.signal(number, lambda number, frame: self._came.append(number))
        except ValueError:
            pass  # not the main thread: no signal interrupts this one

    def __exit__(self, *raised: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        for number in self._came:
            signal.raise_signal(number)


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
    secrets: Mapping[str, str | None] | None = None,
) -> Plan:
    """Find out all that the record will say, without writing a run; to be called within `recording`.

    Raises:
        UserErrorException: something in the configuration can't be used.
    """
    from turnout.config import capabilities, secret_variables
    from turnout.config.arguments import argument_strings, variable_strings
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.environments import resolution
    from turnout.snapshots.git import GitFacts
    from turnout.snapshots.take import take
    from turnout.targets.compute_target import ComputeTarget, is_local
    from turnout.targets.offered import Offered

    if not isinstance(config, ScriptRunConfig):
        raise ExperimentExecutionException(f"a {type(config).__name__} can't be submitted; submit a ScriptRunConfig")
    workspace = experiment.workspace
    configuration = config.resolve()
    _look_up_environment(workspace, configuration)
    passed = _data(workspace, configuration, config.command)
    capabilities.check(configuration)
    chosen = _target(workspace, configuration, ComputeTarget)
    target = chosen.serialize()
    elsewhere = not is_local(target)
    resources = {**capabilities.resources(configuration), **chosen.share()}
    offered = Offered(target, workspace.home)
    if not elsewhere:
        offered.check(resources)
    source_directory = os.path.abspath(config.source_directory or ".")
    script = _script(source_directory, configuration)
    arguments = argument_strings(configuration.arguments)
    configured = variable_strings(configuration.environment_variables)
    given = secret_variables.handed_over(configuration, configured, secrets or {}, os.environ)
    if elsewhere:
        from turnout.environments import indexes

        given = handed.Handed({}, given.secrets, indexes.travelling(os.environ))

    git = GitFacts.begin(source_directory)
    snapshot = take(source_directory, workspace.home, workspace.layout, report)
    if script is not None and not snapshot.holds(script):
        raise ExperimentExecutionException(
            f"the script {script} is left out of the snapshot by an ignore rule; "
            f"`turnout snapshot {source_directory}` says which"
        )
    given = _with_vault(workspace, source_directory, snapshot.manifest, given)
    secret_variables.refuse_recorded(given.secrets, configuration, [*arguments, *tags.values(), display_name or ""])
    environment, failure, words = _environment(
        resolution, configuration, workspace, source_directory, report, given, chosen.facts if elsewhere else None
    )
    git_properties, patch = git.finish()
    if elsewhere:
        offered.check(resources)

    created = time.time()
    identity = run_id or new_id(experiment.name, created)
    travel = None
    if passed is not None or elsewhere:
        from turnout.data import passing, travelling  # most local runs need none of it

        named = travelling.names_in(source_directory, snapshot.manifest, arguments)
        travel = travelling.prepare(workspace, passed or passing.Passed([], []), identity, elsewhere, named, report)
    serialised = configuration.serialize()
    if script is not None:
        serialised["script"] = script
    definition: dict[str, Any] = {
        "format": layout.FORMAT,
        "id": identity,
        "number": None,
        "experiment": experiment.name,
        "workspace": workspace.described(),
        "display_name": display_name or identity,
        "created": created,
        "created_by": f"{placement.account()}@{os.uname().nodename}",
        "type": SCRIPT_RUN,
        "parent": None,
        "root": identity,
        "target": target,
        "configuration": serialised,
        "arguments": arguments,
        "resources": resources,
        "submitter": processes.identity(),
        "snapshot": {"id": snapshot.id, "files": snapshot.files, "bytes": snapshot.bytes},
        "environment": environment,
        "tags": {str(key): None if value is None else str(value) for key, value in tags.items()},
        "properties": {
            "_azureml.ComputeTargetType": target["type"],
            "ContentSnapshotId": snapshot.id,
            **git_properties,
        },
        "variables": {
            "configured": configured,
            "inherited": sorted(given.variables),
            "values": {name: given.variables[name] for name in variables.RECORDED_VALUES if name in given.variables},
            "secrets": sorted(given.secrets),
        },
        "source_directory": source_directory,
        "turnout": __version__,
    }
    capabilities.check_launch(definition, given.secrets, None if elsewhere else os.environ)
    if "turnout.azureml" in sys.modules:
        definition[azureml.MEMBER] = True
    files = {layout.MANIFEST: snapshot.manifest, layout.PATCH: patch}
    if travel is not None:
        files.update({layout.DATA_MANIFEST: travel.manifest, layout.ASSETS: travel.assets})
        members = {"inputs": travel.inputs, "outputs": travel.outputs, "data": travel.facts}
        definition.update({name: value for name, value in members.items() if value})
    plan = Plan(definition, given, {name: data for name, data in files.items() if data}, snapshot.notices)
    plan.failure, plan.failure_words = failure, words
    plan.facts = chosen.facts
    if not failure:
        definition[handed.MEMBER] = handed.new_name()
    return plan


def new_id(experiment: str, created: float) -> str:
    """Return a new run id of v1's form: experiment, unix seconds, eight hexadecimal digits."""
    return f"{experiment[:_ID_PREFIX_LENGTH]}_{int(created)}_{os.urandom(4).hex()}"


def require_locks(home: layout.Home) -> None:
    """Refuse a home in which the local target couldn't keep its processes apart, before anything is written."""
    try:
        filelocks.require(home.format)
    except filelocks.NoFileLocks as error:
        raise RecordException(f"nothing can be submitted from {home.root}: {error.strerror}", error) from error
    except OSError:
        pass  # what is wrong with the home shows where it is written to


def _target(workspace: Any, configuration: RunConfiguration, target_class: Any) -> Any:
    try:
        return target_class(workspace, configuration.target or "local")
    except ComputeTargetException as error:
        known = ", ".join(workspace.compute_targets)
        raise ExperimentExecutionException(
            f"Unknown compute target {configuration.target}; this workspace has: {known}", inner_exception=error
        ) from error


def _look_up_environment(workspace: Any, configuration: RunConfiguration) -> None:
    """Put the registered environment in the place of a reference to it."""
    from turnout.environments.environment import EnvironmentReference

    named: Any = configuration.environment
    if isinstance(named, EnvironmentReference):
        configuration.environment = named.get_environment(workspace)


def _data(workspace: Any, configuration: RunConfiguration, command: Any) -> Any:
    """Return the data that a configuration names; None for none, as for most."""
    kept = sys.modules.get("turnout.runtime.script.assets.consumption")
    sections = configuration.data or configuration.data_references or configuration.output_data
    if not sections and kept is None and "turnout.runtime.script.assets.references" not in sys.modules:
        return None  # nobody can have made an object that stands for data
    from turnout.data import passing

    if not passing.names_data(configuration, command):
        return None
    return passing.collect(workspace, configuration, command)


def _with_vault(workspace: Any, source_directory: str, snapshot: bytes, given: handed.Handed) -> handed.Handed:
    """Add the secrets of the workspace's key vault that the run's Python files name to what is handed over."""
    if not os.path.exists(workspace.layout.secret_names):
        return given
    from turnout.data.vault import named_secrets

    found = named_secrets(workspace, source_directory, snapshot)
    plain = {name: value for name, value in given.variables.items() if name not in found}
    return handed.Handed(plain, {**found, **given.secrets}, given.tools)


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
    given: handed.Handed,
    there: dict[str, Any] | None,
) -> tuple[dict[str, Any], str, str]:
    """Resolve the environment; a specification that has no solution gives a failure and its resolver's words."""
    definition = configuration.environment.serialize()
    if configuration.docker.use_docker:
        definition["docker"]["enabled"] = True
    resolution.provide_tools(workspace.home)
    failure, words = "", ""
    hide = redaction.redactor(given.secrets.values())
    try:
        resolved: dict[str, Any] = resolution.resolve(
            definition,
            workspace.home,
            workspace.layout,
            report,
            source_directory,
            variables={**os.environ, **given.secrets},
            hide=hide,
            there=there,
        )
    except resolution.ResolutionFailed as error:
        resolved, failure, words = {}, hide(error.message), hide(error.words)
    environment = {
        "name": definition.get("name"),
        "version": definition.get("version"),
        **resolved,
        "variables": dict(definition.get("environmentVariables") or {}),
        "definition": definition,
    }
    return environment, failure, words


def _silent(line: str) -> None:
    """Report to nobody."""
