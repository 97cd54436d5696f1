"""Ships the runtime: copies it to `HOME/runtime/DIGEST/turnout`, from where supervisors run and scripts import.

Beside it lies `azureml/`, one file that lets scripts import v1's names (see `shipped_azureml`).

DIGEST is that of the files' contents. A copy is never changed, so a run keeps the runtime that it began with when
Turnout is updated beneath it.
"""

from __future__ import annotations

import hashlib
import os
from typing import Dict, List, Set, Tuple

from turnout.runtime import layout, records

_RUNTIME = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_RUNTIME)
_INITS = {"turnout/__init__.py": "shipped_init.py", "azureml/__init__.py": "shipped_azureml.py"}
"""Files of the copy that are made from one of the runtime's."""
_DIGEST_LENGTH = 64
_SEEN = "seen-"
_VERSION = '__version__ = "'

_shipped: Dict[str, str] = {}


def ship(home: layout.Home) -> str:
    """Make sure that the home has a copy of this runtime, and return the directory that holds it.

    The directory goes to the END of a script's PYTHONPATH, and to the front of `sys.path` of a supervisor (`python -I
    -S`). The copy is whole or not there. Later calls of this process answer from memory; a new process compares times
    and sizes of the files (about a millisecond), and only a runtime that this home hasn't seen is read and copied.

    Raises:
        OSError: the home can't be written; nothing half-made stays.
    """
    known = _shipped.get(home.root)
    if known is None or not os.path.isdir(known):
        known = _shipped[home.root] = _find_or_copy(home)
    return known


def present(home: layout.Home) -> str:
    """Return the directory of this runtime in a home, whether it was shipped there or not."""
    return os.path.join(home.runtime, _digest(_contents(_sources())))


def contents() -> Dict[str, bytes]:
    """Return the files of a copy of this runtime, by their paths below its directory."""
    return _contents(_sources())


def is_copy(name: str) -> bool:
    """Say whether a name in `Home.runtime` is that of a whole copy."""
    return len(name) == _DIGEST_LENGTH and "." not in name and not name.startswith(_SEEN)


def forget_missing(home: layout.Home) -> None:
    """Remove what was noted about copies that are no longer there."""
    for name in os.listdir(home.runtime):
        if name.startswith(_SEEN):
            memo = os.path.join(home.runtime, name)
            try:
                with open(memo, encoding="ascii") as stream:
                    if not os.path.isdir(os.path.join(home.runtime, stream.read())):
                        os.unlink(memo)
            except (OSError, ValueError):
                continue  # another process's, and gone meanwhile


def _find_or_copy(home: layout.Home) -> str:
    files = _sources()
    memo = os.path.join(home.runtime, _SEEN + _look(files))
    try:
        with open(memo, encoding="ascii") as stream:
            digest = stream.read()
        target = os.path.join(home.runtime, digest)
        if len(digest) == _DIGEST_LENGTH and os.path.isdir(target):
            return target
    except FileNotFoundError:
        pass
    contents = _contents(files)
    digest = _digest(contents)
    target = os.path.join(home.runtime, digest)
    if not os.path.isdir(target):
        _copy(contents, home, target)
    records.write_atomic(memo, digest.encode("ascii"))
    return target


def _sources() -> List[Tuple[str, str]]:
    """Return (path within the shipped package, path here) of each file, sorted; compiled files don't travel."""
    found = [("exceptions.py", os.path.join(_PACKAGE, "exceptions.py"))]
    pending = ["runtime"]
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(_PACKAGE, below)) as entries:
            for entry in entries:
                name = "%s/%s" % (below, entry.name)
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        pending.append(name)
                elif not entry.name.endswith((".pyc", ".tmp")):
                    found.append((name, entry.path))
    return sorted(found)


def _look(files: List[Tuple[str, str]]) -> str:
    """Return a digest of how the files look from outside, with the file that has the version."""
    hasher = hashlib.sha256(_PACKAGE.encode("utf-8", "surrogateescape"))
    for name, path in [*files, ("__init__.py", os.path.join(_PACKAGE, "__init__.py"))]:
        status = os.stat(path)
        facts = "\n%s %d %d %d" % (name, status.st_size, status.st_mtime_ns, status.st_ino)
        hasher.update(facts.encode("utf-8", "surrogateescape"))
    return hasher.hexdigest()


def _contents(files: List[Tuple[str, str]]) -> Dict[str, bytes]:
    """Return what goes into the copy, by path below its directory."""
    contents = {}
    for name, path in files:
        with open(path, "rb") as stream:
            contents["turnout/" + name] = stream.read()
    for name, source in _INITS.items():
        template = contents["turnout/runtime/" + source].decode("utf-8")
        contents[name] = template.replace(_VERSION, _VERSION + _version(), 1).encode("utf-8")
    return contents


def _version() -> str:
    """Return Turnout's version, read from the package itself: a shipped runtime may ship itself on."""
    with open(os.path.join(_PACKAGE, "__init__.py"), encoding="utf-8") as stream:
        for line in stream:
            if line.startswith(_VERSION):
                return line[len(_VERSION) :].split('"')[0]
    return ""


def _digest(contents: Dict[str, bytes]) -> str:
    hasher = hashlib.sha256()
    for name in sorted(contents):
        hasher.update(("%s\0%d\0" % (name, len(contents[name]))).encode("utf-8", "surrogateescape"))
        hasher.update(contents[name])
    return hasher.hexdigest()


def _copy(contents: Dict[str, bytes], home: layout.Home, target: str) -> None:
    """Write the copy under a temporary name, wait until the disk has it, and rename it into place."""
    temporary = "%s.%s.tmp" % (target, os.urandom(4).hex())
    try:
        os.makedirs(home.runtime, layout.DIRECTORY_MODE, exist_ok=True)
        os.mkdir(temporary, layout.DIRECTORY_MODE)
        directories = _directories(contents)
        for directory in directories:
            os.mkdir(os.path.join(temporary, directory), layout.DIRECTORY_MODE)
        # Synced, as a power cut must not leave a copy that looks whole and has empty files for every later run.
        for name, data in contents.items():
            records.write_atomic(os.path.join(temporary, name), data, sync=True)
        for directory in directories:
            records.sync_directory(os.path.join(temporary, directory))
        os.rename(temporary, target)
        records.sync_directory(home.runtime)
    except BaseException as error:
        import shutil  # only when something went wrong

        shutil.rmtree(temporary, ignore_errors=True)
        if not (isinstance(error, OSError) and os.path.isdir(target)):  # else another process was quicker
            raise


def _directories(contents: Dict[str, bytes]) -> List[str]:
    """Return the directories that the files need, parents first."""
    found: Set[str] = set()
    for name in contents:
        directory = os.path.dirname(name)
        while directory and directory not in found:
            found.add(directory)
            directory = os.path.dirname(directory)
    return sorted(found)
