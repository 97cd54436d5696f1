"""Solves conda packages: reads a question from standard input, writes the answer to standard output, both as JSON.

The text is given to a Python that has py-rattler, which need not be Turnout's, so it imports nothing else of Turnout.
A question has `channels`, `specs`, `python` (a version), `subdir`, `priority`, `cache` (a directory) and `virtual`
(`name=version=build`, or None for those of this machine). The answer has `packages` and `virtual`, or `failed` (one of
`FAILURES`), `words` (what rattler said) and `names` (packages that no channel has, or the Pythons that there are).
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import sys
from typing import Any

FAILURES = ("specification", "channel", "missing", "python", "conflict", "other")


def main() -> int:
    """Answer the question of standard input."""
    question = json.load(sys.stdin)
    json.dump(asyncio.run(answer(question)), sys.stdout)
    return 0


async def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a question."""
    import rattler
    from rattler import exceptions

    try:
        specs = [rattler.MatchSpec(spec) for spec in [*question["specs"], f"python={question['python']}"]]
        channels = [rattler.Channel(channel) for channel in question["channels"]]
    except Exception as error:  # each part of a specification has an exception of its own
        return _failed("specification", error)
    gateway = rattler.Gateway(pathlib.Path(question["cache"], "repodata"), client=rattler.Client.default_client())
    platforms = [question["subdir"], "noarch"]
    virtual = _virtual(question["virtual"])
    try:
        solved = await rattler.solve(
            channels,
            specs,
            gateway=gateway,
            platforms=platforms,
            virtual_packages=virtual,
            channel_priority=getattr(rattler.ChannelPriority, question["priority"].capitalize()),
        )
    except exceptions.SolverError as error:
        return await _why(error, gateway, channels, platforms, specs, question)
    except exceptions.GatewayError as error:
        return _failed("channel", error)
    except Exception as error:
        return _failed("other", error)
    packages = sorted((_package(record) for record in solved), key=lambda package: str(package["name"]))
    return {"packages": packages, "virtual": sorted(str(package) for package in virtual)}


async def _why(
    error: Exception,
    gateway: Any,
    channels: list[Any],
    platforms: list[str],
    specs: list[Any],
    question: dict[str, Any],
) -> dict[str, Any]:
    """Return the failure of a solution, told from what the channels have at all."""
    names = sorted({spec.name.normalized for spec in specs})
    found = await gateway.query(channels, platforms, names, recursive=False)
    records = [record for of_one in found for record in of_one]
    there = {record.name.normalized for record in records}
    missing = [name for name in names if name not in there and not name.startswith("__")]
    if "python" in missing or not missing:
        pythons = sorted(record.version for record in records if record.name.normalized == "python")
        versions = list(dict.fromkeys(str(version) for version in pythons))
        if not any(f"{version}.".startswith(f"{question['python']}.") for version in versions):
            return _failed("python", error, versions)
    return _failed("missing", error, missing) if missing else _failed("conflict", error)


def _failed(what: str, error: Exception, names: list[str] | None = None) -> dict[str, Any]:
    return {"failed": what, "words": str(error).strip(), "names": names or []}


def _virtual(named: list[str] | None) -> list[Any]:
    """Return virtual packages, what a machine has to offer, in rattler's form."""
    import rattler
    from rattler.package import BuildString

    if named is None:
        return [package.into_generic() for package in rattler.VirtualPackage.detect()]
    made = []
    for text in named:
        name, version, build = text.split("=")
        made.append(
            rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(version), BuildString(build))
        )
    return made


def _package(record: Any) -> dict[str, Any]:
    """Return what a lock holds of a package: all that it takes to download, check and install it."""
    kinds = record.noarch
    package = {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "build_number": record.build_number,
        "subdir": record.subdir,
        "noarch": "python" if kinds.python else "generic" if kinds.generic else None,
        "depends": list(record.depends),
        "channel": record.channel,
        "url": record.url,
        "sha256": record.sha256.hex() if record.sha256 else None,
        "md5": record.md5.hex() if record.md5 else None,
        "size": record.size,
        "python_site_packages_path": record.python_site_packages_path,
    }
    return {name: value for name, value in package.items() if value is not None}


if __name__ == "__main__":
    # The other files of this directory must not stand in for packages of their names.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    status = main()
    sys.stdout.flush()
    # At the end of an interpreter threads of rattler's may still be about to call it, and crash then: it ends at once.
    os._exit(status)
