"""Conda environments, installed by py-rattler from a lock of exact packages, with pip's on top by uv.

The environment is a conda prefix: it needs no conda installation, neither to be made nor to be used.
"""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from turnout.runtime import layout, records
from turnout.runtime.builders import uv
from turnout.runtime.builders.contract import BuildFailed, Built

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner
    from turnout.runtime.builders.wheelhouse import Wheelhouse

MAKES_DIRECTORY = True

_SECONDS_TO_ANSWER = 60.0
_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rattler_install.py")
_LOCK = "turnout-lock.json"
"""What the prefix was made from, kept in it: the script reads it."""

_ADVICE = (
    (
        r"hash mismatch|no such file",
        "the channel no longer has the package that was locked; ask for another version, or put it back",
    ),
    (r"error sending request|status (client|server) error|timed out", "check the network, and that the channel is up"),
    (r"No module named 'rattler'", "pip install 'turnout[conda]'"),
)


_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;]+)|@)")
"""A requirement of one version, or of what a URL has."""
_METADATA = re.compile(
    r"/site-packages/(?P<name>[^/-]+)-(?P<version>[^/-]+)(?:-[^/]*)?\.(?:egg-info(?:/PKG-INFO)?|dist-info/METADATA)$"
)


def built(environment: Dict[str, Any], directory: str, facts: Optional[Dict[str, Any]]) -> Optional[Built]:
    """Return the prefix in `directory`, if it is still where it was made and has its Python."""
    path = _interpreter(directory)
    if facts is None or facts.get("interpreter") != path or not os.access(path, os.X_OK):
        return None
    return Built(path, facts, prefix=directory, prefix_variable="CONDA_PREFIX")


def _interpreter(directory: str) -> str:
    return os.path.join(directory, "bin", "python")


def build(environment: Dict[str, Any], directory: str, runner: "Runner") -> Dict[str, Any]:
    """Make the prefix with exactly the packages of the lock; return what is really in it.

    Raises:
        BuildFailed: a tool is missing or failed, or the Python that was installed doesn't run.
    """
    from turnout.runtime.builders import (
        inside,
        inspection,
        rattlertool,
        uvtool,
        wheelhouse,
    )  # not for those who only look

    lock = environment.get("lock") or {}
    pip = bool(lock.get("requirements"))
    uv_path = uvtool.require(runner) if pip else ""
    variables = uvtool.variables(runner.variables)
    rattler = rattlertool.provide(runner)
    os.makedirs(directory, layout.DIRECTORY_MODE)
    records.write_json(os.path.join(directory, _LOCK), lock)
    cache = rattlertool.cache(runner.variables)
    argv = [rattler, "-E", _SCRIPT, os.path.join(directory, _LOCK), directory, cache]
    try:
        said = runner.run(argv, variables, "install the conda packages", tool="rattler")
    except BuildFailed as error:
        raise _with_advice(error) from error
    path = _interpreter(directory)
    asked = inspection.begin(path, variables)  # the packages are looked up when all are there
    try:
        if pip:
            brought = wheelhouse.find(runner.home, environment)
            _install_pip(uv_path, path, lock, directory, variables, runner, brought)
    finally:
        facts = asked.finish(_SECONDS_TO_ANSWER)
    if "error" in facts:
        raise BuildFailed("the Python of the new environment does not run: %s" % facts["error"], str(facts["error"]))
    packages = _site_packages(directory)
    uv.hide_origins(packages, runner.hide)
    facts["packages"] = inside.distributions(packages)
    facts["interpreter"] = path
    facts["conda"] = installed(directory)
    facts["tool"] = next((" ".join(line.split()[:2]) for line in said if line.startswith("py-rattler ")), "py-rattler")
    return facts


def installed(prefix: str) -> List[Dict[str, Any]]:
    """Return name, version, build and channel of each conda package in a prefix, sorted by name.

    One whose Python package pip has replaced has `replaced`, since its files are no longer there.
    """
    found = []
    for path in sorted(glob.glob(os.path.join(glob.escape(prefix), "conda-meta", "*.json"))):
        package = records.read_json(path)
        entry = {name: package.get(name) for name in ("name", "version", "build", "channel")}
        metadata = [name for name in package.get("files") or () if _METADATA.search(name)]
        if metadata and not any(os.path.exists(os.path.join(prefix, name)) for name in metadata):
            entry["replaced"] = True
        found.append(entry)
    return sorted(found, key=lambda entry: str(entry["name"]))


def _install_pip(
    uv_path: str,
    path: str,
    lock: Dict[str, Any],
    directory: str,
    variables: Dict[str, str],
    runner: "Runner",
    brought: Optional["Wheelhouse"],
) -> None:
    """Install what the lock names beside conda's packages; a package of conda's that is of another version makes way."""
    _make_way(directory, lock["requirements"], runner)
    variables = brought.variables(variables) if brought is not None else variables
    listing = uv.write_listing(lock, directory, brought)
    # Some Pythons are marked as managed by someone else; this copy is nobody's but ours.
    options = ["--no-deps", "--break-system-packages", *uv.arguments(lock, variables, brought)]
    runner.run(
        [uv_path, "pip", "install", "--python", path, *options, "-r", listing], variables, "install the packages"
    )


def _make_way(prefix: str, requirements: List[str], runner: "Runner") -> None:
    """Remove conda's Python packages that uv can't replace, since they came without a list of their files (RECORD)."""
    wanted = {_canonical(match.group(1)): match.group(2) for match in map(_PINNED.match, requirements) if match}
    for path in glob.glob(os.path.join(glob.escape(prefix), "conda-meta", "*.json")):
        files = records.read_json(path).get("files") or []
        for match in filter(None, map(_METADATA.search, files)):
            name, version = match.group("name"), match.group("version")
            listed = match.string.replace("/METADATA", "/RECORD") in files and match.string.endswith("/METADATA")
            if listed or wanted.get(_canonical(name), version) == version:
                continue
            runner.say("%s %s of conda makes way for pip's" % (name, version))
            for file in files:
                if "/site-packages/" in file and os.path.lexists(os.path.join(prefix, file)):
                    os.unlink(os.path.join(prefix, file))
            _remove_empty(_site_packages(prefix))
            break


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _remove_empty(directories: List[str]) -> None:
    """Remove directories that hold nothing, or nothing but compiled modules of what was removed."""
    import shutil

    for top in directories:
        for directory, _, _ in os.walk(top, topdown=False):
            names = os.listdir(directory)
            if directory != top and (not names or names == ["__pycache__"]):
                shutil.rmtree(directory)


def _site_packages(prefix: str) -> List[str]:
    return sorted(glob.glob(os.path.join(glob.escape(prefix), "lib", "*", "site-packages")))


def _with_advice(error: BuildFailed) -> BuildFailed:
    advice = next((text for pattern, text in _ADVICE if re.search(pattern, error.words, re.IGNORECASE)), "")
    return BuildFailed("%s; %s" % (error.reason.rstrip("."), advice), error.words) if advice else error
