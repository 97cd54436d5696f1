"""The sections of an Environment, with v1's attributes: python, docker, spark, R.

Descriptions only: which of them Turnout carries out is said by `turnout.config.capabilities` and the environment kinds.
"""

from __future__ import annotations

import os
import re
from typing import Any, Literal

from turnout.elements import ConfigElement, Field, warn
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.exceptions import EnvironmentException

DEFAULT_INTERPRETER = "python"
DEFAULT_SHM_SIZE = "2g"
V1_IMAGES = "mcr.microsoft.com/azureml/"
"""v1 wrote an image of these into every definition; without `docker.enabled` it meant nothing on a local target."""


class PythonSection(ConfigElement):
    """Which Python and which packages.

    Attributes:
        user_managed_dependencies: True when nothing is to be built: the script runs with `interpreter_path`.
        interpreter_path: the interpreter; used, as in v1, only with `user_managed_dependencies`.
        conda_dependencies: the packages to build from.

    Args:
        **kwargs: v1's own; a warning names those that begin with no underscore, as attributes are set afterwards.
    """

    user_managed_dependencies: bool
    interpreter_path: str
    conda_dependencies: CondaDependencies
    _conda_dependencies_file: str | None
    _base_conda_environment: str | None
    _python_override: str | None

    FIELDS = (
        Field("user_managed_dependencies", "userManagedDependencies", bool, False),
        Field("interpreter_path", "interpreterPath", str, DEFAULT_INTERPRETER),
        # Where the packages were read from; what they are counts.
        Field("_conda_dependencies_file", "condaDependenciesFile", str, compare=False),
        Field("_base_conda_environment", "baseCondaEnvironment", str),
        Field("conda_dependencies", "condaDependencies", CondaDependencies, CondaDependencies),
        Field("_python_override", "pythonOverride", beyond=True),
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        _say_unused(self, kwargs)

    @property
    def conda_dependencies_file(self) -> str | None:
        """The conda environment file that the packages were read from. Setting it reads the file at once."""
        return self._conda_dependencies_file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path: str | os.PathLike[str] | None) -> None:
        if path is not None:
            self.conda_dependencies = CondaDependencies(path)
        self._conda_dependencies_file = None if path is None else os.fspath(path)

    @property
    def base_conda_environment(self) -> str | None:
        """The name (or path) of a conda environment on this machine to build upon.

        Its packages, at their versions, are put in when the environment is resolved; `conda_dependencies` come on top.
        """
        return self._base_conda_environment

    @base_conda_environment.setter
    def base_conda_environment(self, name: str | None) -> None:
        self._base_conda_environment = name

    @property
    def python_version(self) -> str | None:
        """The wanted Python, such as `3.11`; None for the submitter's minor version or the person's own interpreter.

        Setting it (beyond v1) overrides what the packages ask for, which stays there to be read; None takes that back. It
        is for old specifications, whose Python can't be had any more.
        """
        if self.user_managed_dependencies:
            return None
        if self._python_override is not None or self.conda_dependencies is None:
            return self._python_override
        return self.conda_dependencies.get_python_version()

    @python_version.setter
    def python_version(self, version: str | None) -> None:
        if version is not None and not (isinstance(version, str) and re.fullmatch(r"\d+\.\d+(\.\d+)?", version)):
            raise EnvironmentException(f"a Python version is like '3.11', not {version!r}")
        if version is not None and self.user_managed_dependencies:
            raise EnvironmentException(
                "the Python of an interpreter of your own can't be chosen; name another interpreter, or packages to install"
            )
        self._python_override = version


class RegistryIdentity(ConfigElement):
    """The managed identity that v1 logged in to a container registry with."""

    resource_id: str | None
    client_id: str | None

    FIELDS = (Field("resource_id", "resourceId"), Field("client_id", "clientId"))


class ContainerRegistry(ConfigElement):
    """Where a container image lies.

    Attributes:
        address: the registry's host name.
        username: who logs in there.
        password: never shown; see `turnout.config.capabilities` for why a run refuses it.
    """

    address: str | None
    username: str | None
    password: str | None
    registry_identity: RegistryIdentity | None

    FIELDS = (
        Field("address", "address"),
        Field("username", "username"),
        Field("password", "password", secret=True),
        Field("registry_identity", "registryIdentity", RegistryIdentity),
    )


class DockerImagePlatform(ConfigElement):
    """The platform of a container image."""

    os: str
    architecture: str

    FIELDS = (Field("os", "os", str, "Linux"), Field("architecture", "architecture", str, "amd64"))


class DockerBuildContext(ConfigElement):
    """Where v1 found the files that a Dockerfile copies."""

    location_type: str | None
    location: str | None
    dockerfile_path: str

    FIELDS = (
        Field("location_type", "locationType"),
        Field("location", "location"),
        Field("dockerfile_path", "dockerfilePath", str, "Dockerfile"),
    )

    def __init__(
        self, location_type: str | None = None, location: str | None = None, dockerfile_path: str = "Dockerfile"
    ) -> None:
        super().__init__()
        self.location_type = location_type
        self.location = location
        self.dockerfile_path = dockerfile_path


class DockerSection(ConfigElement):
    """The container that a run happens in.

    `base_image`, `base_dockerfile` and `build_context` exclude each other: setting one clears the others. No image is
    named by default, where v1 named one of Microsoft's.

    Args:
        **kwargs: see `PythonSection`.
    """

    base_image_registry: ContainerRegistry
    platform: DockerImagePlatform
    _enabled: bool
    _base_image: str | None
    _base_dockerfile: str | None
    _build_context: DockerBuildContext | None
    _shared_volumes: bool
    _shm_size: str
    _arguments: list[str]

    FIELDS = (
        Field("_enabled", "enabled", bool, False),
        Field("_base_image", "baseImage"),
        Field("_base_dockerfile", "baseDockerfile"),
        Field("_build_context", "buildContext", DockerBuildContext),
        Field("_shared_volumes", "sharedVolumes", bool, True),
        Field("_shm_size", "shmSize", str, DEFAULT_SHM_SIZE),
        Field("_arguments", "arguments", list, list),
        Field("base_image_registry", "baseImageRegistry", ContainerRegistry, ContainerRegistry),
        Field("platform", "platform", DockerImagePlatform, DockerImagePlatform),
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        _say_unused(self, kwargs)

    @property
    def enabled(self) -> bool:
        """Whether the run happens in a container."""
        return self._enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._enabled = value

    @property
    def base_image(self) -> str | None:
        """The image to start from."""
        return self._base_image

    @base_image.setter
    def base_image(self, image: str | None) -> None:
        self._set_base("_base_image", image)

    @property
    def base_dockerfile(self) -> str | None:
        """The text of a Dockerfile; may be set as text, as a path, or as an open file."""
        return self._base_dockerfile

    @base_dockerfile.setter
    def base_dockerfile(self, dockerfile: Any) -> None:
        self._set_base("_base_dockerfile", dockerfile_text(dockerfile))

    @property
    def build_context(self) -> DockerBuildContext | None:
        """The Dockerfile with the files that it copies."""
        return self._build_context

    @build_context.setter
    def build_context(self, context: DockerBuildContext | None) -> None:
        self._set_base("_build_context", context)

    @property
    def shared_volumes(self) -> bool:
        """Whether directories are shared with the container."""
        return self._shared_volumes

    @shared_volumes.setter
    def shared_volumes(self, value: bool) -> None:
        self._shared_volumes = value

    @property
    def shm_size(self) -> str:
        """The size of the container's shared memory, such as `2g`."""
        return self._shm_size

    @shm_size.setter
    def shm_size(self, size: str) -> None:
        self._shm_size = size

    @property
    def arguments(self) -> list[str]:
        """Further arguments for the container engine."""
        return self._arguments

    @arguments.setter
    def arguments(self, arguments: list[str]) -> None:
        self._arguments = arguments

    @property
    def gpu_support(self) -> Literal[True]:
        """Always True: as in v1, whether there are GPUs is found out, not asked. Setting it only warns."""
        return True

    @gpu_support.setter
    def gpu_support(self, value: bool) -> None:
        warn("docker.gpu_support has no effect, as in v1: whether there are GPUs is found out where the run happens")

    def _set_base(self, attribute: str, value: Any) -> None:
        if value is not None:
            for other in ("_base_image", "_base_dockerfile", "_build_context"):
                if other != attribute and getattr(self, other) is not None:
                    warn(f"docker.{other[1:]} is cleared, since docker.{attribute[1:]} is set")
                    setattr(self, other, None)
        setattr(self, attribute, value)


class SparkPackage(ConfigElement):
    """A package by its Maven coordinates."""

    group: str | None
    artifact: str | None
    version: str | None

    FIELDS = (Field("group", "group"), Field("artifact", "artifact"), Field("version", "version"))

    def __init__(self, group: str | None = None, artifact: str | None = None, version: str | None = None) -> None:
        super().__init__()
        self.group = group
        self.artifact = artifact
        self.version = version


class SparkSection(ConfigElement):
    """The packages of Spark's driver and executors.

    Args:
        **kwargs: see `PythonSection`.
    """

    repositories: list[str]
    packages: list[SparkPackage]
    precache_packages: bool

    FIELDS = (
        Field("repositories", "repositories", list, list),
        Field("packages", "packages", list, list, of=SparkPackage),
        Field("precache_packages", "precachePackages", bool, True),
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        _say_unused(self, kwargs)


class RCranPackage(ConfigElement):
    """An R package from CRAN."""

    name: str | None
    version: str | None
    repository: str | None

    FIELDS = (Field("name", "name"), Field("version", "version"), Field("repository", "repository"))


class RGitHubPackage(ConfigElement):
    """An R package from GitHub."""

    repository: str | None
    auth_token: str | None

    FIELDS = (Field("repository", "repository"), Field("auth_token", "authToken", secret=True))


class RSection(ConfigElement):
    """R and its packages. Kept so that v1's files stay whole; Turnout runs no R."""

    r_version: str | None
    user_managed: bool
    rscript_path: str | None
    snapshot_date: str | None
    cran_packages: list[RCranPackage] | None
    github_packages: list[RGitHubPackage] | None
    custom_url_packages: list[str] | None
    bioconductor_packages: list[str] | None

    FIELDS = (
        Field("r_version", "rVersion"),
        Field("user_managed", "userManaged", bool, False),
        Field("rscript_path", "rscriptPath"),
        Field("snapshot_date", "snapshotDate"),
        Field("cran_packages", "cranPackages", list, of=RCranPackage),
        Field("github_packages", "githubPackages", list, of=RGitHubPackage),
        Field("custom_url_packages", "customUrlPackages", list),
        Field("bioconductor_packages", "bioconductorPackages", list),
    )


def _say_unused(section: ConfigElement, given: dict[str, Any]) -> None:
    named = sorted(name for name in given if not name.startswith("_"))
    if named:
        kind = type(section).__name__
        warn(
            f"{kind} does not use {', '.join(named)}, as in v1; set them as attributes, such as section.{named[0]} = …"
        )


def dockerfile_text(dockerfile: Any) -> str | None:
    """Return the text of a Dockerfile that was given as text, as a path, or as an open file.

    Raises:
        EnvironmentException: it is neither a Dockerfile's text nor an existing file.
    """
    if dockerfile is None:
        return None
    if hasattr(dockerfile, "read"):
        content = dockerfile.read()
        return content.decode("utf-8") if isinstance(content, bytes) else str(content)
    given: str = os.fspath(dockerfile)
    if isinstance(dockerfile, str) and ("\n" in given or given.lstrip()[:5].upper().startswith(("FROM ", "ARG ", "#"))):
        return given
    from turnout.environments import files

    return files.read_text(given, EnvironmentException)
