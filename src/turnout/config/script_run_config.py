"""ScriptRunConfig: a source directory, what to run in it, and the run configuration; what an experiment submits."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

from turnout.config.distributed import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from turnout.config.run_configuration import RunConfiguration, command_text, copied_arguments
from turnout.elements import warn
from turnout.environments.environment import Environment
from turnout.exceptions import RunConfigurationException

DistributedConfiguration = MpiConfiguration | PyTorchConfiguration | TensorflowConfiguration

_ELSEWHERE = {
    "compute_target": "run_config.target",
    "target": "run_config.target",
    "environment": "run_config.environment",
    "max_run_duration_seconds": "run_config.max_run_duration_seconds",
    "docker_runtime_config": "run_config.docker",
    "environment_variables": "run_config.environment_variables",
    "framework": "run_config.framework",
    "node_count": "run_config.node_count",
}
"""What a person may try to set here → where it is."""


class ScriptRunConfig:
    """A script with its arguments, the directory that it lies in, and how to run it.

    May be changed and submitted again: submitting copies it whole. Turnout 0.1 does not carry out distributed jobs
    and `resume_from`; it says so when such a run is submitted.

    Args:
        source_directory: the directory that the snapshot is made of.
        script: the script, relative to it.
        arguments: the script's arguments: strings, numbers, paths.
        run_config: how to run it; the following arguments are then not used (a warning says so), as in v1. A string
            names a run configuration file of the source directory.
        _telemetry_values: accepted for v1's sake; Turnout collects nothing.
        compute_target: a compute target or its name; `local` by default.
        environment: the environment; by default the submitter's minor Python and no packages.
        distributed_job_config: how the run is spread over processes and nodes.
        resume_from: v1's checkpoint to go on from.
        max_run_duration_seconds: when the run is ended, in seconds; 30 days by default, as in v1. Not used with
            `run_config`, whose own default is no limit.
        command: a shell command to run instead of a script; a list is joined with blanks.
        docker_runtime_config: whether and how the run happens in a container.

    Raises:
        RunConfigurationException: the distributed configuration is of no known class.
        UserErrorException: the target is neither a name nor a compute target.
    """

    MAX_DURATION_SECONDS_DEFAULT = 2592000

    __slots__ = (
        "_resume_from",
        "_run_config",
        "_telemetry_values",
        "arguments",
        "command",
        "script",
        "source_directory",
    )

    def __init__(
        self,
        source_directory: str | os.PathLike[str] | None,
        script: str | os.PathLike[str] | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: RunConfiguration | str | None = None,
        _telemetry_values: Any = None,
        compute_target: Any = None,
        environment: Environment | None = None,
        distributed_job_config: DistributedConfiguration | None = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = MAX_DURATION_SECONDS_DEFAULT,
        command: str | Sequence[str] | None = None,
        docker_runtime_config: DockerConfiguration | None = None,
    ) -> None:
        self.source_directory: str | os.PathLike[str] = source_directory or "."
        self.script = script
        self.arguments = arguments
        self.command = command
        self._telemetry_values = _telemetry_values
        self._resume_from = resume_from
        if run_config is None:
            self._run_config: RunConfiguration | str = _new_run_config(
                compute_target, environment, distributed_job_config, docker_runtime_config, max_run_duration_seconds
            )
            return
        self.run_config = run_config  # type: ignore[assignment]  # a name is looked up when it is first needed
        given = {
            "compute_target": compute_target is not None,
            "environment": environment is not None,
            "distributed_job_config": distributed_job_config is not None,
            "docker_runtime_config": docker_runtime_config is not None,
            "max_run_duration_seconds": max_run_duration_seconds != self.MAX_DURATION_SECONDS_DEFAULT,
        }
        unused = [name for name, is_given in given.items() if is_given]
        if unused:
            warn(f"ScriptRunConfig does not use {', '.join(unused)}, since run_config is given; set them there")

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            object.__setattr__(self, name, value)
        except AttributeError:
            hint = f"; set {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
            raise AttributeError(f"{type(self)} has no attribute {name}{hint}") from None

    @property
    def run_config(self) -> RunConfiguration:
        """How to run it. One that was given by name is read from the source directory on first use."""
        if isinstance(self._run_config, str):
            self._run_config = RunConfiguration.load(self.source_directory, self._run_config)
        return self._run_config

    @run_config.setter
    def run_config(self, run_config: RunConfiguration) -> None:
        if not isinstance(run_config, (RunConfiguration, str)):
            raise RunConfigurationException(f"run_config must be a RunConfiguration, not {run_config!r}")
        self._run_config = run_config

    def resolve(self) -> RunConfiguration:
        """Return what is to be submitted: a whole copy of the run configuration, with what is given here on top.

        A script or a command that is given here takes the place of both in the run configuration; arguments that are
        given here, of its arguments.

        Raises:
            NotYetException: `resume_from` is given.
            RunConfigurationException: a command that is neither a string nor a list of strings.
            UserErrorException: a run configuration that was given by name does not exist.
        """
        if self._resume_from is not None:
            from turnout.config import capabilities

            raise capabilities.not_yet("resume_from", "remove it, and give the script the path of its checkpoint")
        resolved = copy.deepcopy(self.run_config)
        if self.script or self.command:
            resolved.script = os.fspath(self.script) if self.script else None
            resolved.command = command_text(self.command)
            if self.command and not self.script:
                resolved.arguments = []
        if self.arguments is not None:
            resolved.arguments = copied_arguments(self.arguments)
        return resolved

    def __repr__(self) -> str:
        what = f"command={self.command!r}" if self.command else f"script={self.script!r}, arguments={self.arguments!r}"
        return f"ScriptRunConfig({os.fspath(self.source_directory)!r}, {what}, run_config={self._run_config!r})"


def _new_run_config(
    compute_target: Any,
    environment: Environment | None,
    distributed_job_config: DistributedConfiguration | None,
    docker_runtime_config: DockerConfiguration | None,
    max_run_duration_seconds: int | None,
) -> RunConfiguration:
    """Return the run configuration of a ScriptRunConfig that was given none, by v1's rules."""
    run_config = RunConfiguration()
    run_config.max_run_duration_seconds = max_run_duration_seconds
    if compute_target is not None:
        run_config.target = compute_target
    if environment is not None:
        run_config.environment = environment
    if docker_runtime_config is not None:
        run_config.docker = docker_runtime_config
    elif isinstance(environment, Environment):
        section = environment.docker
        run_config.docker = DockerConfiguration(
            section.enabled, section.shared_volumes, section.arguments, section.shm_size
        )
    if distributed_job_config is not None:
        _distribute(run_config, distributed_job_config)
    return run_config


def _distribute(run_config: RunConfiguration, job: DistributedConfiguration) -> None:
    """Set framework, communicator and node count as v1 does for each kind of distributed job."""
    if isinstance(job, TensorflowConfiguration):
        run_config.framework, run_config.communicator = "TensorFlow", "ParameterServer"
        run_config.node_count = job.worker_count
        run_config.tensorflow = job
    elif isinstance(job, MpiConfiguration):
        run_config.framework, run_config.communicator = "Python", "IntelMpi"
        run_config.node_count = job.node_count
        run_config.mpi = job
    elif isinstance(job, PyTorchConfiguration):
        run_config.framework, run_config.communicator = "PyTorch", job.communication_backend
        run_config.node_count = job.node_count
        run_config.pytorch = job
    else:
        raise RunConfigurationException(
            "distributed_job_config must be an MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration, "
            f"not {job!r}"
        )
