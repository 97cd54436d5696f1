"""Reads what a conda environment on this machine holds from its own files; no conda is needed.

An environment is a directory with `conda-meta/`, which has a JSON file for each package that conda installed. What pip
installed on top lies in site-packages and in none of these files' lists.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from turnout.environments.conda_dependencies import CondaDependencies
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import inside, words

_META = "conda-meta"
_INSTALLATIONS = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".local/share/mamba")
"""Where conda's installers put themselves below the person's directory."""


def export(name_or_path: str, environ: Mapping[str, str] | None = None) -> CondaDependencies:
    """Return the packages of a conda environment, with their versions.

    Builds are left out: they differ between platforms, and versions are what a person means by "the same environment".

    Args:
        name_or_path: the environment's name, or its directory.
        environ: the person's environment variables; None means this process's.

    Raises:
        EnvironmentException: there is no such environment, or its files can't be read.
    """
    prefix = _find(name_or_path, os.environ if environ is None else environ)
    try:
        installed = [_read(path) for path in sorted(glob.glob(os.path.join(glob.escape(prefix), _META, "*.json")))]
    except (OSError, ValueError) as failure:
        raise EnvironmentException(f"the conda environment {prefix} can't be read: {failure}", failure) from failure
    channels = list(dict.fromkeys(filter(None, map(_channel, installed))))
    packages: list[Any] = [f"{package['name']}={package['version']}" for package in installed]
    pip = sorted(_installed_by_pip(prefix, installed))
    name = os.path.basename(prefix)
    structure = {"name": name, "channels": channels, "dependencies": packages + ([{"pip": pip}] if pip else [])}
    return CondaDependencies.deserialize(structure, f"the conda environment {prefix}")


def with_base(definition: dict[str, Any]) -> dict[str, Any]:
    """Return an environment's definition with the packages of its `baseCondaEnvironment` put in, and its own on top.

    Args:
        definition: the environment in v1's dictionary form; it stays as it is.

    Raises:
        EnvironmentException: there is no such conda environment.
    """
    python = dict(definition["python"])
    merged = export(str(python.pop("baseCondaEnvironment")))
    own = CondaDependencies.deserialize(python.get("condaDependencies") or {})
    for channel in own.conda_channels:
        merged.add_channel(channel)
    for package in own.conda_packages:
        merged.add_conda_package(package)
    for line in own.pip_requirements:
        (
            merged.set_pip_option
            if line.startswith("-") and not line.startswith(("-e", "-r"))
            else merged.add_pip_package
        )(line)
    python["condaDependencies"] = merged.as_dict()
    return {**definition, "python": python}


def _find(name: str, environ: Mapping[str, str]) -> str:
    """Return the directory of an environment."""
    if os.sep in name or name in (os.curdir, os.pardir):
        path = os.path.abspath(os.path.expanduser(name))
        if not _is_prefix(path):
            raise EnvironmentException(f"{name} is no conda environment: it has no {_META} directory")
        return path
    known = list(dict.fromkeys(_prefixes(environ)))
    found = next((path for path in known if _is_called(path, name)), None)
    if found is None:
        names = ", ".join(sorted({os.path.basename(path) for path in known})) or "none were found"
        raise EnvironmentException(
            f"there is no conda environment {name!r} on this machine (there is: {names}); give the path of its directory"
        )
    return found


def _prefixes(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the environments that are found where conda, mamba and micromamba keep them, the active one first."""
    candidates = [environ.get("CONDA_PREFIX") or ""]
    roots = [environ.get("MAMBA_ROOT_PREFIX") or ""]
    if environ.get("CONDA_EXE"):
        roots.append(os.path.dirname(os.path.dirname(environ["CONDA_EXE"])))
    person = environ.get("HOME") or os.path.expanduser("~")
    roots += [os.path.join(person, name) for name in _INSTALLATIONS]
    folders = [
        path for name in ("CONDA_ENVS_PATH", "CONDA_ENVS_DIRS") for path in environ.get(name, "").split(os.pathsep)
    ]
    folders += [os.path.join(root, "envs") for root in roots if root]
    folders.append(os.path.join(person, ".conda", "envs"))
    for folder in filter(None, folders):
        candidates += sorted(glob.glob(os.path.join(glob.escape(folder), "*")))
    candidates += roots
    try:
        with open(os.path.join(person, ".conda", "environments.txt"), encoding="utf-8") as stream:
            candidates += stream.read().split("\n")
    except (OSError, ValueError):
        pass
    for path in candidates:
        if path.strip() and _is_prefix(path.strip()):
            yield os.path.abspath(path.strip())


def _is_prefix(path: str) -> bool:
    return os.path.isdir(os.path.join(path, _META))


def _is_called(path: str, name: str) -> bool:
    """Say whether an environment has a name; the one that holds others is called base."""
    if name == "base":
        return os.path.basename(os.path.dirname(path)) != "envs" and os.path.isdir(os.path.join(path, "envs"))
    return os.path.basename(path) == name


def _read(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as stream:
        package = json.load(stream)
    if not isinstance(package, dict) or not package.get("name") or not package.get("version"):
        raise ValueError(f"{path} names no package")
    return package


def _channel(package: dict[str, Any]) -> str:
    """Return where a package came from: its channel by name or by URL, without platform and without a token."""
    channel = str(package.get("channel") or "").rstrip("/")
    subdirectory = str(package.get("subdir") or "")
    if subdirectory and channel.endswith(f"/{subdirectory}"):
        channel = channel[: -len(subdirectory) - 1]
    return words.without_credentials(re.sub(r"/t/[^/]+/", "/", channel))


def _installed_by_pip(prefix: str, installed: list[dict[str, Any]]) -> Iterator[str]:
    own = {
        os.path.join(prefix, name) for package in installed for name in package.get("files") or () if "-info" in name
    }
    for directory in glob.glob(os.path.join(glob.escape(prefix), "lib", "python3*", "site-packages")):
        for metadata in inside.metadata_files(directory):
            if metadata not in own and os.path.dirname(metadata) not in own:
                entry = inside.read_entry(metadata)
                if entry["name"] and entry["version"]:
                    yield f"{entry['name']}=={entry['version']}"
