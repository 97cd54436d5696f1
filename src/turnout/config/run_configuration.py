"""RunConfiguration: what to run, where, in which environment and how, with v1's attributes and v1's JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from turnout.config import arguments as script_arguments
from turnout.config.data import Data, DatacacheConfiguration, DataReferenceConfiguration, OutputData
from turnout.config.distributed import (
    DockerConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from turnout.config.sections import (
    AmlComputeConfiguration,
    ApplicationEndpointConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    ResourceConfiguration,
    SparkConfiguration,
)
from turnout.elements import ConfigElement, Field, normal_key
from turnout.environments import curated
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment, EnvironmentReference, variables_of
from turnout.exceptions import RunConfigurationException, UserErrorException

LOCAL = "local"
FRAMEWORKS = ("Python", "PySpark", "CNTK", "TensorFlow", "PyTorch")
COMMUNICATORS = ("None", "ParameterServer", "OpenMpi", "IntelMpi", "Mpi", "nccl", "gloo", "ParallelTask")


def default_environment() -> Environment:
    """Return the environment of a run that names none: the submitter's minor Python and nothing but the runtime."""
    return Environment(curated.DEFAULT)


def _environment_from(data: Any, where: str) -> Environment | EnvironmentReference:
    """Read an environment; one of which only the name (and version) is given is a registered one, as in v1."""
    if isinstance(data, Mapping):
        given = {normal_key(str(key)) for key in data}
        if "name" in given and given <= {"name", "version"}:
            return EnvironmentReference.deserialize(data, where)
    return Environment.deserialize(data, where)


class RunConfiguration(ConfigElement):
    """What to run, where, in which environment and how.

    Args:
        script: the script, relative to the source directory.
        arguments: its arguments: strings, numbers, paths.
        framework: `Python`, `PySpark`, `CNTK`, `TensorFlow` or `PyTorch`, in any case.
        communicator: `None`, `ParameterServer`, `OpenMpi`, `IntelMpi`, `nccl`, `gloo` or `ParallelTask`, in any case.
        conda_dependencies: the packages of the environment.
        command: a shell command to run instead of a script; a list is joined with blanks, as in v1.

    Raises:
        RunConfigurationException: an unknown framework or communicator.
    """

    script: str | None
    arguments: list[Any]
    max_run_duration_seconds: int | None
    node_count: int
    priority: int | None
    resource_configuration: ResourceConfiguration | None
    history: HistoryConfiguration
    spark: SparkConfiguration
    docker: DockerConfiguration
    hdi: HdiConfiguration
    tensorflow: TensorflowConfiguration
    mpi: MpiConfiguration
    pytorch: PyTorchConfiguration
    paralleltask: ParallelTaskConfiguration
    data_references: dict[str, DataReferenceConfiguration]
    data: dict[str, Data]
    datacaches: list[DatacacheConfiguration]
    output_data: dict[str, OutputData]
    source_directory_data_store: str | None
    amlcompute: AmlComputeConfiguration
    auto_cluster_compute_specification: dict[str, Any] | None
    kubernetescompute: KubernetesComputeConfiguration
    credential_passthrough: bool
    command: str
    services: dict[str, ApplicationEndpointConfiguration]
    _target: str
    _framework: str
    _communicator: str
    _environment: Environment | EnvironmentReference
    _environment_variables: dict[str, str]
    _path: str | None
    _name: str | None

    FIELDS = (
        Field("script", "script"),
        Field("arguments", "arguments", list, list),
        Field("target", "target", str, LOCAL),
        Field("framework", "framework", str, "Python"),
        Field("communicator", "communicator", str, "None"),
        Field("max_run_duration_seconds", "maxRunDurationSeconds", int),
        Field("node_count", "nodeCount", int, 1),
        Field("priority", "priority", int),
        Field("resource_configuration", "resourceConfiguration", ResourceConfiguration, beyond=True),
        Field("environment", "environment", object, default_environment, read=_environment_from),
        Field("history", "history", HistoryConfiguration, HistoryConfiguration),
        Field("spark", "spark", SparkConfiguration, SparkConfiguration),
        Field("docker", "docker", DockerConfiguration, DockerConfiguration),
        Field("hdi", "hdi", HdiConfiguration, HdiConfiguration),
        Field("tensorflow", "tensorflow", TensorflowConfiguration, TensorflowConfiguration),
        Field("mpi", "mpi", MpiConfiguration, MpiConfiguration),
        Field("pytorch", "pytorch", PyTorchConfiguration, PyTorchConfiguration),
        Field("paralleltask", "paralleltask", ParallelTaskConfiguration, ParallelTaskConfiguration),
        Field("data_references", "dataReferences", dict, dict, of=DataReferenceConfiguration),
        Field("data", "data", dict, dict, of=Data),
        Field("datacaches", "datacaches", list, list, of=DatacacheConfiguration),
        Field("output_data", "outputData", dict, dict, of=OutputData),
        Field("source_directory_data_store", "sourceDirectoryDataStore"),
        Field("amlcompute", "amlcompute", AmlComputeConfiguration, AmlComputeConfiguration),
        Field("auto_cluster_compute_specification", "autoClusterComputeSpecification", object),
        Field("kubernetescompute", "kubernetescompute", KubernetesComputeConfiguration, KubernetesComputeConfiguration),
        Field("credential_passthrough", "credentialPassthrough", bool, False),
        Field("command", "command", str, ""),
        Field("environment_variables", "environmentVariables", dict, dict),
        Field("services", "applicationEndpoints", dict, dict, of=ApplicationEndpointConfiguration),
    )

    HIDDEN = ("_target", "_framework", "_communicator", "_environment", "_environment_variables", "_path", "_name")

    def __init__(
        self,
        script: str | os.PathLike[str] | None = None,
        arguments: Iterable[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: str | None = None,
        _name: str | None = None,
        command: str | Iterable[str] | None = None,
    ) -> None:
        super().__init__()
        self.script = None if script is None else os.fspath(script)
        self.arguments = copied_arguments(arguments)
        if framework is not None:
            self.framework = framework
        if communicator is not None:
            self.communicator = communicator
        if conda_dependencies is not None:
            default = default_environment()
            default.python.conda_dependencies = conda_dependencies
            self.environment = default
        if _history_enabled is not None:
            self.history.output_collection = _history_enabled
        self.command = command_text(command)
        self._path = _path
        self._name = _name

    @property
    def target(self) -> str:
        """The name of the compute target. May be set to a name or to a compute target."""
        return self._target

    @target.setter
    def target(self, target: Any) -> None:
        name = target if isinstance(target, str) else getattr(target, "name", None)
        if not isinstance(name, str) or not name or isinstance(target, type):
            raise UserErrorException(f"target must be the name of a compute target or a compute target, not {target!r}")
        self._target = name

    @property
    def framework(self) -> str:
        """How the script is launched; set in any case, kept in v1's spelling."""
        return self._framework

    @framework.setter
    def framework(self, framework: str) -> None:
        self._framework = _spelled(framework, FRAMEWORKS, "framework")

    @property
    def communicator(self) -> str:
        """How the processes of a distributed run talk; set in any case, kept in v1's spelling."""
        return self._communicator

    @communicator.setter
    def communicator(self, communicator: str | None) -> None:
        self._communicator = _spelled("None" if communicator is None else communicator, COMMUNICATORS, "communicator")

    @property
    def environment(self) -> Environment:
        """The environment. In a file it may also be a reference to a registered one (`EnvironmentReference`)."""
        return self._environment  # type: ignore[return-value]  # v1's attribute too; submission looks references up

    @environment.setter
    def environment(self, environment: Environment | EnvironmentReference | None) -> None:
        if environment is not None and not isinstance(environment, (Environment, EnvironmentReference)):
            raise UserErrorException(
                f"environment must be an Environment, not {environment!r}; Environment.get(workspace, name) finds one"
            )
        self._environment = default_environment() if environment is None else environment

    @property
    def environment_variables(self) -> dict[str, str]:
        """The variables that the script gets, on top of the environment's."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, variables: Mapping[str, str] | None) -> None:
        self._environment_variables = variables_of(variables)

    @property
    def auto_prepare_environment(self) -> bool:
        """Always True: the environment is found or built for each run. Kept for v1's sake."""
        return True

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value: bool) -> None:
        if not value:
            raise RunConfigurationException(
                "Turnout always prepares the environment; for an interpreter of your own set "
                "environment.python.user_managed_dependencies = True"
            )

    def serialize(self) -> dict[str, Any]:
        """Return v1's "Configuration" JSON, for the record of a run: nothing is shared with this object.

        Raises:
            RunConfigurationException: an attribute holds something of the wrong type; the message names it.
        """
        arguments = script_arguments.wire_values(self.arguments)
        serialized = super().serialize()
        serialized["arguments"] = arguments
        return serialized

    @classmethod
    def unknown_keys(cls, data: Mapping[str, Any]) -> list[str]:
        """Return the dotted paths of the keys in `data` that no field here reads."""
        unknown = super().unknown_keys(data)
        for key, value in data.items():
            if normal_key(str(key)) == "environment" and isinstance(value, Mapping):
                unknown.extend(f"{key}.{inner}" for inner in Environment.unknown_keys(value))
        return unknown

    @staticmethod
    def load(path: str | os.PathLike[str], name: str | None = None) -> RunConfiguration:
        """Read a run configuration file; see `turnout.config.runconfig_file.load`."""
        from turnout.config import runconfig_file

        return runconfig_file.load(os.fspath(path), name)

    def save(
        self,
        path: str | os.PathLike[str] | None = None,
        name: str | None = None,
        separate_environment_yaml: bool = False,
    ) -> str:
        """Write a run configuration file and return its path; see `turnout.config.runconfig_file.save`."""
        from turnout.config import runconfig_file

        return runconfig_file.save(self, None if path is None else os.fspath(path), name, separate_environment_yaml)

    @staticmethod
    def delete(path: str | os.PathLike[str], name: str) -> None:
        """Delete a run configuration file; see `turnout.config.runconfig_file.delete`."""
        from turnout.config import runconfig_file

        runconfig_file.delete(os.fspath(path), name)


def command_text(command: str | Iterable[str] | None) -> str:
    """Return a command as one string; a list is joined with single blanks and nothing is quoted, as in v1.

    Raises:
        RunConfigurationException: it is neither.
    """
    if command is None or isinstance(command, str):
        return command or ""
    if not isinstance(command, (list, tuple)):
        raise RunConfigurationException(f"command must be a string or a list of strings, not {command!r}")
    return " ".join(script_arguments.argument_strings(command))


def copied_arguments(arguments: Iterable[Any] | None) -> Any:
    """Return a list of its own; a string is left as it is, to be refused by name when the run is submitted."""
    return arguments if isinstance(arguments, (str, bytes)) else list(arguments or ())


def _spelled(given: str, allowed: tuple[str, ...], what: str) -> str:
    for word in allowed:
        if isinstance(given, str) and word.lower() == given.lower():
            return word
    raise RunConfigurationException(f"the {what} {given!r} is none of {', '.join(allowed)}")
