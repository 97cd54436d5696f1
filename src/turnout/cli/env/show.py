"""`turnout env show`: what an environment asks for, what it is locked to, and whether it is built here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import common, text
from turnout.cli.env import asked
from turnout.exceptions import EnvironmentException

if TYPE_CHECKING:
    from turnout.environments.built import Built
    from turnout.environments.environment import Environment
    from turnout.workspace import Workspace


@click.command("show")
@common.python_option
@common.json_option
@click.argument("spec", metavar="SPEC|KEY")
def command(spec: str, python: str | None, as_json: bool) -> None:
    """Show an environment: its definition, its lock if it has one, and what is built of it here.

    Nothing is resolved and nothing is built. KEY is one of `turnout env list --built`, or the beginning of one.
    """
    workspace = common.workspace()
    facts = _gather(workspace, spec, python)
    if as_json:
        common.print_json(facts)
    else:
        _print(facts, spec)


def _gather(workspace: Workspace, spec: str, python: str | None) -> dict[str, Any]:
    from turnout.environments import built

    try:
        wanted = asked.environment(workspace, spec, python)
    except EnvironmentException:
        key = None if os.sep in spec else built.find_key(workspace.home, spec)
        found = built.look(workspace.home, key) if key else None
        if found is None:
            raise
        return _of_key(workspace, found)
    return _of_environment(workspace, wanted)


def _of_environment(workspace: Workspace, wanted: Environment) -> dict[str, Any]:
    from turnout.environments import built, locking

    question = asked.question(workspace, wanted, quiet=True)
    facts: dict[str, Any] = {
        "name": wanted.name,
        "version": wanted.version,
        "kind": question.kind_name,
        "python": question.request.get("python"),
        "platform": question.request.get("platform"),
        "definition": wanted.serialize(),
        "python_asked": common.asked_python(wanted.serialize()),
        "asks_for": asked.asks_for(wanted),
        "key": None,
        "lock": None,
        "resolved": None,
        "packages": None,
        "built": None,
    }
    locked = locking.kept(question, workspace.layout)
    if locked is not None:
        facts.update(asked.lock_facts(workspace, locked))
        here = built.look(workspace.home, facts["key"])
        facts["built"] = None if here is None else _built(workspace, here)
    return facts


def _of_key(workspace: Workspace, here: Built) -> dict[str, Any]:
    from turnout.environments import packages

    return {
        "key": here.key,
        "kind": here.kind,
        "python": here.python,
        "packages": asked.package_facts(packages.of_facts(here.packages)),
        "built": _built(workspace, here),
    }


def _built(workspace: Workspace, here: Built) -> dict[str, Any]:
    from turnout.environments import built, disk

    usage = disk.Disk().add(here.directory, here.image_bytes)
    uses = built.Uses(workspace.home)
    uses.update()
    return {
        "directory": here.directory,
        "interpreter": here.interpreter,
        "python": here.python,
        "built": text.iso_time(here.built),
        "last_used": text.iso_time(here.last_used),
        "bytes": usage.bytes,
        "bytes_freed": usage.freed,
        "runs": len(uses.by_key.get(here.key, [])),
    }


def _print(facts: dict[str, Any], spec: str) -> None:
    here, locked = facts["built"], facts.get("packages")
    lines = common.Facts()
    if facts.get("name"):
        lines.add("environment", facts["name"] + (f", version {facts['version']}" if facts["version"] else ""))
    lines.add("kind", facts["kind"])
    version = (here or {}).get("python") or facts["python"]
    lines.add("Python", f"{version} in place of {facts['python_asked']}" if facts.get("python_asked") else version)
    lines.add("platform", facts.get("platform"))
    lines.add("asks for", ", ".join(facts.get("asks_for") or ()))
    variables = (facts.get("definition") or {}).get("environmentVariables") or {}
    lines.add("variables", ", ".join(f"{name}={value}" for name, value in variables.items()))
    lines.add("key", facts["key"])
    if facts.get("lock"):
        lines.add("lock", f"resolved {asked.local_time(facts['resolved'])}, {text.count(len(locked or ()), 'package')}")
        lines.add("lock file", facts["lock"])
    elif "lock" in facts:
        lines.add("lock", f"none yet; `turnout env lock {spec}` makes one" if locked is None else "nothing to resolve")
    if here:
        lines.add("built", asked.local_time(here["built"]))
        lines.add("last used", asked.local_time(here["last_used"]))
        lines.add("used by", text.count(here["runs"], "run"))
        lines.add("directory", here["directory"])
        lines.add("size", f"{text.size(here['bytes'])}; removing it frees {text.size(here['bytes_freed'])}")
    elif facts["key"] and facts["kind"] != "existing":
        lines.add("built", f"not here; `turnout env build {spec}` does that, and so does the first run")
    lines.print()
    if locked:
        print()
        asked.print_packages(locked)
