"""Reads and writes run configuration files: YAML or JSON, in v1's keys, places and companions.

A configuration called NAME lies in `.azureml/` (or `aml_config/`) of a source directory, as `NAME` or
`NAME.runconfig`; its packages lie beside it in a conda environment file. Saving over an existing file changes what
changed and nothing else: comments, order, keys that Turnout does not know stay, and defaults are not spelt out. Other
packages' files are never overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from turnout.config.run_configuration import RunConfiguration, default_environment
from turnout.elements import ConfigElement, Field, names, normal_key, warn
from turnout.environments import files
from turnout.environments.conda_dependencies import CONDA_FILE_NAME, CondaDependencies
from turnout.environments.environment import SECRETS_KEY, Environment, EnvironmentReference
from turnout.exceptions import RunConfigurationException, UserErrorException

EXTENSION = ".runconfig"
CONFIG_DIRECTORIES = (".azureml", "aml_config")
ENVIRONMENT_FILE_NAME = "environment.yml"
_FILE_SUFFIXES = (EXTENSION, ".yml", ".yaml", ".json")
# Switches of older versions of v1, which say nothing that still holds.
_PASSED_OVER = {"autoprepareenvironment", "gpusupport", "prepareenvironment", "trackedrun", "usesampling"}


def load(path: str, name: str | None = None) -> RunConfiguration:
    """Read a run configuration.

    Args:
        path: the file; or a source directory, with a `name`.
        name: the configuration's name, with or without `.runconfig`.

    Raises:
        UserErrorException: there is no such file.
        RunConfigurationException: it can't be understood; the message names the file and the key.
    """
    found = _find(path, name)
    if found is None:
        known = sorted({os.path.basename(candidate) for candidate in _listed(path)})
        raise UserErrorException(
            f"there is no run configuration {name or ''!r} in {path}; there is: {', '.join(known) or 'none'}"
            if os.path.isdir(path)
            else f"there is no run configuration file {path}"
        )
    data = _modern(_read(found), found)
    if isinstance(_get(data, "environment"), str):
        data["environment"] = _read(_beside(found, _get(data, "environment")))
    unknown = [
        key for key in RunConfiguration.unknown_keys(data) if normal_key(key.rpartition(".")[2]) not in _PASSED_OVER
    ]
    if unknown:
        warn(f"{found}: not known and not used: {', '.join(unknown)}")
    try:
        loaded = RunConfiguration.deserialize(data)
    except UserErrorException as failure:
        raise RunConfigurationException(f"{found}: {failure.message}", failure) from failure
    _load_packages(loaded, data, found)
    loaded._path, loaded._name = _root(found), os.path.basename(found)
    return loaded


def save(
    run_config: RunConfiguration, path: str | None, name: str | None = None, separate_environment_yaml: bool = False
) -> str:
    """Write a run configuration.

    Args:
        run_config: what to write.
        path: the file; or a source directory, whose `.azureml` is made when it isn't there. None means where the
            configuration was loaded from, else the working directory.
        name: the file's name in that directory, taken as it is: give `x.runconfig` for an extension, as in v1. None
            means the name under which the configuration was loaded.
        separate_environment_yaml: whether the environment gets a file of its own.

    Returns:
        The path of the file.

    Raises:
        UserErrorException: there is no such directory, no name, or the file can't be written.
    """
    target = _place(path or run_config._path or os.getcwd(), name or run_config._name)
    definition = run_config.serialize()
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        existing = _read(target, keep_comments=True) if os.path.exists(target) else None
        named = held = _get(existing or {}, "environment")
        if isinstance(held, str):
            held = _read(_beside(target, held), keep_comments=True)
        if existing is not None and named is None and run_config.environment == default_environment():
            definition.pop("environment")  # the file names none and means this one
        elif isinstance(run_config.environment, Environment):
            _save_packages(run_config.environment, definition["environment"], held, target)
            if separate_environment_yaml:
                own_file = named if isinstance(named, str) else None
                definition["environment"] = _save_environment(definition["environment"], held, own_file, target)
        _write(target, _merged(existing, definition))
    except OSError as failure:
        raise UserErrorException(f"{target} can't be written: {failure.strerror}", failure) from failure
    return target


def delete(path: str, name: str) -> None:
    """Delete a run configuration's file; the packages beside it stay.

    Raises:
        UserErrorException: there is no such file.
    """
    found = _find(path, name)
    if found is None:
        raise UserErrorException(f"there is no run configuration {name!r} in {path}")
    os.unlink(found)


# Where it is.


def _candidates(directory: str, name: str) -> Iterator[str]:
    for folder in CONFIG_DIRECTORIES:
        yield os.path.join(directory, folder, name)
        yield os.path.join(directory, folder, name + EXTENSION)
    yield os.path.join(directory, name + EXTENSION)
    yield os.path.join(directory, name)


def _find(path: str, name: str | None) -> str | None:
    if os.path.isfile(path):
        return os.path.abspath(path)
    if name is None:
        return None
    found = next(filter(os.path.isfile, _candidates(path, name)), None)
    return None if found is None else os.path.abspath(found)


def _listed(directory: str) -> Iterator[str]:
    for folder in ("", *CONFIG_DIRECTORIES):
        try:
            entries = os.listdir(os.path.join(directory, folder))
        except OSError:
            continue
        yield from (entry for entry in entries if entry.endswith(EXTENSION))


def _place(path: str, name: str | None) -> str:
    """Return the file to write."""
    if os.path.isfile(path) or (not os.path.isdir(path) and path.endswith(_FILE_SUFFIXES)):
        return os.path.abspath(path)
    if not os.path.isdir(path):
        raise UserErrorException(f"there is no directory {path} to save the run configuration in")
    if not name:
        raise UserErrorException("the run configuration has no name to be saved under; give save() a name")
    found = _find(path, name)
    if found is not None:
        return found
    folder = next((each for each in CONFIG_DIRECTORIES if os.path.isdir(os.path.join(path, each))), ".azureml")
    return os.path.abspath(os.path.join(path, folder, name))


def _root(file: str) -> str:
    """Return the directory that paths in a configuration file are relative to: the source directory."""
    directory = os.path.dirname(file)
    return os.path.dirname(directory) if os.path.basename(directory) in CONFIG_DIRECTORIES else directory


def _beside(file: str, named: str) -> str:
    """Return the file that a configuration file names: from the source directory, else from its own directory.

    Raises:
        RunConfigurationException: it is in neither.
    """
    for base in (_root(file), os.path.dirname(file)):
        path = os.path.join(base, named)
        if os.path.isfile(path):
            return path
    raise RunConfigurationException(f"{file} names the file {named}, which does not exist")


# What is in it.


def _read(path: str, keep_comments: bool = False) -> dict[str, Any]:
    text = files.read_text(path, RunConfigurationException)
    data: Any = None
    if text.lstrip().startswith("{"):
        try:
            data = json.loads(text)
        except ValueError:
            pass  # YAML has such mappings too
    if data is None:
        data = files.parse_yaml(text, path, RunConfigurationException)
        data = data if keep_comments else files.plain(data)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise RunConfigurationException(f"{path} is not a run configuration: it must be a mapping")
    return data


def _get(data: dict[str, Any], name: str) -> Any:
    """Return the value of the key that means `name`, however it is spelt."""
    return next((value for key, value in data.items() if normal_key(str(key)) == normal_key(name)), None)


def _modern(data: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a configuration of v1's first form (ArgumentVector, CondaDependenciesFile, …) in the later one."""
    vector = _get(data, "ArgumentVector")
    if _get(data, "environment") is not None or vector is None:
        return data
    if not isinstance(vector, list) or not vector:
        raise RunConfigurationException(f"{path}: ArgumentVector must be a list that begins with the script")
    moved = {"argumentvector", "condadependenciesfile", "usermanagedenvironment"}
    modern = {key: value for key, value in data.items() if normal_key(str(key)) not in moved}
    modern["script"], modern["arguments"] = vector[0], vector[1:]
    python: dict[str, Any] = {"userManagedDependencies": bool(_get(data, "UserManagedEnvironment"))}
    packages = _get(data, "CondaDependenciesFile")
    if packages is not None:
        python["condaDependenciesFile"] = packages
    modern["environment"] = {"python": python}
    return modern


def _load_packages(run_config: RunConfiguration, data: dict[str, Any], found: str) -> None:
    """Read the conda file that the environment names, unless the packages stand in the configuration itself."""
    environment: Environment | EnvironmentReference = run_config.environment
    if not isinstance(environment, Environment):
        return
    python = environment.python
    named = python.conda_dependencies_file
    given = _get(_get(data, "environment") or {}, "python") or {}
    if named is None or _get(given, "condaDependencies") is not None:
        return
    try:
        python.conda_dependencies = CondaDependencies(_beside(found, named))
    except RunConfigurationException:
        if not python.user_managed_dependencies:  # which needs no packages, and v1 wrote the name all the same
            raise


# Writing it.


def _merged(existing: dict[str, Any] | None, definition: dict[str, Any]) -> dict[str, Any]:
    """Return what to write: `definition`, put into what the file holds already."""
    if existing is None or _get(existing, "ArgumentVector") is not None:
        return definition
    _update(existing, definition, RunConfiguration, RunConfiguration().serialize())
    if "environment" in definition:
        key = _spelt(existing, "environment") or "environment"
        existing[key] = _merged_environment(existing.get(key), definition["environment"])
    return existing


def _merged_environment(held: Any, wanted: Any) -> Any:
    """Return what to write for an environment: `wanted`, put into what the file holds already."""
    if not isinstance(held, dict) or not isinstance(wanted, dict):
        return wanted  # one of them is the name of a file
    if "python" not in wanted:  # a registered environment
        if not _by_name(held):
            return wanted
        _update(held, wanted, EnvironmentReference, {})
        return held
    none: dict[str, Any] = {
        SECRETS_KEY: []
    }  # it is serialised only where there are secrets, and the file may have old ones
    _update(held, {**none, **wanted}, Environment, {**none, **Environment(None).serialize()})
    if _by_name(held):
        held["python"] = wanted["python"]  # a name alone would mean a registered environment
    return held


def _by_name(environment: dict[str, Any]) -> bool:
    return {normal_key(str(key)) for key in environment} <= {"name", "version"}


def _update(held: dict[str, Any], wanted: dict[str, Any], kind: type[ConfigElement], defaults: dict[str, Any]) -> None:
    """Bring a section of a file up to date, in place; keys that it lacks are added only where they say something."""
    for field in kind.FIELDS:
        if field.key == "environment" or field.key not in wanted:
            continue  # it may be of several forms; `_merged` sees to it
        value, default = wanted[field.key], defaults.get(field.key)
        key = _spelt_field(held, field)
        if key is None:
            if value != default:
                held[field.key] = value
        elif isinstance(held[key], dict) and isinstance(value, dict) and hasattr(field.kind, "FIELDS"):
            _update(held[key], value, field.kind, default or {})
        elif isinstance(held[key], dict) and isinstance(value, dict):
            _update_mapping(held[key], value)
        elif files.plain(held[key]) != value and not (held[key] is None and value == default):
            held[key] = value


def _update_mapping(held: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Bring a mapping whose keys are the user's up to date, in place."""
    for key in [key for key in held if str(key) not in wanted]:
        del held[key]
    for key, value in wanted.items():
        if key not in held or files.plain(held[key]) != value:
            held[key] = value


def _spelt(held: dict[str, Any], name: str) -> str | None:
    return next((key for key in held if normal_key(str(key)) == normal_key(name)), None)


def _spelt_field(held: dict[str, Any], field: Field) -> str | None:
    return next((key for key in held if normal_key(str(key)) in names(field)), None)


def _save_packages(environment: Environment, definition: dict[str, Any], held: Any, target: str) -> None:
    """Write the packages to a conda file beside the configuration, and name it in `definition` instead of them."""
    python = definition["python"]
    packages = python.pop("condaDependencies", None)
    if packages is None or (environment.python.user_managed_dependencies and packages == CondaDependencies().as_dict()):
        return
    section = (_get(held, "python") if isinstance(held, dict) else None) or {}
    if _get(section, "condaDependencies") is not None:
        python["condaDependencies"] = packages  # this file has them inside, and keeps them there
        return
    named = _get(section, "condaDependenciesFile")
    file = _companion(target, named, CONDA_FILE_NAME, packages)
    environment.python.conda_dependencies.save(file)
    python["condaDependenciesFile"] = os.path.relpath(file, _root(target))


def _save_environment(definition: dict[str, Any], held: Any, named: str | None, target: str) -> str:
    """Write the environment to a file of its own, and return how the configuration names it."""
    file = _companion(target, named, ENVIRONMENT_FILE_NAME, definition)
    _write(file, _merged_environment(held, definition))
    return os.path.relpath(file, _root(target))


def _companion(target: str, named: str | None, default: str, content: Any) -> str:
    """Return the file for what belongs to a configuration: the one that it names already, else one that is free.

    A file of the default name that holds something else belongs to another configuration of the same directory.
    """
    if named is not None:
        try:
            return _beside(target, named)
        except RunConfigurationException:
            return os.path.join(_root(target), named)
    directory = os.path.dirname(target)
    first = os.path.join(directory, default)
    if not os.path.exists(first) or _read(first) == content:
        return first
    stem = os.path.basename(target)
    for suffix in _FILE_SUFFIXES:
        stem = stem.removesuffix(suffix)
    return os.path.join(directory, f"{stem}_{default}")


def _write(path: str, data: dict[str, Any]) -> None:
    if path.endswith(".json"):
        files.write_text(path, json.dumps(data, indent=4, ensure_ascii=False) + "\n")
        return
    like = files.read_text(path, RunConfigurationException) if os.path.exists(path) else ""
    if like.lstrip().startswith("{") and type(data) is dict:
        files.write_text(path, json.dumps(data, indent=4, ensure_ascii=False) + "\n")
        return
    files.write_text(path, files.format_yaml(data, like=like))
