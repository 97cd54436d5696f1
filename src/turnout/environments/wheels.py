"""Finds the wheels that a lock means on another machine: those that it can't fetch, and those that lie on this one.

Their contents become objects of this home, named by the same digests as in the lock.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from turnout.environments import download, indexes
from turnout.environments.kinds import local_paths, requirements, uv_compile
from turnout.exceptions import EnvironmentException, RecordException
from turnout.runtime import layout, redaction
from turnout.runtime.builders import pythons, uvtool, words
from turnout.runtime.objects import ObjectStore, StoreError

_NEWEST_KNOWN = 40
_MANYLINUX = (17, 28, *range(31, _NEWEST_KNOWN + 1))
"""Versions 2.N of glibc that uv knows wheels for (its `--python-platform`)."""

_LOCAL = re.compile(r"(?P<name>[^\s@]+) @ (?P<url>file:[^\s;]+)")
_EDITABLE = re.compile(r"(?:-e|--editable)\s+(?P<what>.*)")


class Wheels(NamedTuple):
    """The wheels of an environment; see `turnout.runtime.builders.wheelhouse`.

    Attributes:
        files: file names and digests of the objects.
        replaced: `file:` URLs of the lock, and the wheels that take their place.
        complete: whether these are all that the lock names.
    """

    files: dict[str, str]
    replaced: dict[str, str]
    complete: bool


class Asked(NamedTuple):
    """For what wheels are wanted.

    Attributes:
        environment: in the form of run.json.
        home: the submitter's home.
        target: the target's name.
        facts: what is known of the target.
        variables: what tools find in their environment.
        hide: takes the values of secrets out of what tools say.
        report: gets a line for each thing that takes time.
    """

    environment: Mapping[str, Any]
    home: layout.Home
    target: str
    facts: Mapping[str, Any]
    variables: Mapping[str, str]
    hide: redaction.Hide
    report: Callable[[str], None]

    @property
    def lock(self) -> Mapping[str, Any]:
        """The environment's lock."""
        lock: Mapping[str, Any] = self.environment.get("lock") or {}
        return lock

    @property
    def lines(self) -> list[str]:
        """The lock's requirements of pip."""
        return list(self.lock.get("requirements") or [])

    @property
    def named(self) -> str:
        """The environment, for messages."""
        return f"environment {self.environment.get('name')!r}"

    @property
    def everything(self) -> bool:
        """Whether the target can fetch nothing by itself."""
        return bool(self.facts.get("unreachable"))


def needed(asked: Asked) -> bool:
    """Say whether the target may need wheels from here; looks at nothing but the lock and the facts."""
    lines = asked.lines
    if not lines:
        return False
    here = any(_LOCAL.match(line) or _EDITABLE.match(line) for line in lines)
    return here or asked.everything or _has_local_sources(asked)


def collect(asked: Asked) -> Wheels:
    """Fetch and build the wheels that the target needs from here, and keep them as objects.

    Raises:
        EnvironmentException: one of them can't be had; the line names it.
        RecordException: the home can't be written.
    """
    try:
        return _collect(asked)
    except StoreError as error:
        raise RecordException(
            f"the Turnout home {asked.home.root} can't be used: {error}; make room or mend it, or name another home with "
            f"{layout.HOME_VARIABLE}",
            error,
        ) from error


def _collect(asked: Asked) -> Wheels:
    lines = asked.lines
    for line in lines:
        if editable := _EDITABLE.match(line):
            raise EnvironmentException(
                f"{asked.named} can't be built on {asked.target}: {editable['what']} is editable, which means the files of "
                "this machine; name it without -e"
            )
    found = Wheels({}, {}, asked.everything)
    rest = []
    for line in lines:
        local = _LOCAL.match(line)
        if local is None:
            rest.append(line)
        else:
            name, digest = _local(local["name"], unquote(urlsplit(local["url"]).path), line, asked)
            found.files[name] = digest
            found.replaced[local["url"]] = name
    if rest and (asked.everything or _has_local_sources(asked)):
        _fetch(rest, asked, found.files)
    return found


def _has_local_sources(asked: Asked) -> bool:
    return indexes.local(uvtool.variables(asked.variables), asked.lock.get("sources") or [])


def _local(package: str, path: str, line: str, asked: Asked) -> tuple[str, str]:
    """Keep a wheel that lies here, or is built of what lies here; return its file name and digest."""
    known = (asked.lock.get("local") or {}).get(path)
    try:
        if known is not None and local_paths.digest(path, False) != known:
            raise EnvironmentException(
                f"{path} was changed since {asked.named} was locked; `turnout env update` locks it anew"
            )
        if path.endswith(".whl"):
            return os.path.basename(path), _keep(path, asked)
        with tempfile.TemporaryDirectory(prefix="turnout-") as directory:
            wheel = _build(package, path, directory, asked)
            return os.path.basename(wheel), _keep(wheel, asked)
    except OSError as error:
        raise EnvironmentException(
            f"{asked.named}: {path} can't be read: {(error.strerror or str(error)).lower()}"
        ) from error


def _build(package: str, path: str, directory: str, asked: Asked) -> str:
    """Build a package of this machine; return its wheel's path."""
    uv, values = _uv(asked)
    python = pythons.find(str(asked.environment.get("python")), uv, values)
    asked.report(f"building a wheel of {path} for {asked.target}")
    command = [
        uv,
        "build",
        "--wheel",
        "--quiet",
        "--out-dir",
        directory,
        *(["--python", python] if python else []),
        path,
    ]
    status, said = _run(command, values, directory, asked)
    built = sorted(Path(directory).glob("*.whl"))
    if status != 0 or not built:
        raise EnvironmentException(f"{asked.named}: no wheel can be built of {path}: {words.headline(said)}")
    if not built[0].name.endswith("-any.whl"):
        raise EnvironmentException(
            f"{asked.named} can't be built on {asked.target}: {package} ({path}) holds compiled code, and a wheel that is "
            "built here need not run there; build one for that machine and name the wheel"
        )
    return str(built[0])


def _keep(path: str, asked: Asked) -> str:
    return ObjectStore(asked.home.objects).add_file(path)


def _fetch(lines: list[str], asked: Asked, files: dict[str, str]) -> None:
    """Fetch the wheels of packages from their indexes, or only those from this machine's directories."""
    values = uvtool.variables(asked.variables)
    store = ObjectStore(asked.home.objects)
    allowed = {value for line in lines for value in requirements.split_hashes(line)[1]}
    wanted: list[tuple[str, str]] = []
    for package in _locate(lines, asked):
        for url, digest in _wheels(package, asked):
            if not asked.everything and not url.startswith("file:"):
                continue
            if allowed and f"sha256:{digest}" not in allowed:
                raise EnvironmentException(
                    f"{asked.named}: the wheel of {package['name']} for {asked.target} is none of those that were locked "
                    f"({os.path.basename(urlsplit(url).path)}); `turnout env update` locks it anew"
                )
            files[unquote(os.path.basename(urlsplit(url).path))] = digest
            wanted.append((url, digest))
    lacking = [(url, digest) for url, digest in wanted if not store.has(digest)]
    if lacking:
        asked.report(f"fetching {_counted(len(lacking))} that {asked.target} can't fetch")
        downloads = download.Downloads(values, asked.lock.get("sources") or [])
        with store.incoming() as incoming:
            for url, digest in lacking:
                downloads.fetch(url, digest, incoming)
            incoming.commit()


def _locate(lines: list[str], asked: Asked) -> list[dict[str, Any]]:
    """Ask uv where the wheels of exact requirements are, for the target's Python and platform."""
    uv, values = _uv(asked)
    sources = asked.lock.get("sources") or []
    with tempfile.TemporaryDirectory(prefix="turnout-") as directory:
        listing = os.path.join(directory, "requirements.txt")
        content = [*uvtool.file_lines(sources), *(asked.lock.get("build") or []), *lines]
        Path(listing).write_text("\n".join(content) + "\n", encoding="utf-8")
        output = os.path.join(directory, "pylock.toml")
        command = [uv, "pip", "compile", listing, "--quiet", "--no-deps", "--no-header", "--output-file", output]
        command += ["--format", "pylock.toml", "--color", "never"]
        command += ["--python-version", str(asked.lock.get("python")), "--python-platform", _platform(asked)]
        command += ["--only-binary", ":all:"] if asked.everything else []
        status, said = _run([*command, *uvtool.arguments(sources, values)], values, directory, asked)
        if status != 0:
            raise EnvironmentException(
                f"{asked.named} can't be brought to {asked.target}, which can't reach {asked.facts['unreachable'][0]}: "
                f"{words.headline(said).rstrip('.')}; choose versions that have a wheel for Python {asked.lock.get('python')} on "
                f"{asked.environment.get('platform')}"
                if asked.everything
                else f"{asked.named} can't be brought to {asked.target}: {words.headline(said)}"
            )
        packages: list[dict[str, Any]] = _parse(Path(output).read_text(encoding="utf-8")).get("packages") or []
        return packages


def _wheels(package: dict[str, Any], asked: Asked) -> list[tuple[str, str]]:
    """Return address and SHA-256 of the wheels that uv names for a package."""
    found = [*(package.get("wheels") or []), *([package["archive"]] if "archive" in package else [])]
    answer = []
    for wheel in found:
        url = str(wheel.get("url") or local_paths.uri(os.path.abspath(str(wheel.get("path")))))
        digest = str((wheel.get("hashes") or {}).get("sha256") or "")
        if urlsplit(url).path.endswith(".whl") and digest:
            answer.append((url, digest))
    if not answer and asked.everything:
        raise EnvironmentException(
            f"{asked.named} can't be brought to {asked.target}: there is no wheel of {package['name']} with a SHA-256 "
            "digest; name a version that has one"
        )
    return answer


def _platform(asked: Asked) -> str:
    """Return uv's name for where the packages will be: with the target's C library, where that is what counts."""
    platform = str(asked.environment.get("platform"))
    system, _, processor = platform.partition("-")
    libc = [*(asked.facts.get("libc") or []), "", ""]
    minor = re.match(r"2\.(\d+)", str(libc[1]))
    if system == "linux" and libc[0] == "glibc" and minor and asked.environment.get("kind") != "container":
        fitting = [version for version in _MANYLINUX if version <= int(minor[1])]
        return f"{processor}-manylinux_2_{fitting[-1] if fitting else _MANYLINUX[0]}"
    return uv_compile.FOREIGN.get(platform, platform)


def _uv(asked: Asked) -> tuple[str, dict[str, str]]:
    uv = uvtool.find(asked.home, asked.variables)
    if not uv:
        raise EnvironmentException("uv is not on this machine: reinstall Turnout (it comes with it), or set TURNOUT_UV")
    return uv, uvtool.variables(asked.variables)


def _run(command: list[str], values: dict[str, str], directory: str, asked: Asked) -> tuple[int, str]:
    """Run uv; return its status and what it said that tells why."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    said = words.clean(done.stderr.decode("utf-8", "replace"), asked.hide)
    return done.returncode, words.meaningful(said)


def _parse(text: str) -> dict[str, Any]:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    parsed: dict[str, Any] = toml.loads(text)
    return parsed


def _counted(count: int) -> str:
    return f"{count} package{'s' * (count != 1)}"
