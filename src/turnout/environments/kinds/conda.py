"""Conda packages, solved by py-rattler to exact ones with hashes, and pip requirements on top, resolved by uv."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any

from turnout.environments.kinds import Context, local_paths, requirements, uv
from turnout.environments.kinds.specification import Specification
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import words

if TYPE_CHECKING:
    from turnout.environments.packages import Package

TOOLS = ("uv", "rattler")

_DEFAULT_CHANNEL = "conda-forge"
_PRIORITY_VARIABLE = "CONDA_CHANNEL_PRIORITY"
_PRIORITIES = ("strict", "flexible", "disabled")
_SPECIFICATION = re.compile(r"(?:(?P<channel>\S+?)::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<rest>.*)", re.DOTALL)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@|(?<=/)t/[^/\s]+/")
"""A user in a URL, and the token that conda's own hosts take in the path."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?")
"""What conda's names and versions must be for PyPI to have them too."""
_OTHER_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "tensorflow-base": "tensorflow"}
"""Conda package → what PyPI calls it, for the few that pip requirements often depend on."""


def claims(specification: Specification) -> bool:
    """Say whether Turnout is to install conda packages, outside a container."""
    return specification.interpreter is None and bool(specification.conda) and not specification.container


def request(specification: Specification, context: Context) -> dict[str, Any]:
    """Return all that the lock depends on: what pip's part depends on, the conda packages, and where they are to be had.

    Raises:
        EnvironmentException: a requirement or channel can't be understood, isn't there, or holds a password.
    """
    channels, packages = list[str](), set[str]()
    for given in specification.channels or (_DEFAULT_CHANNEL,):
        _add(channels, _channel(given, context))
    for given in specification.conda:
        channel, package = _package(given, context)
        packages.add(package)
        if channel:
            _add(channels, channel)
    for channel in channels:
        if channel.startswith("file:"):
            context.report(
                f"{channel} is on this machine: this environment can be built only where that folder is, too"
            )
    return {
        **uv.request(specification, context),
        "channels": channels or [_DEFAULT_CHANNEL],  # in their order: the first one that has a package wins
        "conda": sorted(packages),
        "priority": _priority(context),
    }


def immediate(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return None: conda packages are always to be solved."""
    return None


def resolve(request: dict[str, Any], context: Context) -> dict[str, Any]:
    """Ask py-rattler which conda packages satisfy the request, then uv which packages of pip's go with their Python.

    Raises:
        EnvironmentException: a requirement can't be read, or a tool can't be had.
        ResolutionFailed: there is no solution, or a channel or index can't be reached.
    """
    from turnout.environments.kinds import conda_solve, uv_compile  # they start processes

    solution = conda_solve.solve(request, context)
    packages: list[dict[str, Any]] = solution["packages"]
    if any(_CREDENTIALS.search(str(package[name])) for package in packages for name in ("url", "channel")):
        raise EnvironmentException("the solved packages name a URL with a password, which must not be recorded")
    version = next(str(package["version"]) for package in packages if package["name"] == "python")
    lines = uv_compile.compile_lock({**request, "python": version}, context, installed(packages))
    return {
        **uv.lock(request, lines),
        "python": ".".join(version.split(".")[:2]),
        "conda": packages,
        "virtual": solution["virtual"],
    }


def key(lock: dict[str, Any]) -> str:
    """Return a digest of what determines the installed files; the channels do not, since the packages' hashes do."""
    packages = [
        [str(package.get(name)) for name in ("name", "version", "build", "subdir")] + [_content(package)]
        for package in lock["conda"]
    ]
    parts = [uv.key(lock), sorted(packages)]
    return "conda-" + hashlib.sha256(json.dumps(parts).encode("utf-8")).hexdigest()[:32]


def packages(lock: dict[str, Any]) -> list[Package]:
    """Return conda's packages and pip's, as one list; what pip replaces is pip's."""
    from turnout.environments.packages import Package, of_line

    found = {
        str(one["name"]): Package(
            str(one["name"]),
            str(one["version"]),
            str(one.get("url") or ""),
            frozenset(filter(None, [one.get("sha256")])),
        )
        for one in lock.get("conda") or ()
    }
    found.update({one.name: one for one in map(of_line, lock.get("requirements") or ())})
    return list(found.values())


def installed(packages: list[dict[str, Any]]) -> list[str]:
    """Return, as `name==version`, the conda packages that pip would take for packages of its own: those of Python code."""
    found = []
    for package in packages:
        depends = {str(dependency).split(" ", 1)[0] for dependency in package.get("depends") or ()}
        if package.get("noarch") == "python" or depends & {"python", "python_abi"}:
            name = requirements.canonical(_OTHER_NAMES.get(package["name"], package["name"]))
            if _NAME.fullmatch(name) and _VERSION.fullmatch(package["version"]):
                found.append(f"{name}=={package['version']}")
    return found


def without_credentials(channel: str) -> str:
    """Return a channel, or a text with one, without user, password and token."""
    return _CREDENTIALS.sub("", words.without_credentials(channel))


def _content(package: dict[str, Any]) -> str:
    return str(package.get("sha256") or package.get("md5") or package.get("url"))


def _channel(given: str, context: Context) -> str:
    """Return a channel in its normal form: a name, or a URL without a slash at its end; empty for conda's `nodefaults`."""
    _refuse_credentials(given, context)
    if given == "nodefaults":
        return ""
    if given == "defaults":
        raise EnvironmentException(
            f"environment {context.name!r} names the channel 'defaults', which stands for what a conda installation is "
            "configured to use: name conda-forge, or the URL of a channel"
        )
    if "://" in given and not given.startswith("file:"):
        return given.rstrip("/")
    if given.startswith("file:"):
        path = local_paths.recognise(f"channel @ {given}", context.directory)
        folder = path.path if path else given
    elif given.startswith((".", "~", os.sep)):
        folder = os.path.abspath(os.path.join(context.directory, os.path.expanduser(given)))
    else:
        return given.strip("/")
    if not os.path.isdir(folder):
        raise EnvironmentException(
            f"environment {context.name!r} names the channel {given}, and there is no folder {folder}"
        )
    return local_paths.uri(folder)


def _package(given: str, context: Context) -> tuple[str, str]:
    """Return the channel that a package is asked from, empty for any, and its match specification in one normal form."""
    _refuse_credentials(given, context)
    match = _SPECIFICATION.fullmatch(given)
    if match is None:
        raise EnvironmentException(f"conda package {given!r} of environment {context.name!r} can't be understood")
    rest = re.sub(r"\s*([=<>!~,|])\s*", r"\1", " ".join(match["rest"].split()))
    rest = f" {rest}" if rest[:1].isalnum() or rest.startswith("*") else rest
    channel = _channel(match["channel"], context) if match["channel"] else ""
    return channel, f"{channel}::{match['name'].lower()}{rest}" if channel else f"{match['name'].lower()}{rest}"


def _refuse_credentials(text: str, context: Context) -> None:
    if _CREDENTIALS.search(text):
        raise EnvironmentException(
            f"environment {context.name!r}: {without_credentials(text)} was given with a user name, password or token, "
            "which would end up in the record: keep it in ~/.netrc, or in the file that RATTLER_AUTH_FILE names"
        )


def _priority(context: Context) -> str:
    """Return how channels rank, as conda's own setting of that name says."""
    given = (context.variables.get(_PRIORITY_VARIABLE) or _PRIORITIES[0]).lower()
    if given not in _PRIORITIES:
        raise EnvironmentException(f"{_PRIORITY_VARIABLE} is one of {', '.join(_PRIORITIES)}, not {given!r}")
    return given


def _add(channels: list[str], channel: str) -> None:
    if channel and channel not in channels:
        channels.append(channel)
