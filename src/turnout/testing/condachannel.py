"""Makes real conda channels in a folder: this machine's CPython, packages of a few files, and repackaged ones of PyPI.

Needs zstandard, which is among the development dependencies. Nothing of conda's own is needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from turnout.environments.kinds.conda_solve import SUBDIRS
from turnout.environments.resolution import platform_tag
from turnout.runtime.builders import pythons, uvtool

PLACEHOLDER = "/opt/" + "_placeholder" * 20
"""What stands for the prefix in a file that names it; rattler puts the real one in."""

_LEFT_OUT = ("__pycache__", "site-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3")
_WHERE = "import json, sys, sysconfig as s; print(json.dumps([sys.base_prefix, s.get_path('stdlib'), s.get_path('purelib')]))"


class NoPython(Exception):
    """There is no CPython here that could be repackaged."""


class Channel:
    """A channel in a folder; `index` makes what was added visible.

    Attributes:
        path: the folder.
        subdir: this machine's platform, as conda calls it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.subdir = SUBDIRS[platform_tag()]
        self._records: dict[str, dict[str, dict[str, Any]]] = {self.subdir: {}, "noarch": {}}

    @property
    def url(self) -> str:
        """The channel as it is named in a specification."""
        return self.path.as_uri()

    def add(
        self,
        name: str,
        version: str,
        files: Mapping[str, str | bytes] | Callable[[Path], None],
        depends: tuple[str, ...] = (),
        noarch: str | None = None,
        build: str = "0",
        form: str = ".conda",
    ) -> Path:
        """Add a package and return its archive.

        Args:
            name: its name.
            version: its version.
            files: path in the prefix → content, or what fills a folder; a noarch Python package has its modules in
                `site-packages/`. `PLACEHOLDER` in a text becomes the prefix.
            depends: what it needs, as match specifications.
            noarch: "python", "generic", or None for a package of this platform.
            build: its build string.
            form: ".conda", or ".tar.bz2" for the older form.
        """
        subdir = "noarch" if noarch else self.subdir
        index: dict[str, Any] = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "depends": list(depends),
            "subdir": subdir,
            "timestamp": 1700000000000,
        }
        if noarch:
            index["noarch"] = noarch
        archive = self.path / subdir / f"{name}-{version}-{build}{form}"
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path) as directory:
            top = Path(directory)
            if callable(files):
                files(top)
            else:
                for relative, content in files.items():
                    _write(top / relative, content)
            _describe(top, index)
            (_pack_conda if form == ".conda" else _pack_bz2)(top, archive)
        data = archive.read_bytes()
        digests = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest()}
        self._records[subdir][archive.name] = {**index, **digests, "size": len(data)}
        return archive

    def add_python(self, version: str, uv: str) -> None:
        """Add a CPython of this machine, without its tests and without packages.

        Args:
            version: the minor version, such as "3.11".
            uv: path of uv, which downloads one where this machine has none that can be moved.

        Raises:
            NoPython: there is none.
        """
        prefix, library, full = _movable_python(version, uv)

        def fill(top: Path) -> None:
            (top / "bin").mkdir()
            (top / "lib").mkdir()
            shutil.copy2(prefix / "bin" / f"python{version}", top / "bin")
            _find_library_beside(top / "bin" / f"python{version}", prefix / "lib")
            for link in ("python3", "python"):
                (top / "bin" / link).symlink_to(f"python{version}")
            for shared in (prefix / "lib").glob("libpython*.so*"):
                shutil.copy2(shared, top / "lib", follow_symlinks=False)
            shutil.copytree(library, top / "lib" / library.name, symlinks=True, ignore=_left_out)
            (top / "lib" / library.name / "site-packages").mkdir()
            _write(top / "lib" / library.name / "site-packages" / "README.txt", "packages go here\n")

        self.add("python", full, fill, build="0_cpython")

    def add_from_pypi(self, name: str, version: str, uv: str) -> None:
        """Add a package of PyPI that has no compiled code."""

        def fill(top: Path) -> None:
            command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(top / "site-packages")]
            variables = uvtool.variables(os.environ)
            subprocess.run([*command, "--python", sys.executable, f"{name}=={version}"], env=variables, check=True)
            for extra in (top / "site-packages" / ".lock", top / "site-packages" / "bin"):
                if extra.is_file():
                    extra.unlink()
                elif extra.is_dir():
                    shutil.rmtree(extra)

        self.add(name, version, fill, ("python >=3.8",), noarch="python", build="pyhd_0")

    def index(self) -> None:
        """Write repodata.json of both subdirectories."""
        for subdir, records in self._records.items():
            kinds: dict[str, dict[str, Any]] = {"packages": {}, "packages.conda": {}}
            for archive, record in records.items():
                kinds["packages.conda" if archive.endswith(".conda") else "packages"][archive] = record
            whole = {"info": {"subdir": subdir}, **kinds, "removed": [], "repodata_version": 1}
            _write(self.path / subdir / "repodata.json", json.dumps(whole, indent=1))


def once(path: Path, fill: Callable[[Channel], None]) -> Channel:
    """Return the channel at `path`, filled and indexed by the first of several processes that ask for it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = Path(tempfile.mkdtemp(dir=path.parent))
            try:
                channel = Channel(unfinished)
                fill(channel)
                channel.index()
                os.rename(unfinished, path)
            except BaseException:
                shutil.rmtree(unfinished)
                raise
    return Channel(path)


def _movable_python(version: str, uv: str) -> tuple[Path, Path, str]:
    """Return prefix, library and full version of a CPython that works where it is copied to; Debian's own does not."""
    variables = uvtool.variables(os.environ)
    asked = [[uv, "python", "find", "--managed-python", version], [uv, "python", "install", "--no-bin", version]]
    paths = [pythons.own(version), pythons.find(version, uv, variables)]
    for command in (asked[0], asked[1], asked[0]):
        for path in filter(None, paths):
            told = subprocess.run([path, "-I", "-c", _WHERE], capture_output=True, text=True, check=True).stdout
            prefix, library, packages = json.loads(told)
            if packages.endswith("site-packages"):
                full = subprocess.run([path, "-I", "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
                return Path(prefix), Path(library), full
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
        paths = done.stdout.split()[-1:] if done.returncode == 0 and command == asked[0] else []
    raise NoPython(f"a CPython {version} that can be moved (uv python install {version})")


def _find_library_beside(program: Path, library: Path) -> None:
    """Have a program look for its shared library beside itself, as conda's do, and not where it was built for."""
    data, built_for = program.read_bytes(), os.fsencode(library)
    beside = b"$ORIGIN/../lib"
    if len(beside) <= len(built_for):
        program.write_bytes(data.replace(b"\0%s\0" % built_for, b"\0%s\0" % beside.ljust(len(built_for), b"\0")))


def _left_out(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if name in _LEFT_OUT or name.startswith("config-")]


def _describe(top: Path, index: dict[str, Any]) -> None:
    """Write a package's `info/` for what lies in `top`."""
    paths = []
    for directory, _, names in os.walk(top):
        for name in names:
            path = Path(directory, name)
            entry: dict[str, Any] = {"_path": path.relative_to(top).as_posix(), "path_type": "hardlink"}
            data = b"" if path.is_symlink() else path.read_bytes()
            if path.is_symlink():
                entry["path_type"] = "softlink"
            elif PLACEHOLDER.encode() in data:
                entry.update(prefix_placeholder=PLACEHOLDER, file_mode="text")
            paths.append({**entry, "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)})
    paths.sort(key=lambda entry: str(entry["_path"]))
    _write(top / "info/index.json", json.dumps(index))
    _write(top / "info/paths.json", json.dumps({"paths": paths, "paths_version": 1}))
    _write(top / "info/files", "".join(f"{entry['_path']}\n" for entry in paths))
    _write(top / "info/about.json", "{}")
    if index.get("noarch") == "python":
        _write(top / "info/link.json", json.dumps({"noarch": {"type": "python"}, "package_metadata_version": 1}))


def _pack_conda(top: Path, archive: Path) -> None:
    """Write the newer form: a zip of two compressed tars, of `info/` and of the rest."""
    import zstandard

    stem = archive.name.removesuffix(".conda")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as whole:
        whole.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        for part in ("pkg", "info"):
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as tar:
                _fill_tar(tar, top, lambda path, part=part: path.startswith("info/") == (part == "info"))  # type: ignore[misc]
            compressor = zstandard.ZstdCompressor(level=1)
            whole.writestr(f"{part}-{stem}.tar.zst", compressor.compress(packed.getvalue()))


def _pack_bz2(top: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:bz2") as tar:
        _fill_tar(tar, top, lambda path: True)


def _fill_tar(tar: tarfile.TarFile, top: Path, wanted: Callable[[str], bool]) -> None:
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top).as_posix()
        if (path.is_symlink() or path.is_file()) and wanted(relative):
            tar.add(path, relative, recursive=False)


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if path.parent.name == "bin":
        path.chmod(0o755)
