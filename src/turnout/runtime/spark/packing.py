"""Packs what executors on other machines lack: the run's Python packages, and the snapshot's files.

Spark unpacks an archive below each executor's working directory (`spark.archives`, "Python Package Management"), under the
names given here.
"""

from __future__ import annotations

import io
import os
import tarfile
from typing import Iterable, Iterator, Optional, Tuple

from turnout.runtime import layout

ENVIRONMENT = "environment"
"""Where an executor has the environment: its Python is `environment/bin/python`."""

FILES = "run-files"
"""Where an executor has the snapshot (`run-files/code`) and the part of Turnout that modules may import."""

LIMIT = 64 << 20
"""Bytes of a snapshot up to which all of it goes to the executors; of a larger one its Python modules and packages."""

_MODULES = (".py", ".so", ".pyi")
_LEFT_OUT = ("pyspark", "__pycache__")  # executors have their cluster's own pyspark, which must be that of its version
_BASE_LEFT_OUT = (
    "__pycache__",
    "site-packages",
    "test",
    "tests",
    "idlelib",
    "turtledemo",
    "ensurepip",
    "include",
    "share",
)
_SYSTEM = ("/usr", "/usr/local", "/")

STARTER = """#!/bin/sh
# Starts the run's Python on an executor: the interpreter that the driver has, or one of the same version.
here=$(cd "$(dirname "$0")/.." && pwd -P)
for name in '%(base)s' "$here/base/bin/python%(version)s" python%(version)s python3; do
    found=$(command -v "$name" 2>/dev/null) || continue
    libraries=${LD_LIBRARY_PATH-}
    case $found in
    "$here/base/"*) libraries=$here/base/lib${libraries:+:$libraries} ;; # it was linked to look where it came from
    esac
    told=$(LD_LIBRARY_PATH=$libraries "$found" -I -S -c 'import sys
print("%%d.%%d %%s" %% (sys.version_info[:2] + (getattr(sys, "_base_executable", "") or sys.executable,)))' 2>/dev/null)
    [ "${told%%%% *}" = '%(version)s' ] || continue
    found=${told#* }
    [ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries"
    [ -d "$here/lib" ] || exec "$found" "$@"
    # A virtual environment, made where the archive was unpacked; several executors may share that place.
    if ! [ -e "$here/pyvenv.cfg" ]; then
        ln -s "$found" "$here/bin/python%(version)s" 2>/dev/null
        printf 'home = %%s\\ninclude-system-site-packages = false\\n' "$(dirname "$found")" >"$here/pyvenv.cfg.$$"
        mv "$here/pyvenv.cfg.$$" "$here/pyvenv.cfg"
    fi
    exec "$here/bin/python%(version)s" "$@"
done
echo "turnout: the executor on $(uname -n) has no Python %(version)s, with which the driver runs: install it there, or \\
choose an environment whose Python all machines of the cluster have" >&2
exit 127
"""
"""What stands as `bin/python` in the archive of an environment."""


def environment(into: str, prefix: Optional[str], interpreter: str, version: str) -> str:
    """Pack an environment for executors; return the archive's path.

    Args:
        into: where to write it; one that is there stays.
        prefix: the environment's directory; None for an interpreter without one, of which only the starter is packed.
        interpreter: the absolute path of its Python.
        version: of that, such as "3.11".

    Raises:
        OSError: it can't be read or written.
    """
    if os.path.exists(into):
        return into
    base = _base(prefix, interpreter)
    with _written(into) as archive:
        starter = STARTER % {"base": base.replace("'", "'\\''"), "version": version}
        if prefix and os.path.isdir(os.path.join(prefix, "conda-meta")):
            _add_tree(archive, prefix, "", (*_LEFT_OUT, "conda-meta", "pkgs", "include"))
            return into
        _add_bytes(archive, "bin/python", starter.encode("utf-8"), 0o755)
        if prefix:
            library = os.path.join("lib", "python" + version, "site-packages")
            _add_tree(archive, os.path.join(prefix, library), library, _LEFT_OUT)
        home = os.path.dirname(os.path.dirname(os.path.realpath(base)))  # a link to it may lie anywhere
        if base and home not in _SYSTEM:
            _add_base(archive, home, base, version)
    return into


def files(into: str, code: str, names: Iterable[Tuple[str, int]], runtime: str) -> str:
    """Pack the snapshot, and the shipped runtime beside it; return the archive's path.

    Args:
        into: where to write it.
        code: the directory that has the snapshot.
        names: its files, as paths below `code` and bytes.
        runtime: the directory of the shipped runtime.
    """
    there = list(names)
    if sum(size for _, size in there) > LIMIT:
        packages = {os.path.dirname(name) for name, _ in there if os.path.basename(name) == "__init__.py"} - {""}
        there = [
            (name, size)
            for name, size in there
            if name.endswith(_MODULES) or any(_is_below(name, package) for package in packages)
        ]
    with _written(into) as archive:
        for name, _ in there:
            archive.add(os.path.join(code, name), "code/" + name, recursive=False)
        _add_tree(archive, os.path.join(runtime, "turnout"), "runtime/turnout", ("__pycache__",))
    return into


def _is_below(name: str, directory: str) -> bool:
    return name.startswith(directory + "/")


def _base(prefix: Optional[str], interpreter: str) -> str:
    """Return the interpreter that a virtual environment stands on; the interpreter itself when it is none."""
    try:
        with open(os.path.join(prefix or "", "pyvenv.cfg"), encoding="utf-8") as stream:
            for line in stream:
                name, _, value = line.partition("=")
                if name.strip() == "home" and prefix:
                    return os.path.join(value.strip(), os.path.basename(os.path.realpath(interpreter)))
    except OSError:
        pass
    return interpreter


def _add_base(archive: tarfile.TarFile, home: str, base: str, version: str) -> None:
    """Pack a Python that isn't the system's, and so may not be on the cluster's machines: the program and its library."""
    archive.add(os.path.realpath(base), "base/bin/python" + version, recursive=False)
    library = "lib/python" + version
    _add_tree(archive, os.path.join(home, library), "base/" + library, _BASE_LEFT_OUT)
    for entry in sorted(os.listdir(os.path.join(home, "lib"))):
        if entry.startswith("libpython") and ".so" in entry:
            archive.add(os.path.join(home, "lib", entry), "base/lib/" + entry, recursive=False)


def _add_tree(archive: tarfile.TarFile, top: str, name: str, left_out: Tuple[str, ...]) -> None:
    for directory, directories, found in os.walk(top):
        relative = os.path.relpath(directory, top)
        directories[:] = sorted(each for each in directories if each not in left_out)
        links = [each for each in directories if os.path.islink(os.path.join(directory, each))]
        for each in sorted([*found, *links]):
            path = os.path.normpath(os.path.join(name, relative, each))
            archive.add(os.path.join(directory, each), path, recursive=False)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


class _written:  # noqa: N801 - reads as a verb
    """A compressed archive that is there under its name once it is whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._temporary = "%s.%s.tmp" % (path, os.urandom(4).hex())

    def __enter__(self) -> tarfile.TarFile:
        os.makedirs(os.path.dirname(self._path), layout.DIRECTORY_MODE, exist_ok=True)
        # The lowest level: what matters is when the executors can begin, and they are near.
        self._archive = tarfile.open(self._temporary, "w:gz", compresslevel=1)
        return self._archive

    def __exit__(self, kind: object, *raised: object) -> None:
        try:
            self._archive.close()
            if kind is None:
                os.chmod(self._temporary, layout.FILE_MODE)
                os.replace(self._temporary, self._path)
        finally:
            if os.path.exists(self._temporary):
                os.unlink(self._temporary)


def snapshot_files(code: str, manifest_path: str) -> Iterator[Tuple[str, int]]:
    """Yield path and bytes of each file of the snapshot that lies in `code`."""
    from turnout.runtime import manifest

    try:
        with open(manifest_path, "rb") as stream:
            entries = manifest.parse(stream.read())
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.kind != manifest.DIRECTORY and os.path.lexists(os.path.join(code, entry.path)):
            yield entry.path, entry.size


def remove(run: layout.RunLayout) -> None:
    """Remove what was packed for one run's executors."""
    try:
        for name in os.listdir(run.shipped):
            os.unlink(os.path.join(run.shipped, name))
        os.rmdir(run.shipped)
    except OSError:
        pass  # none was made
