"""What the subcommands of `turnout env` share: the environment that a person names, its lock, and how both are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import click

from turnout.cli import common, streams, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from turnout.environments.environment import Environment
    from turnout.environments.locking import Locked
    from turnout.environments.packages import Change, Package
    from turnout.environments.resolution import Question
    from turnout.workspace import Workspace


class HasPackages(Protocol):
    """An environment with its packages: a lock, or one side of a comparison."""

    @property
    def environment(self) -> dict[str, Any]:
        """Its kind, Python and platform, at least."""
        ...

    @property
    def packages(self) -> list[Package]:
        """Its packages."""
        ...


def spec_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument SPEC, its parameter `spec`."""
    return click.argument("spec", metavar="SPEC")(function)


def environment(workspace: Workspace, spec: str, python: str | None = None) -> Environment:
    """Return the environment that SPEC names, with another Python if one is given.

    Raises:
        UserErrorException: there is none, or Turnout can't carry it out.
    """
    from turnout.config import capabilities
    from turnout.environments.specification import from_spec

    found = from_spec(spec, workspace, python=python)
    capabilities.check_environment(found)
    return found


def asks_for(wanted: Environment) -> list[str]:
    """Return the lines that an environment was made of, conda's first."""
    if wanted.python.user_managed_dependencies or wanted.python.conda_dependencies is None:
        return []
    return [*wanted.python.conda_dependencies.conda_packages, *wanted.python.conda_dependencies.pip_requirements]


def question(workspace: Workspace, wanted: Environment, quiet: bool = False) -> Question:
    """Return an environment's question to the resolver; relative paths in it are relative to the current directory."""
    from turnout.environments import resolution

    report = (lambda line: None) if quiet else _report
    return resolution.ask(wanted.serialize(), workspace.home, report)


def resolved(act: Callable[..., Any], *arguments: Any) -> Any:
    """Call what resolves; when there is no solution, let the resolver's own words come before the error's line."""
    from turnout.environments.resolution import ResolutionFailed

    try:
        return act(*arguments)
    except ResolutionFailed as error:
        streams.say(error.words.rstrip())
        raise


def built_key(workspace: Workspace, text: str) -> str:
    """Return the key that a person means: of the environment of that name, or the key itself or its beginning.

    Raises:
        UserErrorException: there is none.
    """
    from turnout.environments import built, locking
    from turnout.exceptions import EnvironmentException

    try:
        wanted = environment(workspace, text)
    except EnvironmentException:
        key = None if "/" in text else built.find_key(workspace.home, text)
        if key is None:
            raise
        return key
    locked = locking.kept(question(workspace, wanted, quiet=True), workspace.layout)
    if locked is None:
        raise EnvironmentException(
            f"{text} has no lock, so nothing is built of it as it is now; `turnout env list --built` lists what there is"
        )
    return str(locked.environment["key"])


def lock_facts(workspace: Workspace, locked: Locked) -> dict[str, Any]:
    """Return what is known of a lock, as JSON types."""
    from turnout.environments import locks

    found = locked.environment
    return {
        "name": found["name"],
        "version": found["version"],
        "kind": found["kind"],
        "key": found["key"],
        "python": found["python"],
        "platform": found["platform"],
        "lock": locks.path(workspace.layout, locked.digest) if locked.digest else None,
        "resolved": text.iso_time(locked.resolved),
        "packages": package_facts(locked.packages),
    }


def package_facts(packages: Iterable[Package]) -> list[dict[str, Any]]:
    """Return packages as JSON types."""
    return [
        {
            "name": package.name,
            "version": package.version or None,
            "url": package.url or None,
            "hashes": len(package.hashes),
        }
        for package in packages
    ]


def print_packages(packages: Iterable[dict[str, Any]]) -> None:
    """Print a table of what `package_facts` returned; of nothing, nothing."""
    listed = list(packages)
    columns = ["package", "version"] + ["from"] * any(package["url"] for package in listed)
    table = common.Table(*columns)
    for package in listed:
        table.add(*[package["name"], package["version"], package["url"]][: len(columns)])
    table.print()


def change_facts(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return changes as JSON types."""
    return [
        {"change": change.kind, "what": change.what, "before": change.before, "after": change.after}
        for change in changes
    ]


def print_changes(changes: Iterable[Change]) -> None:
    """Print a table of changes; of none, nothing."""
    table = common.Table("package", "change", "before", "after")
    for change in changes:
        table.add(change.what, change.kind, change.before, change.after)
    table.print()


def differences(before: HasPackages, after: HasPackages) -> Iterator[Change]:
    """Yield what differs between two locks: the Python and platform they are for, then the packages."""
    from turnout.environments import packages

    for name, heading in (("python", "Python"), ("platform", "platform"), ("kind", "kind")):
        old, new = before.environment[name], after.environment[name]
        if old != new:
            yield packages.Change(packages.CHANGED, heading, old, new)
    yield from packages.changes(before.packages, after.packages)


def local_time(iso: str | None) -> str:
    """Return a time that `text.iso_time` gave as local time."""
    from datetime import datetime

    if iso is None:
        return "-"
    return text.local_time(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp())


def spoken(locked: Locked) -> str:
    """Return a lock in words: how many packages, for which Python, when it was resolved."""
    count = text.count(len(locked.packages), "package")
    when = f", resolved {text.local_time(locked.resolved)}" if locked.resolved else ""
    return f"{count} for Python {locked.environment['python'] or '?'} on {locked.environment['platform']}{when}"


def _report(line: str) -> None:
    streams.say(f"turnout: {line}")
