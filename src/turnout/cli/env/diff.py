"""`turnout env diff`: which packages differ between two environments, two runs, or the kept lock and what there is now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from turnout.cli import common
from turnout.cli.env import asked
from turnout.exceptions import UserErrorException

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnout.environments.locking import Locked
    from turnout.environments.packages import Package
    from turnout.run import Run
    from turnout.workspace import Workspace


class Side(NamedTuple):
    """One of the two that are compared."""

    words: str
    environment: dict[str, Any]
    packages: list[Package]


@click.command("diff")
@common.python_option
@common.json_option
@click.argument("a", metavar="A")
@click.argument("b", metavar="[B]", required=False)
def command(a: str, b: str | None, python: str | None, as_json: bool) -> None:
    """Show which packages differ from A to B; each is a SPEC, or a run: its id, the beginning of one, or @last.

    A alone is a SPEC: its kept lock is compared with what it would be resolved to now. Nothing is kept of that; to keep
    it, `turnout env update A`.
    """
    if b is not None and python is not None:
        raise click.UsageError("--python goes with one SPEC, not with two", click.get_current_context())
    workspace = common.workspace()
    if b is None:
        one, other = _then_and_now(workspace, a, python)
    else:
        one, other = (side() for side in [_named(workspace, a), _named(workspace, b)])  # a wrong name costs nothing
    changes = list(asked.differences(one, other))
    if as_json:
        sides = {"before": _facts(one), "after": _facts(other)}
        common.print_json({**sides, "changes": asked.change_facts(changes)})
        return
    asked.print_changes(changes)
    if not changes:
        print(f"no difference: {one.words} and {other.words}")
    else:
        common.notice(f"before: {one.words}; after: {other.words}")


def _then_and_now(workspace: Workspace, spec: str, python: str | None) -> tuple[Side, Side]:
    from turnout.environments import locking

    question = asked.question(workspace, asked.environment(workspace, spec, python))
    kept = locking.kept(question, workspace.layout)
    if kept is None:
        raise UserErrorException(f"{spec} has no lock to compare with yet; `turnout env lock {spec}` makes one")
    if not kept.digest:
        raise UserErrorException(f"there is nothing to resolve for {spec}; name a second environment or run")
    now = asked.resolved(locking.fresh, question)
    return _of_lock(kept, f"the lock of {spec}"), _of_lock(now, f"{spec} now")


def _named(workspace: Workspace, name: str) -> Callable[[], Side]:
    """Return what gives the packages of what a name means: an environment if there is one, else a run."""
    from turnout.exceptions import EnvironmentException

    if name.startswith("@"):
        return partial(_run, common.find(workspace, name))
    try:
        wanted = asked.environment(workspace, name)
    except EnvironmentException as no_environment:
        try:
            return partial(_run, common.find(workspace, name))
        except UserErrorException:
            raise no_environment from None
    return partial(_environment, workspace, name, asked.question(workspace, wanted))


def _environment(workspace: Workspace, name: str, question: Any) -> Side:
    from turnout.environments import locking, packages
    from turnout.runtime.builders import inspection

    kept = locking.kept(question, workspace.layout)
    if kept is None:
        return _of_lock(asked.resolved(locking.fresh, question), f"{name}, resolved now")
    if kept.digest or "interpreter" not in kept.environment["lock"]:
        return _of_lock(kept, f"the lock of {name}" if kept.digest else name)
    told = inspection.inspect(kept.environment["lock"]["interpreter"])
    if "error" in told:
        raise UserErrorException(f"{name} does not tell what is installed in it: {told['error']}")
    return Side(name, kept.environment, packages.of_facts(told["packages"]))


def _run(run: Run) -> Side:
    """Return the packages of a run: those of its lock, or what was installed in the interpreter that it used."""
    from turnout.environments import packages

    submitted = run.record.definition.get("environment") or {}
    if not submitted.get("lock"):
        raise UserErrorException(f"the run {run.id} has no lock: its environment could not be resolved")
    listed = packages.of_lock(submitted["kind"], submitted["lock"])
    if not listed:
        listed = packages.of_facts(run.record.environment().get("packages") or [])
    return Side(f"the run {run.id}", submitted, listed)


def _of_lock(locked: Locked, words: str) -> Side:
    return Side(words, locked.environment, locked.packages)


def _facts(side: Side) -> dict[str, Any]:
    found = {name: side.environment.get(name) for name in ("name", "version", "kind", "key", "python", "platform")}
    return {"what": side.words, **found, "packages": asked.package_facts(side.packages)}
