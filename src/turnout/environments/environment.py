"""Environment: which packages, variables and container a run gets, with v1's attributes, JSON and constructors."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from turnout.elements import ConfigElement, Field, warn
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.sections import ContainerRegistry, DockerSection, PythonSection, RSection, SparkSection
from turnout.exceptions import EnvironmentException, RunConfigurationException, UserErrorException
from turnout.runtime.script.refusals import refuse

if TYPE_CHECKING:
    from turnout.environments.image_details import DockerImageDetails, ImageBuildDetails
    from turnout.runtime.layout import WorkspaceLayout

Path = str | os.PathLike[str]
SECRETS_KEY = "secretVariables"


class HasLayout(Protocol):
    """What of a Workspace an environment needs: where its files lie."""

    @property
    def layout(self) -> WorkspaceLayout:
        """The files of the workspace."""
        ...


def _named_secrets(data: Any, where: str) -> dict[str, str | None]:
    """Read the names of secrets; what was serialised or is kept in a file has no values."""
    if not isinstance(data, (list, Mapping)) or not all(isinstance(name, str) for name in data):
        raise RunConfigurationException(f"{where} must be a list of the names of variables")
    if isinstance(data, Mapping) and any(value is not None for value in data.values()):
        raise RunConfigurationException(
            f"{where} holds the value of a secret, and it is a list of names only; take the value out, and have it in "
            "a variable of that name when you submit"
        )
    return dict.fromkeys(data)


class Environment(ConfigElement):
    """The packages, variables and container of a run.

    `Environment("x")` alone means the submitter's minor version of Python, on every target, and no packages. What
    v1 put into every new environment (azureml-defaults, a Microsoft image, an example variable) isn't there: Turnout
    needs none of it.

    Args:
        name: the name to register it under; None for one that is not registered.

    Raises:
        UserErrorException: the name is not a string.
    """

    name: str | None
    version: str | None
    python: PythonSection
    docker: DockerSection
    spark: SparkSection
    databricks: dict[str, Any] | None
    r: RSection | None
    inferencing_stack_version: str | None
    asset_id: str | None
    _environment_variables: dict[str, str]
    _secret_variables: dict[str, str | None]

    FIELDS = (
        Field("name", "name"),
        Field("version", "version"),
        Field("_environment_variables", "environmentVariables", dict, dict),
        Field("python", "python", PythonSection, PythonSection),
        Field("docker", "docker", DockerSection, DockerSection),
        Field("spark", "spark", SparkSection, SparkSection),
        Field("databricks", "databricks", object),
        Field("r", "r", RSection),
        Field("inferencing_stack_version", "inferencingStackVersion"),
        Field("asset_id", "assetId"),
        Field("_secret_variables", SECRETS_KEY, dict, dict, secret=True, read=_named_secrets),
    )

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__()
        if name is not None and not isinstance(name, str):
            raise UserErrorException(f"an environment's name is a string, not {name!r}")
        self.name = name
        if kwargs:
            warn(f"Environment({name!r}) does not use {', '.join(sorted(kwargs))}, as in v1")

    @property
    def environment_variables(self) -> dict[str, str]:
        """The variables that a script in this environment gets; a run configuration's own come on top."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, variables: Mapping[str, str] | None) -> None:
        self._environment_variables = variables_of(variables)

    @property
    def secret_variables(self) -> dict[str, str | None]:
        """The variables that a script in this environment gets and no record holds (beyond v1): names to values.

        None instead of a value means the submitter's own variable of that name, when the run is submitted. Values stay in
        this process: what is serialised, registered or saved keeps the names.
        """
        return self._secret_variables

    @secret_variables.setter
    def secret_variables(self, variables: Mapping[str, str | None] | None) -> None:
        given = {} if variables is None else variables
        if not isinstance(given, Mapping) or not all(
            isinstance(name, str) and (value is None or isinstance(value, str)) for name, value in given.items()
        ):
            raise UserErrorException("secret variables are a mapping of names to strings, or to None")
        self._secret_variables = dict(given)

    def serialize(self) -> dict[str, Any]:
        """Return v1's JSON of an environment; of secret variables, where there are any, the names alone.

        Raises:
            RunConfigurationException: an attribute holds something of the wrong type; the message names it.
        """
        serialized = super().serialize()
        if serialized.pop(SECRETS_KEY):
            serialized[SECRETS_KEY] = sorted(self._secret_variables)
        return serialized

    # Made from something.

    @staticmethod
    def from_pip_requirements(name: str, file_path: Path, pip_version: str | None = None) -> Environment:
        """Make an environment from a requirements file.

        Options such as `--index-url`, hashes, `-e .` and URLs are kept; files named by `-r` are put in.

        Args:
            name: the environment's name.
            file_path: the requirements file.
            pip_version: the version of pip to have in the environment.

        Raises:
            EnvironmentException: the file can't be read, or a line is malformed.
        """
        from turnout.environments import requirements_file

        environment = Environment(name)
        packages = environment.python.conda_dependencies
        packages.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        packages.set_pip_requirements(requirements_file.read(file_path))
        return environment

    @staticmethod
    def from_conda_specification(name: str, file_path: Path) -> Environment:
        """Make an environment from a conda environment file.

        The file's `variables` become the environment's variables. A file that names no Python gets the submitter's.

        Raises:
            EnvironmentException: the file can't be read or is not a conda environment file.
        """
        environment = Environment(name)
        packages = CondaDependencies(file_path)
        environment.python.conda_dependencies = packages
        environment.environment_variables = packages.variables
        return environment

    @staticmethod
    def from_pyproject(name: str, file_path: Path) -> Environment:
        """Make an environment from the `[project]` table of a pyproject.toml (beyond v1).

        The project itself is not installed: the source directory is on the script's path anyhow. The submitter's Python
        is used where `requires-python` admits it, else the newest version that it admits.

        Raises:
            EnvironmentException: the file can't be read, or it names no dependencies.
        """
        from turnout.environments import requirements_file

        return _with_requirements(name, *requirements_file.read_pyproject(file_path))

    @staticmethod
    def from_uv_lock(name: str, file_path: Path) -> Environment:
        """Make an environment from a uv.lock (beyond v1): exactly what it names, with its hashes.

        Development groups and optional extras are left out. The project itself is not installed: see `from_pyproject`.

        Raises:
            EnvironmentException: the file can't be read, or is no uv.lock.
        """
        from turnout.environments import uv_lock

        return _with_requirements(name, *uv_lock.read(file_path))

    @staticmethod
    def from_current(name: str) -> Environment:
        """Make an environment from the packages of the active interpreter, each at its version (beyond v1).

        That is the interpreter that `turnout submit --environment current` would use. What it got from a URL or a
        repository keeps that; what pip leaves out of its list of packages (pip itself, setuptools) is left out here too.

        Raises:
            EnvironmentException: there is no interpreter, or it does not run.
        """
        from turnout.environments import current, specification

        version, requirements = current.pinned(specification.current_interpreter(os.environ))
        return _with_requirements(name, requirements, version)

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment:
        """Make an environment from what a conda environment on this machine holds; conda itself isn't needed.

        Args:
            name: the environment's name.
            conda_environment_name: the conda environment's name, or (beyond v1) the path of its directory.

        Raises:
            EnvironmentException: there is no such environment.
        """
        from turnout.environments import conda_export

        environment = Environment(name)
        environment.python.conda_dependencies = conda_export.export(conda_environment_name)
        return environment

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: Path | None = None,
        pip_requirements: Path | None = None,
    ) -> Environment:
        """Make an environment that is a container of an image.

        Args:
            name: the environment's name.
            image: the image, with its tag.
            container_registry: where the image lies, if not in the default registry.
            conda_specification: a conda environment file to install on top.
            pip_requirements: a requirements file to install on top. With neither, the image's own Python is used.

        Raises:
            EnvironmentException: both files are given, or one can't be read.
        """
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.enabled = True
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: Any,
        conda_specification: Path | None = None,
        pip_requirements: Path | None = None,
    ) -> Environment:
        """Make an environment that is a container of a Dockerfile.

        Args:
            name: the environment's name.
            dockerfile: its text, its path, or the open file.
            conda_specification: a conda environment file to install on top.
            pip_requirements: a requirements file to install on top. With neither, the image's own Python is used.

        Raises:
            EnvironmentException: both files are given, or one can't be read.
        """
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.enabled = True
        environment.docker.base_dockerfile = dockerfile
        return environment

    # Kept in a workspace.

    @staticmethod
    def get(workspace: HasLayout, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """Return a registered or a curated environment.

        Args:
            workspace: where it was registered.
            name: its name.
            version: which version; None means the latest.
            label: or which label.

        Raises:
            UserErrorException: both version and label are given.
            EnvironmentException: there is no such environment; the message lists what there is.
        """
        from turnout.environments import registry

        return registry.get(workspace.layout, name, version, label)

    @staticmethod
    def list(workspace: HasLayout) -> dict[str, Environment]:
        """Return the registered and the curated environments by name, each in its latest version."""
        from turnout.environments import registry

        return registry.latest(workspace.layout)

    def register(self, workspace: HasLayout) -> Environment:
        """Keep this environment in a workspace, under its name and the next number.

        Registering what is the latest version already gives that version again.

        Returns:
            The environment as registered, with its version.

        Raises:
            EnvironmentException: the name is reserved or can't be used, or the wanted version holds something else.
        """
        from turnout.environments import registry

        return registry.register(workspace.layout, self)

    @staticmethod
    def label(workspace: HasLayout, name: str, version: str, labels: Iterable[str]) -> None:
        """Give a version of an environment labels; each label is moved from the version that had it.

        Raises:
            EnvironmentException: there is no such version.
        """
        from turnout.environments import registry

        registry.label(workspace.layout, name, version, labels)

    # Built on this machine.

    def build(self, workspace: HasLayout, image_build_compute: str | None = None) -> ImageBuildDetails:
        """Begin to build this environment on this machine, as the first run of it would; resolved first if it has no lock.

        Args:
            workspace: where the lock is kept.
            image_build_compute: v1's cluster to build on; not used.

        Returns:
            The build under way: `wait_for_completion`, `status`, `get_log`.
        """
        from turnout.environments import building

        if image_build_compute is not None:
            warn("build() has no use for image_build_compute: environments are built where their runs are")
        return building.begin(self.serialize(), workspace.layout)

    def build_local(self, workspace: HasLayout, platform: Any = None, **kwargs: Any) -> str:
        """Build this environment on this machine with the log on standard output, and return the path of its Python.

        Args:
            workspace: where the lock is kept.
            platform: v1's platform of a Docker image; this machine's own is used.
            **kwargs: v1's further arguments (`useDocker`, `pushImageToWorkspaceAcr`), which have no meaning here.

        Raises:
            EnvironmentException: it can't be resolved or built.
        """
        from turnout.environments import building

        unused = [*(["platform"] if platform is not None else []), *sorted(kwargs)]
        if unused:
            warn(f"build_local() has no use for {', '.join(unused)}: what is built is decided by the environment")
        return building.here(self.serialize(), workspace.layout)

    def get_image_details(self, workspace: HasLayout) -> DockerImageDetails:
        """Return what is built of this environment on this machine, in v1's form.

        No image is in any registry; the interpreter is named once the environment is built here.
        """
        from turnout.environments import building

        return building.details(self.serialize(), workspace.layout)

    @staticmethod
    def add_private_pip_wheel(workspace: HasLayout, file_path: Path, exist_ok: bool = False) -> str:
        """Keep a wheel in a workspace, and return what to give to `CondaDependencies.add_pip_package`.

        Args:
            workspace: where to keep it.
            file_path: the wheel.
            exist_ok: whether the workspace may have a wheel of that name. If it holds something else, both are kept.

        Returns:
            A `file:` URL: environments with it are built on this machine.

        Raises:
            EnvironmentException: it can't be read, isn't named like a wheel, or there is one of that name.
        """
        from turnout.environments import private_wheels

        return private_wheels.add(workspace.layout, os.fspath(file_path), exist_ok)

    # Copied and kept in files.

    def clone(self, new_name: str) -> Environment:
        """Return a copy under another name, not registered."""
        cloned = copy.deepcopy(self)
        cloned.name = new_name
        cloned.version = None
        cloned.asset_id = None
        return cloned

    def save_to_directory(self, path: Path, overwrite: bool = False) -> None:
        """Write the environment into a directory, in v1's files.

        Raises:
            FileExistsError: the directory exists and `overwrite` is False, as in v1.
        """
        from turnout.environments import directory

        directory.save(self, os.fspath(path), overwrite)

    @staticmethod
    def load_from_directory(path: Path) -> Environment:
        """Read what `save_to_directory` has written.

        Raises:
            EnvironmentException: the directory does not hold an environment.
        """
        from turnout.environments import directory

        return directory.load(os.fspath(path))


REFUSED = {
    "from_docker_build_context": "give the Dockerfile to from_dockerfile; it can't COPY files of this machine yet",
    "_conda_file_path": "python.conda_dependencies has the packages",
}
"""Members of v1's Environment that are not there → what to use instead."""
refuse(Environment, REFUSED, ("_conda_file_path",))


class EnvironmentReference(ConfigElement):
    """A registered environment by name, and by version if one is given; looked up when the run is submitted."""

    name: str
    version: str | None

    FIELDS = (Field("name", "name"), Field("version", "version"))

    def __init__(self, name: str, version: str | None = None) -> None:
        super().__init__()
        self.name = name
        self.version = version

    def get_environment(self, workspace: HasLayout) -> Environment:
        """Return the environment that is meant.

        Raises:
            EnvironmentException: there is none.
        """
        return Environment.get(workspace, self.name, self.version)


def variables_of(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return environment variables as a dictionary of their own.

    Raises:
        UserErrorException: it is no mapping.
    """
    if variables is not None and not isinstance(variables, Mapping):
        raise UserErrorException(f"environment variables are a mapping of names to values, not {variables!r}")
    return dict(variables or {})


def _with_requirements(name: str, requirements: Iterable[str], python_version: str | None) -> Environment:
    environment = Environment(name)
    environment.python.conda_dependencies = CondaDependencies.create(python_version=python_version)
    environment.python.conda_dependencies.set_pip_requirements(requirements)
    return environment


def _with_packages(name: str, conda_specification: Path | None, pip_requirements: Path | None) -> Environment:
    """Return an environment with the packages to install on top of an image; with none, the image's own are used."""
    if conda_specification is not None and pip_requirements is not None:
        raise EnvironmentException("give conda_specification or pip_requirements, not both")
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    environment = Environment(name)
    environment.python.user_managed_dependencies = True
    return environment
