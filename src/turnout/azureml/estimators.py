"""v1's estimators: a script, its packages and its parameters in one object, from which a ScriptRunConfig is made.

Deprecated in v1 itself. A framework's estimator gives the maintained environment of that framework (`turnout env list`), whatever
old version it names: those can't be had on today's Pythons. Nothing runs in a container unless an image is named, although v1's
`use_docker` was True by default.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from turnout.azureml.exceptions import TrainingException
from turnout.config.distributed import DockerConfiguration, MpiConfiguration, TensorflowConfiguration
from turnout.config.run_configuration import RunConfiguration
from turnout.config.script_run_config import ScriptRunConfig
from turnout.elements import warn
from turnout.environments import curated
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment
from turnout.environments.sections import ContainerRegistry
from turnout.exceptions import NotYetException, UserErrorException

if TYPE_CHECKING:
    from turnout.experiment import Experiment
    from turnout.run import Run

_OVERRIDES = ("script_params", "inputs", "source_directory_data_store")
"""What a submit may give in the place of the estimator's own (v1's rule)."""


class Mpi:
    """Several processes by MPI, as v1's estimators had it."""

    def __init__(self, process_count_per_node: int = 1) -> None:
        self.process_count_per_node = process_count_per_node


class ParameterServer:
    """TensorFlow's workers and parameter servers, as v1's estimators had it."""

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count


class Gloo:
    """PyTorch's processes over Gloo, as v1's estimators had it."""


class Nccl:
    """PyTorch's processes over NCCL, as v1's estimators had it."""


class Estimator:
    """A script with its packages and parameters.

    Args:
        source_directory: the directory that the snapshot is made of.
        compute_target: a compute target or its name; `local` by default.
        vm_size: a cluster made for one run; refused when the run is submitted.
        vm_priority: kept as a label.
        entry_script: the script, relative to the directory.
        script_params: its arguments by name; an empty value gives the name alone.
        node_count: more than 1 is not carried out yet.
        process_count_per_node: likewise.
        distributed_backend: v1's earlier form of `distributed_training`: `mpi`, `ps`, `gloo`, `nccl`.
        distributed_training: `Mpi()` and its kin; likewise.
        use_gpu: whether the run asks for a GPU, and the framework's environment is the one for GPUs.
        use_docker: accepted as in v1; a container is used where an image is named.
        custom_docker_base_image: v1's earlier name of `custom_docker_image`.
        custom_docker_image: the image of a container.
        image_registry_details: where that image lies; see `docker.base_image_registry`.
        user_managed: run with the submitter's interpreter; nothing is installed.
        conda_packages: conda packages, such as `"numpy=1.26"`.
        pip_packages: pip requirements.
        conda_dependencies_file_path: v1's earlier name of `conda_dependencies_file`.
        pip_requirements_file_path: v1's earlier name of `pip_requirements_file`.
        conda_dependencies_file: a conda file, below the source directory.
        pip_requirements_file: a requirements file, below the source directory.
        environment_variables: variables of the script.
        environment_definition: an environment in place of all that describes packages here.
        inputs: datasets as named inputs, and data references.
        source_directory_data_store: not used, as the code travels as a snapshot; a warning says so.
        shm_size: of a container.
        resume_from: not carried out.
        max_run_duration_seconds: when the run is ended.
        framework_version: of a framework's estimator; see the module.
        worker_count: of TensorFlow's; more than 1 is not carried out yet.
        parameter_server_count: likewise.
        _enable_optimized_mode: v1's own, accepted and not needed, like all that follow.
        _disable_validation: see `_enable_optimized_mode`.
        _show_lint_warnings: see `_enable_optimized_mode`.
        _show_package_warnings: see `_enable_optimized_mode`.

    Raises:
        NotYetException: `resume_from` is given.
        TrainingException: arguments that exclude each other.
        UserErrorException: one of the inputs is none.
    """

    FRAMEWORK_NAME: ClassVar[str] = ""

    def __init__(
        self,
        source_directory: str,
        *,
        compute_target: Any = None,
        vm_size: str | None = None,
        vm_priority: str | None = None,
        entry_script: str | None = None,
        script_params: Mapping[str, Any] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: str | None = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: str | None = None,
        custom_docker_image: str | None = None,
        image_registry_details: ContainerRegistry | None = None,
        user_managed: bool = False,
        conda_packages: list[str] | None = None,
        pip_packages: list[str] | None = None,
        conda_dependencies_file_path: str | None = None,
        pip_requirements_file_path: str | None = None,
        conda_dependencies_file: str | None = None,
        pip_requirements_file: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        environment_definition: Environment | None = None,
        inputs: list[Any] | None = None,
        source_directory_data_store: Any = None,
        shm_size: str | None = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = None,
        framework_version: str | None = None,
        worker_count: int = 1,
        parameter_server_count: int = 1,
        _enable_optimized_mode: bool = False,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        warn(f"{type(self).__name__} is deprecated, as in v1; ScriptRunConfig with an Environment takes its place")
        if resume_from is not None:
            raise NotYetException(
                f"{type(self).__name__}: resume_from is not carried out yet; give the script the path of its checkpoint"
            )
        if source_directory_data_store is not None:
            warn(f"{type(self).__name__} does not use source_directory_data_store: the code travels as a snapshot")
        conda_file = conda_dependencies_file or conda_dependencies_file_path
        pip_file = pip_requirements_file or pip_requirements_file_path
        image = custom_docker_image or custom_docker_base_image
        described = {
            "conda_packages": conda_packages,
            "pip_packages": pip_packages,
            "conda_dependencies_file": conda_file,
            "pip_requirements_file": pip_file,
            "custom_docker_image": image,
            "user_managed": user_managed,
        }
        both = [name for name, value in described.items() if value]
        if environment_definition is not None and both:
            raise TrainingException(
                f"{type(self).__name__}: environment_definition and {both[0]} exclude each other; give one of them"
            )
        self._source_directory = os.fspath(source_directory)
        run_config = RunConfiguration()
        run_config.target = compute_target if compute_target is not None else "local"
        run_config.script = entry_script
        run_config.arguments = _arguments(script_params)
        _give(run_config, inputs)
        run_config.max_run_duration_seconds = max_run_duration_seconds
        run_config.environment_variables = dict(environment_variables or {})
        run_config.environment = environment_definition or self._environment(
            conda_packages, pip_packages, conda_file, pip_file, image, user_managed, use_gpu, framework_version
        )
        if image:
            run_config.docker = DockerConfiguration(True, shm_size=shm_size or "2g")
        if image_registry_details is not None and environment_definition is None:
            run_config.environment.docker.base_image_registry = image_registry_details
        if use_gpu:
            from turnout.config.sections import ResourceConfiguration

            run_config.resource_configuration = ResourceConfiguration()
            run_config.resource_configuration.gpu = 1
        self._spread(
            run_config,
            node_count,
            process_count_per_node,
            distributed_training,
            distributed_backend,
            TensorflowConfiguration(worker_count, parameter_server_count),
        )
        if vm_size:
            run_config.amlcompute.vm_size = vm_size
        if vm_priority:
            run_config.amlcompute.vm_priority = vm_priority
        self._run_config = run_config

    @property
    def source_directory(self) -> str:
        """The directory that the snapshot is made of."""
        return self._source_directory

    @property
    def run_config(self) -> RunConfiguration:
        """How the script is run; it may be changed before a submit."""
        return self._run_config

    # v1's scripts use this name although it is private.
    @property
    def _estimator_config(self) -> RunConfiguration:
        return self._run_config

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages."""
        found: CondaDependencies = self._run_config.environment.python.conda_dependencies
        return found

    def _submit_to(self, experiment: Experiment, tags: dict[str, str], **kwargs: Any) -> Run:
        """Submit the script; see `Experiment.submit`."""
        from turnout import submission

        unknown = [name for name in kwargs if name.endswith(("_directory", "_script", "_target", "_packages"))]
        if unknown:
            raise TrainingException(
                f"submit can't change {unknown[0]} of an estimator; it takes {', '.join(_OVERRIDES)}"
            )
        config = ScriptRunConfig(self._source_directory, run_config=copy.deepcopy(self._run_config))
        if "script_params" in kwargs:
            config.arguments = _arguments(kwargs.pop("script_params"))
        if "inputs" in kwargs:
            _give(config.run_config, kwargs.pop("inputs"))
        kwargs.pop("source_directory_data_store", None)
        return submission.submit(experiment, config, tags=tags, **kwargs)

    def _environment(
        self,
        conda_packages: list[str] | None,
        pip_packages: list[str] | None,
        conda_file: str | None,
        pip_file: str | None,
        image: str | None,
        user_managed: bool,
        use_gpu: bool,
        framework_version: str | None,
    ) -> Environment:
        environment = Environment(f"{type(self).__name__.lower()}-packages")
        environment.python.user_managed_dependencies = user_managed
        if image:
            environment.docker.base_image = image
        packages = [*self._framework(use_gpu, framework_version), *(pip_packages or [])]
        if pip_file:
            packages += _requirements(os.path.join(self._source_directory, pip_file))
        if conda_file:
            dependencies = CondaDependencies(os.path.join(self._source_directory, conda_file))
            for package in packages:
                dependencies.add_pip_package(package)
            for package in conda_packages or []:
                dependencies.add_conda_package(package)
        else:
            dependencies = CondaDependencies.create(pip_packages=packages, conda_packages=conda_packages)
        environment.python.conda_dependencies = dependencies
        return environment

    def _framework(self, use_gpu: bool, version: str | None) -> tuple[str, ...]:
        """Return the requirements of the framework's maintained environment."""
        if not self.FRAMEWORK_NAME:
            return ()
        name = f"AzureML-{self.FRAMEWORK_NAME}-{version or '0'}-{'GPU' if use_gpu else 'CPU'}"
        nearest = curated.nearest(name)
        if nearest is None:
            raise NotYetException(
                f"there is no environment with {self.FRAMEWORK_NAME} any more; give an Estimator its packages"
            )
        if version is not None:
            warn(
                f"{self.FRAMEWORK_NAME} {version} can't be had on today's Pythons: the packages are those of {nearest}"
            )
        return curated.ENVIRONMENTS[nearest].requirements

    def _spread(
        self,
        run_config: RunConfiguration,
        nodes: int,
        processes: int,
        training: Any,
        backend: str | None,
        tensorflow: TensorflowConfiguration,
    ) -> None:
        """Set what a run of several processes or nodes needs; submitting one says that it is not carried out yet."""
        if isinstance(training, ParameterServer):
            tensorflow = TensorflowConfiguration(training.worker_count, training.parameter_server_count)
        if isinstance(training, Mpi):
            processes = training.process_count_per_node
        run_config.node_count = nodes
        if training is None and backend is None:
            if nodes > 1 or processes > 1:
                raise TrainingException(
                    f"{type(self).__name__}: node_count or process_count_per_node above 1 needs distributed_training"
                )
            return
        if isinstance(training, ParameterServer) or backend == "ps":
            run_config.framework, run_config.communicator = "TensorFlow", "ParameterServer"
            run_config.tensorflow = tensorflow
        elif isinstance(training, (Gloo, Nccl)) or backend in ("gloo", "nccl"):
            run_config.framework = "PyTorch"
            run_config.communicator = backend or type(training).__name__.lower()
        else:
            run_config.communicator = "IntelMpi"
            run_config.mpi = MpiConfiguration(processes, nodes)


class PyTorch(Estimator):
    """An estimator with PyTorch; see `Estimator`."""

    FRAMEWORK_NAME = "PyTorch"
    DEFAULT_VERSION = "1.4"


class TensorFlow(Estimator):
    """An estimator with TensorFlow; see `Estimator`."""

    FRAMEWORK_NAME = "TensorFlow"
    DEFAULT_VERSION = "1.13"


class SKLearn(Estimator):
    """An estimator with scikit-learn; see `Estimator`."""

    FRAMEWORK_NAME = "SKLearn"
    DEFAULT_VERSION = "0.20.3"


class Chainer(Estimator):
    """Refused: Chainer has no maintained environment. See `Estimator`."""

    FRAMEWORK_NAME = "Chainer"
    DEFAULT_VERSION = "5.1.0"


def _arguments(script_params: Mapping[str, Any] | None) -> list[Any]:
    """Return parameters as arguments; an empty text gives the name alone (v1's rule)."""
    words: list[Any] = []
    for name, value in (script_params or {}).items():
        words += [name] if isinstance(value, str) and not value else [name, value]
    return words


def _give(run_config: RunConfiguration, inputs: list[Any] | None) -> None:
    """Make datasets and data references the inputs of a run configuration."""
    run_config.data, run_config.data_references = {}, {}
    for each in inputs or []:
        if hasattr(each, "data_reference_name"):
            run_config.data_references[each.data_reference_name] = each
        elif hasattr(each, "dataset"):
            run_config.data[each.name] = each
        else:
            raise UserErrorException(
                f"inputs has a {type(each).__name__}; pass dataset.as_named_input('a_name'), or a data reference"
            )


def _requirements(path: str) -> list[str]:
    """Return the lines of a requirements file that name something."""
    try:
        with open(path, encoding="utf-8") as stream:
            lines = [line.split(" #")[0].strip() for line in stream]
    except OSError as error:
        raise TrainingException(f"the requirements file {path} can't be read: {error.strerror}") from error
    return [line for line in lines if line and not line.startswith("#")]
