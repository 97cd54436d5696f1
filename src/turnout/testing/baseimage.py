"""Packs the Python that runs the tests, and what it needs of this machine, into a base image for container engines.

Where no registry can be reached there is no image to start from. This one has what `python:X.Y-slim` has, as far as tests
need it: Python with pip below /usr/local, a shell with the usual small tools, certificates, accounts. The archive is a
root file system as `podman import` and `docker import` take it, and the same for the same machine.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from turnout.runtime import filelocks

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
IMAGE = f"docker.io/library/python:{VERSION}-slim"
"""What the image is called, so that an ordinary `FROM python:X.Y-slim` finds it."""

SETTINGS = ("ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin", "ENV LANG=C.UTF-8", "CMD python3")
"""What an import has to be told by `--change`: an archive of files has no place for it."""

_TOOLS = (
    "awk basename bash cat chmod chown cp cut date df dirname du echo env false find grep gzip head hostname id kill ln ls "
    "mkdir mktemp mv nproc printenv ps pwd readlink rm rmdir sed seq sh sha256sum sleep sort stat tail tar tee test timeout "
    "touch tr true uname wc"
)
_PIP = """#!/usr/local/bin/python3
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""
_LIBRARIES_OF_WHEELS = ("libgcc_s.so.1", "libstdc++.so.6", "libgomp.so.1", "libresolv.so.2", "libnss_dns.so.2")
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|test|tests|idlelib|tkinter|turtledemo|site-packages|dist-packages|config-[^/]*)$"
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_DIRECTORIES = (
    "dev",
    "etc",
    "home",
    "opt",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "tmp",
    "usr/local/bin",
    "var/tmp",
    "work",
)
_OPEN_TO_ALL = ("tmp", "var/tmp")


@contextlib.contextmanager
def packed(directory: Path) -> Iterator[Path]:
    """Have the archive below a directory that several processes share; it is packed once.

    Args:
        directory: one for all processes of a test session. The archive goes with the last of those that have it.

    Yields:
        Its path.
    """
    archive = directory / "base-image.tar"
    with (directory / "base-image.lock").open("ab") as turn, (directory / "base-image.users").open("ab") as users:
        filelocks.lock(turn.fileno())
        try:
            filelocks.lock(users.fileno(), shared=True)
            if not archive.exists():
                pack(directory / "base-image.part")
                (directory / "base-image.part").rename(archive)
        finally:
            filelocks.unlock(turn.fileno())
        try:
            yield archive
        finally:
            filelocks.lock(turn.fileno())  # until it is closed: nobody looks for the archive while it may go
            filelocks.unlock(users.fileno())
            with contextlib.suppress(BlockingIOError):
                filelocks.lock(users.fileno(), wait=False)
                archive.unlink(missing_ok=True)


def pack(path: Path) -> None:
    """Write the archive."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        image = _Image(archive)
        for name in ("bin", "lib", "lib64", "sbin"):
            if os.path.islink(f"/{name}"):
                image.link(name, f"usr/{name}")
        for name in _DIRECTORIES:
            image.directory(name)
        for name, text in _FILES.items():
            image.text(name, text)
        needing = [*_pack_python(image), *_pack_tools(image)]
        for library in sorted({*_needed_by(needing), *_known_libraries()}):
            image.file(library, _own_place(library))
        _pack_certificates(image)


class _Image:
    """An archive of a root file system in which each name is there once, and owned by root."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._names: set[str] = set()

    def directory(self, name: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type = tarfile.DIRTYPE
        entry.mode = 0o1777 if name in _OPEN_TO_ALL else 0o755
        self._add(entry)

    def link(self, name: str, to: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, to
        self._add(entry)

    def text(self, name: str, text: str, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(name)
        entry.mode = mode
        entry.size = len(text.encode())
        self._add(entry, io.BytesIO(text.encode()))

    def file(self, source: str, name: str) -> None:
        with open(source, "rb") as stream:
            entry = tarfile.TarInfo(name)
            status = os.fstat(stream.fileno())
            entry.size, entry.mode, entry.mtime = status.st_size, status.st_mode & 0o755, int(status.st_mtime)
            self._add(entry, stream)

    def tree(self, source: str, name: str) -> list[str]:
        """Add a directory without what `_LEFT_OUT` names below it; return the shared libraries among its files."""
        libraries = []
        for parent, directories, files in os.walk(source):
            directories[:] = sorted(each for each in directories if not _LEFT_OUT.search(each))
            for each in sorted(name for name in files if not name.startswith("_tkinter")):  # it needs X
                path = os.path.join(parent, each)
                self.file(path, os.path.join(name, os.path.relpath(path, source)))
                if each.endswith(".so"):
                    libraries.append(path)
        return libraries

    def _add(self, entry: tarfile.TarInfo, contents: io.IOBase | None = None) -> None:
        if entry.name not in self._names:
            self._names.add(entry.name)
            self._archive.addfile(entry, contents)


def _pack_python(image: _Image) -> list[str]:
    """Add the interpreter, its standard library and pip; return the binaries among them."""
    binary = os.path.realpath(os.path.join(sys.base_prefix, "bin", f"python{VERSION}"))
    image.file(binary, f"usr/local/bin/python{VERSION}")
    image.link("usr/local/bin/python3", f"python{VERSION}")
    image.link("usr/local/bin/python", "python3")
    library = os.path.join(sys.base_prefix, "lib", f"python{VERSION}")
    target = f"usr/local/lib/python{VERSION}"
    needing = [binary, *image.tree(library, target)]
    image.directory(f"{target}/site-packages")
    packages = sysconfig.get_path("purelib", vars={"base": sys.base_prefix})
    for name in sorted(os.listdir(packages)) if os.path.isdir(packages) else []:
        if name == "pip" or re.fullmatch(r"pip-[^-]+\.dist-info", name):
            image.tree(os.path.join(packages, name), f"{target}/site-packages/{name}")
            image.text("usr/local/bin/pip", _PIP, 0o755)
    return needing


def _pack_tools(image: _Image) -> list[str]:
    """Add the small tools that this machine has; return them."""
    found = [path for path in map(shutil.which, _TOOLS.split()) if path is not None]
    for path in found:
        image.file(path, f"usr/bin/{os.path.basename(path)}")
    return found


def _pack_certificates(image: _Image) -> None:
    """Add the certificates that this machine trusts, where OpenSSL looks and where Debian keeps them."""
    paths = ssl.get_default_verify_paths()
    bundle = paths.cafile or "/etc/ssl/certs/ca-certificates.crt"
    if os.path.isfile(bundle):
        for place in ("/etc/ssl/certs/ca-certificates.crt", paths.openssl_cafile):
            image.file(bundle, place.lstrip("/"))


def _needed_by(binaries: Iterable[str]) -> list[str]:
    """Return the shared libraries that binaries need, and the loader, as the loader of this machine finds them."""
    said = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return re.findall(r"^\t(?:\S+ => )?(/\S+) \(0x", said, re.MULTILINE)


def _known_libraries() -> list[str]:
    """Return those of `_LIBRARIES_OF_WHEELS` that this machine has: wheels take them for granted."""
    ldconfig = shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin")
    said = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True).stdout if ldconfig else ""
    found = dict(reversed(re.findall(r"^\t(\S+) \(libc6,[^)]*\) => (\S+)$", said, re.MULTILINE)))
    return [found[name] for name in _LIBRARIES_OF_WHEELS if name in found]


def _own_place(library: str) -> str:
    """Return where a library lies in the image: as here, but for Python's own, which go where every loader looks."""
    if library.startswith(sys.base_prefix + "/") and sys.base_prefix != "/usr":
        return f"usr/lib/{os.path.basename(library)}"
    return os.path.join(os.path.realpath(os.path.dirname(library)), os.path.basename(library)).lstrip("/")
