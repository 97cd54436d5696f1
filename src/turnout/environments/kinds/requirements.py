"""Reads the lines of a requirements file into parts that do not depend on where they were written.

Files that lines refer to (`-r`, `-c`) are read too, paths become absolute, and what must not be recorded is refused.
The syntax is that of pip's documentation, "Requirements File Format".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from turnout.environments.kinds import local_paths
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import words

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS_OF_ONE = re.compile(r"\s(?=--?[A-Za-z])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HASH = re.compile(r"--hash[=\s]([a-z0-9]+:[0-9a-fA-F]+)")
_V1_PACKAGES = frozenset(
    f"azureml-{part}"
    for part in ("core", "defaults", "sdk", "telemetry", "train", "train-core", "train-restclients-hyperdrive")
)
"""What v1's definitions name for its SDK in the script; Turnout's own part reaches the script without a package."""

_VALUED = {
    "-r": "file", "--requirement": "file",
    "-c": "constraints", "--constraint": "constraints",
    "-e": "editable", "--editable": "editable",
    "-i": "--index-url", "--index-url": "--index-url", "--pypi-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "links", "--find-links": "links",
    "--trusted-host": "--trusted-host",
    "--torch-backend": "--torch-backend",
    "--no-binary": "--no-binary", "--only-binary": "--only-binary",
}  # fmt: skip
"""Options with a value → what is done with it; an option's long name means that it is kept."""
_BUILD = ("--no-binary", "--only-binary")
_FLAGS = ("--no-index", "--pre", "--require-hashes")
_WITHOUT_EFFECT = ("--prefer-binary", "--no-cache-dir", "--upgrade", "-U", "--user", "--use-pep517", "--no-input")
"""Options about how pip goes about it, not about what gets installed."""


class Requirements(NamedTuple):
    """What a list of requirement lines asks for.

    Attributes:
        lines: requirements, with absolute `file:` URLs for local ones, without hashes.
        constraints: requirements that only limit versions.
        sources: options that say where packages are to be had.
        build: options that change what is installed.
        hashes: canonical name (or the whole line, for a URL) → the hashes that are allowed.
        local: absolute path → digest of the content that a lock is made from.
        notes: lines for the person.
        prereleases: whether pre-releases count everywhere.
        every_hash: whether each package must have been given a hash.
    """

    lines: list[str]
    constraints: list[str]
    sources: list[str]
    build: list[str]
    hashes: dict[str, list[str]]
    local: dict[str, str]
    notes: list[str]
    prereleases: bool = False
    every_hash: bool = False


def read(lines: Iterable[str], directory: str, environment: str) -> Requirements:
    """Return what `lines` ask for.

    Args:
        lines: as in a requirements file.
        directory: what relative paths are relative to; absolute.
        environment: the environment's name, for messages.

    Raises:
        EnvironmentException: an option is unknown, a file is missing, or a URL holds credentials.
    """
    reader = _Reader(environment, directory)
    reader.read(lines, directory, reader.found.lines)
    return reader.found


def canonical(name: str) -> str:
    """Return a package name in its one normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def identity(line: str) -> str:
    """Return what names the package of a line without hashes: its canonical name, or the line if it has none."""
    match = _NAME.match(line)
    return canonical(match.group()) if match and not line.startswith("file:") else line


def split_hashes(line: str) -> tuple[str, list[str]]:
    """Return a requirement line without its hashes, and these."""
    main, _, rest = line.partition(" --hash")
    return main.strip(), _HASH.findall(" --hash" + rest)


class _Reader:
    def __init__(self, environment: str, directory: str) -> None:
        self.environment = environment
        self.directory = directory
        self.found = Requirements([], [], [], [], {}, {}, [])
        self.open_files: list[str] = []

    def read(self, lines: Iterable[str], directory: str, into: list[str]) -> None:
        """Sort lines in; `directory` is what files named by them are relative to, `into` gets the requirements."""
        for line in _logical(lines):
            if line.startswith("-"):
                self._options(line, directory, into)
            else:
                self._requirement(line, into)

    def _options(self, line: str, directory: str, into: list[str]) -> None:
        import shlex  # most lists have no options

        try:
            parts = shlex.split(line)
        except ValueError as error:
            raise self._wrong(f"{line!r} can't be read: {error}") from None
        while parts:
            option, equals, value = parts.pop(0).partition("=")
            if option in _VALUED:
                if not equals:
                    value = parts.pop(0) if parts else ""
                if not value:
                    raise self._wrong(f"{option} needs a value")
                self._valued(_VALUED[option], value, directory, into)
            elif option in _FLAGS and not equals:
                self._flag(option)
            elif option in _WITHOUT_EFFECT:
                self.found.notes.append(f"pip's option {option} has no effect on what is installed here")
            else:
                raise self._wrong(f"{option} is not an option that Turnout knows in a list of requirements")

    def _valued(self, meaning: str, value: str, directory: str, into: list[str]) -> None:
        if meaning in ("file", "constraints"):
            self._file(value, directory, self.found.constraints if meaning == "constraints" else into)
            return
        self._refuse_credentials(value)
        if meaning == "editable":
            self._requirement(value, into, editable=True)
        elif meaning == "links":
            self._once(self.found.sources, f"--find-links {self._links(value)}")
        elif meaning in _BUILD:
            self._once(self.found.build, f"{meaning} {value}")
        else:
            self._once(self.found.sources, f"{meaning} {value}")

    def _flag(self, option: str) -> None:
        if option == "--no-index":
            self._once(self.found.sources, option)
        elif option == "--pre":
            self.found = self.found._replace(prereleases=True)
        else:
            self.found = self.found._replace(every_hash=True)

    def _file(self, named: str, directory: str, into: list[str]) -> None:
        if "://" in named:
            raise self._wrong(
                f"{words.without_credentials(named)} must be on this machine: download it and name the file"
            )
        path = os.path.abspath(os.path.join(directory, os.path.expanduser(named)))
        if path in self.open_files:
            raise self._wrong(f"{path} includes itself")
        try:
            with open(path, encoding="utf-8-sig") as stream:
                lines = stream.read().splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise self._wrong(f"{named} can't be read ({reason}); looked for {path}") from None
        self.open_files.append(path)
        self.read(lines, os.path.dirname(path), into)
        self.open_files.pop()

    def _requirement(self, line: str, into: list[str], editable: bool = False) -> None:
        self._refuse_credentials(line)
        if identity(line) in _V1_PACKAGES:
            self.found.notes.append(f"{line} is left out: Turnout takes the place of v1's SDK in the script")
            return
        main, *options = _OPTIONS_OF_ONE.split(line, 1)
        main, options_text = main.strip(), " ".join(options)
        hashes = _HASH.findall(options_text)
        if _HASH.sub("", options_text).strip():
            raise self._wrong(f"{line!r} has an option that Turnout does not know behind a requirement")
        local = local_paths.recognise(main, self.directory)
        if local is not None:
            if not os.path.exists(local.path):
                raise self._wrong(f"{main} names {local.path}, which does not exist")
            if not local_paths.installable(local.path):
                raise self._wrong(f"{main} names {local.path}, which has neither pyproject.toml nor setup.py")
            main = local.line
            self.found.local[local.path] = local_paths.digest(local.path, editable)
            if editable:
                self._bound(local.path)
        if hashes:
            self.found.hashes.setdefault(identity(main), []).extend(hashes)
        into.append(f"-e {main}" if editable else main)

    def _links(self, value: str) -> str:
        if "://" in value:
            return value
        path = os.path.abspath(os.path.join(self.directory, os.path.expanduser(value)))
        if not os.path.exists(path):
            raise self._wrong(f"--find-links {value} names {path}, which does not exist")
        return local_paths.uri(path)

    def _bound(self, path: str) -> None:
        self._once(
            self.found.notes, f"{path} is editable: this environment can be built on this machine and nowhere else"
        )

    def _refuse_credentials(self, text: str) -> None:
        if words.holds_credentials(text):
            raise self._wrong(
                f"{words.without_credentials(text)} was given with a user name or password, which would end up in the "
                "record: give it in UV_INDEX_URL, ~/.netrc or a keyring, or as ${NAME} of a variable"
            )

    def _wrong(self, what: str) -> EnvironmentException:
        return EnvironmentException(f"requirements of environment {self.environment!r}: {what}")

    @staticmethod
    def _once(values: list[str], value: str) -> None:
        if value not in values:
            values.append(value)


def _logical(lines: Iterable[str]) -> list[str]:
    """Return lines without comments, continued ones joined."""
    text = "\n".join(lines).replace("\\\n", " ")
    stripped = (_COMMENT.sub("", line).strip() for line in text.splitlines())
    return [line for line in stripped if line]
