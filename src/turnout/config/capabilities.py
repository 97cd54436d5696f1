"""Says whether Turnout can carry out a run configuration; what it can't is refused by name, never ignored.

Asked when a run is submitted, not when the configuration is made, so that v1's programmes can build and save whatever
v1 could. The refusals are one table; a later version removes the lines that it carries out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from turnout.config.arguments import argument_strings, variable_strings
from turnout.config.distributed import (
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from turnout.config.run_configuration import RunConfiguration
from turnout.config.sections import HdiConfiguration, SparkConfiguration
from turnout.elements import warn
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment
from turnout.environments.sections import DEFAULT_INTERPRETER, V1_IMAGES
from turnout.exceptions import NotYetException, RunConfigurationException
from turnout.runtime.launchers import COMMUNICATORS, LAUNCHERS

SPARK = "PySpark"
_MPI, _TORCH, _SERVERS = ("Mpi", "OpenMpi", "IntelMpi"), ("nccl", "gloo"), "ParameterServer"
_COLLECTED = {"logs", "outputs"}
# `https://user:secret@` and `https://token@`; not `ssh://git@`, nor secrets that go by a variable's name.
_URL_WITH_PASSWORD = re.compile(
    r"://[^/\s@:]*:(?!\$\{[A-Za-z0-9_]+\}@)[^/\s@]+@|(?<!ssh)://(?!\$\{[A-Za-z0-9_]+\}@)[^/\s@:]+@"
)

_CHANNEL_WITH_PASSWORD = re.compile(r"(?<=://)[^/\s]*@|(?<=/)t/[^/\s]+/")
"""A user in a channel's URL, or the token that conda's own hosts take in the path."""

_RUN_REFUSALS: tuple[tuple[str, str, Callable[[RunConfiguration], Any]], ...] = (
    (
        "the communicator",
        f"set it to None, or to {' or '.join(COMMUNICATORS)}",
        lambda run: run.communicator not in ("None", *COMMUNICATORS),
    ),
    (
        "the framework",
        f"set framework to {' or '.join(map(repr, LAUNCHERS))}",
        lambda run: run.framework not in LAUNCHERS,
    ),
    (
        "a communicator with Spark",
        "set communicator to 'None'",
        lambda run: run.framework == SPARK and run.communicator != "None",
    ),
    ("a run on more than one node", "set node_count to 1", lambda run: (run.node_count or 1) > 1),
    (
        "the section mpi without MPI",
        "set communicator to 'OpenMpi', or remove it",
        lambda run: run.communicator not in _MPI and run.mpi != MpiConfiguration(),
    ),
    (
        "the section pytorch without torch.distributed",
        "set communicator to 'nccl' or 'gloo', or remove it",
        lambda run: run.communicator not in _TORCH and run.pytorch != PyTorchConfiguration(),
    ),
    (
        "the section tensorflow without parameter servers",
        "set communicator to 'ParameterServer', or remove it",
        lambda run: run.communicator != _SERVERS and run.tensorflow != TensorflowConfiguration(),
    ),
    ("the section paralleltask", "remove it", lambda run: run.paralleltask != ParallelTaskConfiguration()),
    ("datacaches", "remove them", lambda run: run.datacaches),
    ("source_directory_data_store", "remove it", lambda run: run.source_directory_data_store),
    ("services", "remove them", lambda run: run.services),
    ("credential_passthrough", "set it to False", lambda run: run.credential_passthrough),
    (
        "the section spark without Spark",
        "set framework to 'PySpark', or remove its settings",
        lambda run: run.framework != SPARK and run.spark != SparkConfiguration(),
    ),
    (
        "the section hdi without Spark",
        "set framework to 'PySpark', or remove it",
        lambda run: run.framework != SPARK and run.hdi != HdiConfiguration(),
    ),
    ("a cluster made for one run (amlcompute.vm_size)", "name a target", lambda run: run.amlcompute.vm_size),
    ("kubernetescompute.instance_type", "remove it", lambda run: run.kubernetescompute.instance_type),
    ("auto_cluster_compute_specification", "remove it", lambda run: run.auto_cluster_compute_specification),
    ("a run without a snapshot", "set history.snapshot_project to True", lambda run: not run.history.snapshot_project),
    (
        "a run whose outputs are not collected",
        "set history.output_collection to True",
        lambda run: not run.history.output_collection,
    ),
    (
        "watching directories other than logs and outputs",
        "write to outputs/ instead",
        lambda run: {str(name).strip("./") for name in run.history.directories_to_watch or ()} - _COLLECTED,
    ),
)

_ENVIRONMENT_REFUSALS: tuple[tuple[str, str, Callable[[Environment], Any]], ...] = (
    (
        "a build context (docker.build_context)",
        "give the Dockerfile as docker.base_dockerfile",
        lambda made: made.docker.build_context,
    ),
    ("an environment's R section", "set it to None", lambda made: made.r is not None),
    ("an environment's databricks section", "set it to None", lambda made: _any_value(made.databricks)),
)


def check(run_config: RunConfiguration) -> None:
    """Refuse a run configuration that can't be carried out, in one line that names the reason and the way out.

    Args:
        run_config: the configuration as it is about to be submitted; a reference to a registered environment is
            checked once it has been looked up.

    Raises:
        NotYetException: it asks for a part of v1's model that Turnout does not carry out yet.
        RunConfigurationException: it asks for something impossible, or would put a secret into the record.
    """
    for what, way_out, asked in _RUN_REFUSALS:
        if asked(run_config):
            raise not_yet(what, way_out)
    _check_values(run_config)
    if isinstance(run_config.environment, Environment):
        check_environment(run_config.environment)
        if run_config.framework == SPARK:
            from turnout.config import spark_runs  # most runs need none of it

            spark_runs.check(run_config, run_config.environment)
        elif run_config.environment.spark.packages or run_config.environment.spark.repositories:
            raise not_yet("an environment's Spark packages without Spark", "set framework to 'PySpark', or remove them")


def check_environment(environment: Environment) -> None:
    """Refuse an environment that can't be used; see `check`."""
    for what, way_out, asked in _ENVIRONMENT_REFUSALS:
        if asked(environment):
            raise not_yet(what, way_out)
    variable_strings(environment.environment_variables)
    python = environment.python
    if environment.docker.base_image_registry.password:
        raise RunConfigurationException(
            "the password of docker.base_image_registry would end up in the run's record; remove it and log in with "
            "the container engine instead"
        )
    registry, image = environment.docker.base_image_registry.address, environment.docker.base_image or ""
    if registry and image and not image.startswith(f"{registry.rstrip('/')}/"):
        raise RunConfigurationException(
            f"docker.base_image_registry.address is not put before an image's name; name the image "
            f"'{registry.rstrip('/')}/{image}'"
        )
    for line in python.conda_dependencies.pip_requirements if python.conda_dependencies is not None else ():
        if _URL_WITH_PASSWORD.search(line):
            raise RunConfigurationException(
                f"the credentials in {re.sub(r'://[^/@]*@', '://***@', line)!r} would end up in the run's record; "
                "put them into ~/.netrc, or name a variable as ${NAME}"
            )
    _check_channels(python.conda_dependencies)
    if image.startswith(V1_IMAGES) and not environment.docker.enabled:
        warn(f"the image {image}, which v1 put into every environment, is not used, since docker.enabled is False")
    if not python.user_managed_dependencies and python.interpreter_path not in (None, DEFAULT_INTERPRETER):
        warn("python.interpreter_path is only used with python.user_managed_dependencies = True, as in v1")


def _check_channels(packages: CondaDependencies | None) -> None:
    for text in [] if packages is None else [*packages.conda_channels, *packages.conda_packages]:
        if _CHANNEL_WITH_PASSWORD.search(text):
            raise RunConfigurationException(
                f"the credentials in {_CHANNEL_WITH_PASSWORD.sub('***/', text)!r} would end up in the run's record; "
                "put them into ~/.netrc, or into the file that RATTLER_AUTH_FILE names"
            )


def _check_values(run: RunConfiguration) -> None:
    if run.script and run.command:
        raise RunConfigurationException("script and command exclude each other; give one of them")
    if not run.script and not run.command:
        raise RunConfigurationException("there is nothing to run; give a script, or a command")
    if run.command and run.arguments:
        raise RunConfigurationException("arguments belong to a script; write them into the command")
    seconds = run.max_run_duration_seconds
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0):
        raise RunConfigurationException(f"max_run_duration_seconds is a number of seconds or None, not {seconds!r}")
    if run.node_count is not None and (not isinstance(run.node_count, int) or run.node_count < 1):
        raise RunConfigurationException(f"node_count must be 1 or more, not {run.node_count!r}")
    counts = {
        "process_count_per_node": run.mpi.process_count_per_node if run.communicator in _MPI else None,
        "process_count": run.pytorch.process_count if run.communicator in _TORCH else None,
        "worker_count": run.tensorflow.worker_count if run.communicator == _SERVERS else None,
    }
    for name, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise RunConfigurationException(f"{name} must be a whole number from 1 on, not {count!r}")
    resources(run)
    argument_strings(run.arguments)
    variable_strings(run.environment_variables)


def resources(run: RunConfiguration) -> dict[str, Any]:
    """Return what a run asks for, as run.json keeps it: CPU slots, GPUs, memory in GB, and its priority in the queue.

    Raises:
        RunConfigurationException: one of them is no number that can be asked for.
    """
    asked = run.resource_configuration
    values: dict[str, Any] = {
        "cpus": 1 if asked is None or asked.cpu is None else asked.cpu,
        "gpus": 0 if asked is None or asked.gpu is None else asked.gpu,
        "priority": 0 if run.priority is None else run.priority,
    }
    for name, value in values.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or (value < 0 and name != "priority"):
            raise RunConfigurationException(f"{name} must be a whole number, not {value!r}")
    if asked is not None and asked.memory_in_gb is not None:
        values["memory_in_gb"] = asked.memory_in_gb
    return values


def _any_value(section: Any) -> bool:
    """Say whether anything in a section that is kept as data is set."""
    if isinstance(section, dict):
        return any(_any_value(value) for value in section.values())
    if isinstance(section, list):
        return any(_any_value(value) for value in section)
    return bool(section)


def not_yet(what: str, way_out: str) -> NotYetException:
    """Return the refusal of a part of v1's model that this version does not carry out."""
    from turnout import __version__

    version = ".".join(__version__.split(".")[:2])
    return NotYetException(f"{what} is not carried out yet by Turnout {version}; {way_out}")


def check_launch(definition: dict[str, Any], secrets: Mapping[str, str], environ: Mapping[str, str] | None) -> None:
    """Refuse a run that its launcher can't start on its target, as far as that shows before it is submitted.

    Args:
        definition: the content of run.json; what the launcher has to know of this installation is added.
        secrets: names and values of the run's secrets.
        environ: variables of this process, when the run is to run on this machine; None elsewhere.

    Raises:
        RunConfigurationException: it can't; the line names the reason and the way out.
    """
    if definition["configuration"]["framework"] == SPARK:
        from turnout.config import spark_runs

        spark_runs.check_launch(definition, secrets, environ)
