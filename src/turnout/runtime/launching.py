"""Puts together how the script of a run starts: what is executed, with which variables, plainly or in a container."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import Any, Dict, List, Optional, Tuple

from turnout.runtime import azureml, handed, inputs, launchers, layout, mlflow, records, slots, variables
from turnout.runtime.builders.contract import Built
from turnout.runtime.launchers.companion import Companion

_KEPT_VARIABLES = (
    "PATH",
    "JAVA_HOME",
    "SPARK_HOME",
    "SPARK_CONF_DIR",
    "HADOOP_HOME",
    "HADOOP_CONF_DIR",
    "YARN_CONF_DIR",
)
"""Variables that say which programs a launcher calls: what a later supervisor needs to end the work elsewhere."""


class LaunchError(Exception):
    """The script can't be started; the message is one line."""


class ImageGone(LaunchError):
    """The engine doesn't have the environment's image any more."""


class Launch:
    """A start that is about to happen.

    Attributes:
        argv: what to execute.
        variables: its whole environment.
        stdin: a descriptor that becomes its standard input; None for none.
    """

    def __init__(self, argv: List[str], variables: Dict[str, str], stdin: Optional[int] = None) -> None:
        self.argv = argv
        self.variables = variables
        self.stdin = stdin

    def close(self) -> None:
        """Close what is only for the process that was started."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None


def prepare(
    home: layout.Home,
    run: layout.RunLayout,
    definition: Dict[str, Any],
    built: Built,
    grant: slots.Grant,
    given: handed.Handed,
) -> Launch:
    """Return the start of a run's script; a container is made, and not started.

    Raises:
        ValueError: the run's framework has no launcher.
        OSError: the record can't be written.
        ImageGone: the image of the environment has been removed.
        LaunchError: the container can't be made.
    """
    launcher = launchers.of(definition)
    own, configured = _own_variables(definition)
    facts = variables.Run(
        directory=run.root,
        code=run.code,
        runtime=sys.path[0],
        home=home.root,
        workspace=str((definition.get("workspace") or {}).get("name") or ""),
        experiment=str(definition.get("experiment") or ""),
        prefix=built.prefix,
        gpus=grant.gpus,
        prefix_variable=built.prefix_variable,
        further={**azureml.variables(definition, run.run_id), **inputs.variables(definition, run)},
    )
    base = {**mlflow.variables(run), **variables.base(os.environ), **_machine_variables(definition)}
    known = variables.compose(base, given.variables, own, configured, facts)
    definition = _with_data(definition, run)
    if definition.get(azureml.MEMBER):
        definition = {**definition, "arguments": azureml.expanded(definition.get("arguments") or [], known)}
    context = launchers.Context(home, run, definition, known, given.secrets, facts.runtime)
    try:
        found = launcher.find(context, built)
        argv, extra = launcher.command(definition, 0, built.interpreter, found)
    except launchers.CannotLaunch as error:
        raise LaunchError(str(error)) from error
    configured.update(extra)
    if found:
        kept = {name: known[name] for name in _KEPT_VARIABLES if name in known}
        kept.update(extra)
        records.write_json(run.launch, {**launcher.describe(found), "command": argv, "variables": kept})
    if built.image is None:
        return Launch(argv, variables.compose(base, given.variables, own, configured, facts, given.secrets))
    from turnout.runtime import unnamed  # most runs are in no container
    from turnout.runtime.containers import container, engine, mounts

    docker = engine.find({**os.environ, **given.variables})
    if docker is None:
        raise LaunchError(engine.missing(given.variables))
    facts.prefix = None  # a path of the image, and only there is the PATH known that it goes before
    facts.gpus = [str(number) for number in range(len(grant.gpus))]  # as the container counts them
    inside = variables.compose(
        {**mlflow.variables(run), **container.variables(base)}, {}, own, configured, facts, given.secrets
    )
    try:
        start = container.Container(run, docker).create(
            image=built.image,
            interpreter=built.interpreter,
            prefix=built.prefix or "",
            argv=argv,
            settings=_settings(definition),
            seen=mounts.of_run(home, run, definition, facts.runtime),
            gpus=list(grant.gpus),
        )
    except engine.NoSuchThing as error:
        raise ImageGone("the environment's image is gone: %s" % error) from error
    except engine.EngineError as error:
        raise LaunchError("the container can't be made: %s" % error) from error
    return Launch(start, docker.variables, unnamed.readable(json.dumps(inside).encode("ascii") + b"\n"))


def companion(home: layout.Home, run: layout.RunLayout, definition: Dict[str, Any]) -> Companion:
    """Return what goes with a run while it waits, runs and ends; most have nothing to do.

    Raises:
        ValueError: the run's framework has no launcher, or its settings can't be used.
    """
    launcher = launchers.of(definition)
    if type(launcher).companion is launchers.Launcher.companion:
        return Companion()
    own, configured = _own_variables(definition)
    try:
        given = handed.read(home, run)
        inherited = given.variables
    except handed.HandedOverGone:  # the script has them already
        try:
            inherited = records.read_json(run.launch)["variables"]
        except (OSError, ValueError, KeyError, TypeError):
            inherited = {}
    known = {**variables.base(os.environ), **_machine_variables(definition), **inherited, **own, **configured}
    return launcher.companion(launchers.Context(home, run, definition, known, {}, sys.path[0]))


def _with_data(definition: Dict[str, Any], run: layout.RunLayout) -> Dict[str, Any]:
    """Return the definition with paths in the place of what stands for inputs and outputs in arguments and command."""
    words = inputs.words(definition, run)
    if not words:
        return definition
    configuration = dict(definition.get("configuration") or {})
    if configuration.get("command"):
        quoted = {name: shlex.quote(word) for name, word in words.items()}  # a shell reads it
        configuration["command"] = inputs.replaced([str(configuration["command"])], quoted)[0]
    arguments = inputs.replaced(list(definition.get("arguments") or []), words)
    return {**definition, "configuration": configuration, "arguments": arguments}


def _machine_variables(definition: Dict[str, Any]) -> Dict[str, str]:
    """Return what a login on the target's machine sets for a launcher's programs, as it was when that was last checked."""
    return dict((definition.get("target") or {}).get("variables") or {})


def _own_variables(definition: Dict[str, Any]) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Return the variables of a run's environment, and those that it sets itself."""
    environment = definition.get("environment") or {}
    configured = (definition.get("variables") or {}).get("configured") or {}
    return dict(environment.get("variables") or {}), dict(configured)


def _settings(definition: Dict[str, Any]) -> Dict[str, Any]:
    """Return v1's docker settings of a run: the run configuration's where it asks for a container, else the environment's."""
    configured = (definition.get("configuration") or {}).get("docker") or {}
    if not configured.get("useDocker"):
        configured = ((definition.get("environment") or {}).get("definition") or {}).get("docker") or {}
    return {"arguments": configured.get("arguments") or [], "shm_size": configured.get("shmSize")}
