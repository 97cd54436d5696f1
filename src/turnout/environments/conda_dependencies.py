"""CondaDependencies: the packages of an environment, in the form of a conda environment file.

Works on a plain dictionary in memory. An object loaded from a file keeps that file's comments and order until it is
saved again; ruamel.yaml is imported only for files and text.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from turnout.environments import files
from turnout.environments.conda_form import CHANNELS, PACKAGES, PIP, checked, package_name, python_version
from turnout.exceptions import EnvironmentException, UserErrorException

CONDA_FILE_NAME = "conda_dependencies.yml"
_ENVIRONMENT_NAME = "project_environment"
_DEFAULT_CHANNEL = "conda-forge"
_REPEATABLE_OPTIONS = (
    "--extra-index-url",
    "--find-links",
    "--trusted-host",
    "--no-binary",
    "--only-binary",
    "--editable",
)
_CORE_TYPES = ("cpu", "gpu")


class CondaDependencies:
    """The conda and pip packages, channels, and Python version of an environment.

    A new object holds no packages and names no Python: the run then gets the submitter's minor version, on every target
    (v1 wrote python=3.10.18 and azureml-defaults here; Turnout's runtime reaches the script without a package). The one
    default channel is conda-forge; v1's other one, anaconda, has terms of use of its own.

    Args:
        conda_dependencies_file_path: a conda environment file to load.

    Raises:
        EnvironmentException: the file is missing, is not YAML, or is not a conda environment file.
    """

    def __init__(
        self,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        self._path: str | None = None
        self._text = ""
        if conda_dependencies_file_path is not None:
            self._path = os.path.abspath(os.fspath(conda_dependencies_file_path))
            self._text = files.read_text(self._path, EnvironmentException)
            structure = files.parse_yaml(self._text, self._path, EnvironmentException)
        elif _underlying_structure is not None:
            structure = copy.deepcopy(_underlying_structure)
        else:
            structure = {"name": _ENVIRONMENT_NAME, PACKAGES: [], CHANNELS: [_DEFAULT_CHANNEL]}
        self._structure: dict[str, Any] = checked(structure, self._path or "the conda dependencies")

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Make an object from lists of packages.

        Args:
            pip_indexurl: the package index to use instead of the default one.
            pip_packages: pip requirements, such as `"numpy>=1.26"`.
            conda_packages: conda packages, such as `"numpy=1.26"`.
            python_version: such as `"3.11"`; None means the submitter's minor version.
            pin_sdk_version: accepted for v1's sake. It pinned the Azure ML SDK's own packages, which Turnout does
                without.
        """
        created = CondaDependencies()
        if python_version is not None:
            created.set_python_version(python_version)
        for package in _strings(conda_packages, "conda_packages"):
            created.add_conda_package(package)
        for package in _strings(pip_packages, "pip_packages"):
            created.add_pip_package(package)
        if pip_indexurl is not None:
            created.set_pip_index_url(pip_indexurl)
        return created

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> list[str]:
        """Join the pip requirements for one package into one: `["a==1", "a<2", "b"]` → `["a==1,<2", "b"]`."""
        from turnout.environments import requirement

        return requirement.merge(_strings(requirements, "requirements"))

    # What there is.

    @property
    def conda_channels(self) -> list[str]:
        """The channels, the first one first asked."""
        return [str(channel) for channel in self._structure.get(CHANNELS) or []]

    @property
    def conda_packages(self) -> list[str]:
        """The conda packages, with `python` if it is named."""
        return [str(item) for item in self._dependencies() if isinstance(item, str)]

    @property
    def pip_requirements(self) -> list[str]:
        """The whole pip section, options and packages, in order: the lines of a requirements file."""
        section = self._pip_section()
        return [] if section is None else [str(item) for item in section]

    @property
    def pip_packages(self) -> list[str]:
        """The pip requirements without the options."""
        return [line for line in self.pip_requirements if not line.startswith("-")]

    @property
    def pip_options(self) -> list[str]:
        """The lines of the pip section that are options, such as `--index-url …`."""
        return [line for line in self.pip_requirements if line.startswith("-")]

    @property
    def needs_conda(self) -> bool:
        """Whether a conda package other than python and pip is asked for."""
        return any(package_name(package) not in ("python", PIP) for package in self.conda_packages)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that a conda file may set in its `variables` section."""
        return {str(name): str(value) for name, value in (self._structure.get("variables") or {}).items()}

    def get_python_version(self) -> str | None:
        """Return the version of the python entry (`3.11`, `3.6.2`, `>=3.9`); None for the submitter's."""
        for package in self.conda_packages:
            if package_name(package) == "python":
                return python_version(package)
        return None

    def get_default_number_of_packages(self) -> int:
        """Return how many packages a new object starts with: none."""
        return 0

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain types, a copy: `name`, `dependencies`, `channels`."""
        plain: dict[str, Any] = files.plain(self._structure)
        return plain

    # Changing it.

    def add_channel(self, channel: str) -> None:
        """Add a channel after those that are there."""
        if channel not in self.conda_channels:
            if self._structure.get(CHANNELS) is None:
                self._structure[CHANNELS] = []
            self._structure[CHANNELS].append(channel)

    def remove_channel(self, channel: str) -> None:
        """Remove a channel; one that isn't there is no error."""
        _remove(self._structure.get(CHANNELS), lambda item: item == channel)

    def add_conda_package(self, conda_package: str) -> None:
        """Add a conda package; it takes the place of an entry for the same package."""
        name = package_name(conda_package)
        for position, item in enumerate(self._dependencies()):
            if isinstance(item, str) and package_name(item) == name:
                self._dependencies()[position] = conda_package
                return
        self._dependencies().insert(self._end_of_packages(), conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a conda package by name; a version in `conda_package` is passed over.

        Raises:
            UserErrorException: python can't be removed, as in v1.
        """
        name = package_name(conda_package)
        if name == "python":
            raise UserErrorException("python can't be removed from an environment; set_python_version changes it")
        _remove(self._dependencies(), lambda item: isinstance(item, str) and package_name(item) == name)

    def add_pip_package(self, pip_package: str) -> None:
        """Add a pip requirement; it takes the place of one for the same package."""
        from turnout.environments import requirement

        if not isinstance(pip_package, str) or not pip_package.strip():
            raise UserErrorException(f"a pip package is a requirement such as 'numpy>=1.26', not {pip_package!r}")
        section = self._make_pip_section()
        wanted = requirement.identity(pip_package)
        for position, item in enumerate(section):
            if not str(item).startswith("-") and requirement.identity(str(item)) == wanted:
                section[position] = pip_package
                return
        section.append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a pip requirement by name; a version in `pip_package` is passed over."""
        from turnout.environments import requirement

        wanted = requirement.identity(pip_package)
        self._remove_pip(lambda line: not line.startswith("-") and requirement.identity(line) == wanted)

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Replace the whole pip section, options and packages."""
        lines = _strings(pip_requirements, "pip_requirements")
        self._remove_pip(lambda line: True)
        if lines:
            self._make_pip_section().extend(lines)

    def set_pip_option(self, pip_option: str) -> None:
        """Set an option of pip, such as `--pre` or `--extra-index-url URL`, before the packages.

        An option that may be given more than once is added; any other takes the place of its former value.
        """
        from turnout.environments import requirement

        problem = requirement.problem(pip_option) if pip_option.startswith("-") else "an option begins with '-'"
        if problem is not None:
            raise UserErrorException(f"the pip option {pip_option!r} can't be used: {problem}")
        name, value = requirement.split_option(pip_option)
        if name in _REPEATABLE_OPTIONS:
            self._remove_pip(lambda line: line.startswith("-") and requirement.split_option(line) == (name, value))
        else:
            self._remove_pip(lambda line: line.startswith("-") and requirement.split_option(line)[0] == name)
        self._make_pip_section().insert(len(self.pip_options), pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove an option of pip: by its name all lines with it, by the whole line that one."""
        from turnout.environments import requirement

        name, value = requirement.split_option(pip_option)

        def meant(line: str) -> bool:
            found, its_value = requirement.split_option(line)
            return line.startswith("-") and found == name and value in ("", its_value)

        self._remove_pip(meant)

    def set_pip_index_url(self, index_url: str) -> None:
        """Set the package index that pip requirements are taken from."""
        self.set_pip_option(index_url if index_url.startswith("-") else f"--index-url {index_url}")

    def set_python_version(self, version: str) -> None:
        """Set the wanted Python, such as `"3.11"` or `"3.11.4"`.

        Raises:
            UserErrorException: it is no version.
        """
        if not re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}(\.\*)?", str(version)):
            raise UserErrorException(f"a Python version is like '3.11', not {version!r}")
        entry = f"python={version}"
        for position, item in enumerate(self._dependencies()):
            if isinstance(item, str) and package_name(item) == "python":
                self._dependencies()[position] = entry
                return
        self._dependencies().insert(0, entry)

    def add_tensorflow_conda_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow from conda: `tensorflow` or `tensorflow-gpu`."""
        self.add_conda_package(_tensorflow(core_type) + (f"={version}" if version else ""))

    def add_tensorflow_pip_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow from pip: `tensorflow`, or `tensorflow-gpu` (up to 2.11; later ones are one package)."""
        self.add_pip_package(_tensorflow(core_type) + (f"=={version}" if version else ""))

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Add CNTK from pip, in its last version, 2.7."""
        self.add_pip_package(("cntk" if _core_type(core_type) == "cpu" else "cntk-gpu") + "==2.7")

    # Files and text.

    def serialize_to_string(self) -> str:
        """Return the content of the conda environment file."""
        return files.format_yaml(self._structure, like=self._text)

    def save(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write the conda environment file.

        Args:
            path: the file; None means the one that this object was loaded from, else `conda_dependencies.yml` in the
                working directory.

        Returns:
            The path.

        Raises:
            UserErrorException: the path is a directory, or can't be written.
        """
        target = os.fspath(path) if path is not None else self._path or os.path.join(os.getcwd(), CONDA_FILE_NAME)
        if os.path.isdir(target):
            raise UserErrorException(f"{target} is a directory; give the file to save to")
        try:
            files.write_text(target, self.serialize_to_string())
        except OSError as failure:
            raise UserErrorException(f"{target} can't be written: {failure.strerror}", failure) from failure
        return target

    def save_to_file(
        self, base_directory: str | os.PathLike[str], conda_file_path: str | os.PathLike[str] | None = None
    ) -> str:
        """Write the conda environment file to `conda_file_path` in `base_directory`, and return `conda_file_path`.

        Raises:
            UserErrorException: the path is a directory, or can't be written.
        """
        name = os.fspath(conda_file_path) if conda_file_path is not None else CONDA_FILE_NAME
        self.save(os.path.join(os.fspath(base_directory), name))
        return name

    def serialize(self) -> dict[str, Any]:
        """Return what stands under `condaDependencies` in an environment's JSON."""
        return self.as_dict()

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], where: str = "") -> CondaDependencies:
        """Make an object from what `serialize` returned."""
        return cls(_underlying_structure=checked(data, where or "the conda dependencies"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CondaDependencies):
            return NotImplemented
        return self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        return f"CondaDependencies({self.as_dict()!r})"

    # The structure.

    def _dependencies(self) -> list[Any]:
        if self._structure.get(PACKAGES) is None:
            self._structure[PACKAGES] = []
        found: list[Any] = self._structure[PACKAGES]
        return found

    def _pip_section(self) -> list[Any] | None:
        for item in self._dependencies():
            if isinstance(item, dict):
                if item.get(PIP) is None:
                    item[PIP] = []
                section: list[Any] = item[PIP]
                return section
        return None

    def _make_pip_section(self) -> list[Any]:
        section = self._pip_section()
        if section is None:
            self._dependencies().append({PIP: []})
            section = self._pip_section()
            assert section is not None
        return section

    def _remove_pip(self, meant: Any) -> None:
        _remove(self._pip_section(), lambda item: meant(str(item)))
        if self._pip_section() == []:
            _remove(self._dependencies(), lambda item: isinstance(item, dict))

    def _end_of_packages(self) -> int:
        """Where the next conda package goes: after the others and before the pip section, as conda writes it."""
        dependencies = self._dependencies()
        return next((at for at, item in enumerate(dependencies) if isinstance(item, dict)), len(dependencies))


def _core_type(core_type: str) -> str:
    if core_type not in _CORE_TYPES:
        raise UserErrorException(f"core_type is 'cpu' or 'gpu', not {core_type!r}")
    return core_type


def _tensorflow(core_type: str) -> str:
    return "tensorflow" if _core_type(core_type) == "cpu" else "tensorflow-gpu"


def _strings(values: Iterable[str] | None, what: str) -> list[str]:
    """Return a list of strings; one string instead of a list is a mistake that would be read letter by letter."""
    if values is None:
        return []
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UserErrorException(f"{what} must be a list of strings, not {values!r}")
    listed = list(values)
    for value in listed:
        if not isinstance(value, str):
            raise UserErrorException(f"{what} must be a list of strings, not one with {value!r}")
    return listed


def _remove(items: list[Any] | None, meant: Any) -> None:
    """Remove in place, so that the comments on the other lines of a loaded file stay."""
    for position in range(len(items or []) - 1, -1, -1):
        assert items is not None
        if meant(items[position]):
            del items[position]
