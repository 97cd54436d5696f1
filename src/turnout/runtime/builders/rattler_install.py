"""Installs locked conda packages into a prefix: `python rattler_install.py LOCK.json PREFIX CACHE`.

The text is given to a Python that has py-rattler, here or in a container's image, so it imports nothing else of Turnout.
Each line of its output tells what it does; a failure begins with `error: ` and ends with status 1.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pathlib
import sys
import time

MYPY = False
if MYPY:
    from typing import Any, Dict, List

_BLOCK = 1 << 20
_SECONDS_BETWEEN_LINES = 2.0
_WITHOUT_NEWS = ("Caused by: failed to interact with the package cache layer", "Caused by: Request failed after")


def main(lock: str, prefix: str, cache: str) -> int:
    """Install and return the exit status."""
    with open(lock, encoding="utf-8") as stream:
        packages = json.load(stream)["conda"]
    try:
        check_local(packages)
        asyncio.run(install(packages, prefix, cache))
    except Exception as error:  # whatever rattler says goes into the log
        lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(_WITHOUT_NEWS)]
        say("error: " + "\n  ".join(line.replace("Caused by: ", "cause: ", 1) for line in lines))
        return 1
    return 0


async def install(packages: "List[Dict[str, Any]]", prefix: str, cache: str) -> None:
    """Have rattler fetch, check, unpack and link the packages."""
    import rattler

    reporter: "Any" = Progress(packages)
    say("py-rattler %s installs %d conda packages" % (rattler.__version__, len(packages)))
    await rattler.install(
        [record(package) for package in packages],
        prefix,
        cache_dir=pathlib.Path(cache, "pkgs"),
        client=rattler.Client.default_client(),
        reporter=reporter,
    )


def record(package: "Dict[str, Any]") -> "Any":
    """Return rattler's form of a locked package."""
    from rattler import PackageRecord, RepoDataRecord
    from rattler.package import BuildString

    made = PackageRecord(
        name=package["name"],
        version=package["version"],
        build=BuildString(package["build"]),
        build_number=package["build_number"],
        subdir=package["subdir"],
        noarch=package.get("noarch"),
        depends=package.get("depends") or [],
        sha256=bytes.fromhex(package["sha256"]) if package.get("sha256") else None,
        md5=bytes.fromhex(package["md5"]) if package.get("md5") else None,
        size=package.get("size"),
        python_site_packages_path=package.get("python_site_packages_path"),
    )
    return RepoDataRecord(made, package["url"].rpartition("/")[2], package["url"], package["channel"])


class Progress:
    """Says how the installation goes on: rattler calls those of its reporter's methods that are here.

    Args:
        packages: all that is installed.
    """

    def __init__(self, packages: "List[Dict[str, Any]]") -> None:
        self._named = {package["name"]: package for package in packages}
        self._fetched: "List[str]" = []
        self._linked = 0
        self._said: "Dict[int, float]" = {}

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        """Note that a package is looked for in the cache, and return what stands for it in the calls that follow."""
        self._fetched.append(package_name)
        return len(self._fetched) - 1

    def on_download_start(self, cache_entry: int) -> int:
        """Say that a package is downloaded, since the cache does not have it."""
        package = self._named.get(self._fetched[cache_entry]) or {}
        size = " (%s)" % amount(package["size"]) if package.get("size") else ""
        say("downloading %s %s%s" % (self._fetched[cache_entry], package.get("version", ""), size))
        self._said[cache_entry] = time.monotonic()
        return cache_entry

    def on_download_progress(self, download_idx: int, progress: int, total: "int | None") -> None:
        """Say how much of a package is there, now and then."""
        now = time.monotonic()
        if now - self._said.get(download_idx, now) >= _SECONDS_BETWEEN_LINES:
            self._said[download_idx] = now
            of = " of " + amount(total) if total else ""
            say("downloading %s, %s%s" % (self._fetched[download_idx], amount(progress), of))

    def on_link_start(self, operation: int, package_name: str) -> int:
        """Say that a package is put into the prefix."""
        self._linked += 1
        package = self._named.get(package_name) or {}
        words = (package_name, package.get("version", ""), package.get("build", ""), self._linked, len(self._named))
        say("installing %s %s %s, %d of %d" % words)
        return operation


def check_local(packages: "List[Dict[str, Any]]") -> None:
    """Hold archives of this machine against their locked hashes: rattler only does so with those that it downloads."""
    from urllib.parse import unquote, urlsplit

    for package in packages:
        parts = urlsplit(package["url"])
        if parts.scheme != "file":
            continue
        for name in ("sha256", "md5"):
            if package.get(name):
                found = digest(unquote(parts.path), hashlib.new(name))
                if found != package[name]:
                    words = (package["url"], package[name], found)
                    raise ValueError("hash mismatch: %s was locked with %s and has %s" % words)
                break


def digest(path: str, whole: "Any") -> str:
    """Return a file's hash in hexadecimal."""
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            whole.update(block)
    return str(whole.hexdigest())


def amount(size: int) -> str:
    """Return a size as a person reads it."""
    return "%.1f MB" % (size / 1e6) if size >= 100000 else "%.1f kB" % (size / 1e3)


def say(line: str) -> None:
    """Put a line into the log at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # The other files of this directory must not stand in for packages of their names.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    status = main(*sys.argv[1:4])
    # At the end of an interpreter threads of rattler's may still be about to call it, and crash then: it ends at once.
    os._exit(status)
