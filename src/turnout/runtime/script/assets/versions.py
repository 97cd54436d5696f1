"""What is registered under a name, version by version: `NAME/VERSION.json`, numbered from 1, no number given twice."""

import contextlib
import os
import shutil

from turnout.runtime import filelocks, layout, records
from turnout.runtime.script.assets.names import can_be

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

_SUFFIX = ".json"
_DELETED = ".deleted"
_LOCK = "lock"


class Versions:
    """The names of one kind, each with its versions.

    Args:
        directory: where they are kept; it need not be there yet.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def names(self) -> "List[str]":
        """Return the names that have a version, sorted."""
        return sorted(name for name in _listed(self._directory) if self.numbers(name))

    def numbers(self, name: str) -> "List[int]":
        """Return the versions that there are, ascending."""
        if not can_be(name):
            return []
        found = [
            file[: -len(_SUFFIX)] for file in _listed(os.path.join(self._directory, name)) if file.endswith(_SUFFIX)
        ]
        return sorted(int(number) for number in found if number.isdigit())

    def load(self, name: str, version: "Optional[int]" = None) -> "Optional[Dict[str, Any]]":
        """Return a version, the latest by default; None when there is none."""
        there = self.numbers(name)
        if not there or (version is not None and version not in there):
            return None
        version = there[-1] if version is None else version
        try:
            found = records.read_json(self._path(name, version))
        except FileNotFoundError:
            return None
        return dict(found, name=name, version=version) if isinstance(found, dict) else None

    def all(self, name: str) -> "List[Dict[str, Any]]":
        """Return all versions of a name, the latest first."""
        found = [self.load(name, number) for number in reversed(self.numbers(name))]
        return [each for each in found if each is not None]

    def append(self, name: str, value: "Mapping[str, Any]", number: "Optional[int]" = None) -> int:
        """Keep a new version and return its number.

        Args:
            name: what it is registered under.
            value: what is kept.
            number: one that was claimed; None to take the next one.
        """
        claimed = self.claim(name) if number is None else number
        records.write_json(self._path(name, claimed), dict(value))
        if number is None:
            os.rmdir(self.files(name, claimed))  # it has no files
        return claimed

    def claim(self, name: str) -> int:
        """Make the directory of a new version's files, and return its number; the version is there once it is appended."""
        _make(os.path.join(self._directory, name))
        while True:
            number = self._next(name)
            try:
                os.mkdir(self.files(name, number), layout.DIRECTORY_MODE)
            except FileExistsError:
                continue
            if not os.path.lexists(self._path(name, number)):
                return number
            os.rmdir(self.files(name, number))  # one without files, that came meanwhile

    def change(
        self, name: str, version: int, alter: "Callable[[Dict[str, Any]], Mapping[str, Any]]"
    ) -> "Optional[Dict[str, Any]]":
        """Change a version as it is now, and return it; None when it is gone. Of several who do so, each waits for the others.

        Args:
            name: what it is registered under.
            version: which version.
            alter: is given the version, and returns the members that become others.
        """
        with self._alone(name):
            found = self.load(name, version)
            if found is not None:
                found.update(alter(found))
                records.write_json(self._path(name, version), found)
        return found

    def delete(self, name: str, version: int) -> None:
        """Remove a version with its files; its number is not given again."""
        if not os.path.isdir(os.path.join(self._directory, name)):
            return
        with self._alone(name):
            records.write_atomic(os.path.join(self._directory, name, "%d%s" % (version, _DELETED)), b"")
            try:
                os.unlink(self._path(name, version))
            except FileNotFoundError:
                pass
        shutil.rmtree(self.files(name, version), ignore_errors=True)

    def files(self, name: str, version: int) -> str:
        """Return the directory of a version's files."""
        return os.path.join(self._directory, name, str(version))

    @contextlib.contextmanager
    def _alone(self, name: str) -> "Iterator[None]":
        """Change versions of a name while no other process does; where there are no file locks, hope that none does."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(os.path.join(self._directory, name, _LOCK), flags, layout.FILE_MODE)
        except FileNotFoundError:
            yield  # there is nothing to change
            return
        try:
            try:
                filelocks.lock(descriptor)
            except filelocks.NoFileLocks:
                pass
            yield
        finally:
            filelocks.unlock(descriptor)
            os.close(descriptor)

    def _path(self, name: str, version: int) -> str:
        return os.path.join(self._directory, name, "%d%s" % (version, _SUFFIX))

    def _next(self, name: str) -> int:
        taken = [file.split(".", 1)[0] for file in _listed(os.path.join(self._directory, name))]
        return max([0] + [int(number) for number in taken if number.isdigit()]) + 1


def _make(directory: str) -> None:
    os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)


def _listed(directory: str) -> "List[str]":
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
