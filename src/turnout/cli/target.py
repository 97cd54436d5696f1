"""`turnout target`: the compute targets of a workspace, and how many slots each has."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from turnout.cli import common, streams, target_add, target_alias, target_spark
from turnout.exceptions import UserErrorException


@click.group("target")
def command() -> None:
    """Add machines, look at them, change how they are reached and how many slots they have, and remove them."""


command.add_command(target_add.add)
command.add_command(target_add.check)
command.add_command(target_add.remove)
command.add_command(target_alias.alias)


@command.command("list")
@common.json_option
def list_targets(as_json: bool) -> None:
    """List the compute targets of the workspace."""
    rows = [_facts(target) for target in common.workspace().compute_targets.values()]
    trouble = [row["trouble"] for row in rows if row.get("trouble")]
    if as_json:
        common.print_json(rows)
        return
    table = common.Table(
        "target", "type", "slots", "GPUs", "runs", "waiting", right=["slots", "GPUs", "runs", "waiting"]
    )
    for row in rows:
        gpus = None if row["gpus"] is None else len(row["gpus"])
        table.add(row["name"], row["type"], row["slots"], gpus, row["running"], row["waiting"])
    table.print()
    for line in trouble:
        streams.say(line)


@command.command("show")
@common.json_option
@click.argument("name", default="local")
def show(name: str, as_json: bool) -> None:
    """Show a compute target: what it offers, and how much of it is in use."""
    _print(_facts(_target(name)), as_json)


@command.command("update")
@click.option("--slots", metavar="N|default", help="CPU slots: how many runs of one CPU start at once.")
@click.option("--gpus", metavar="0,1|none|default", help="Which GPUs runs may use, by their numbers or UUIDs.")
@click.option("--ssh", "address", metavar="ADDRESS", help="[USER@]HOST[:PORT], or a Host of ~/.ssh/config.")
@click.option("--identity", metavar="FILE", help="A private key.")
@click.option("--home", metavar="DIR", help="Turnout's home there.")
@click.option("--python", "interpreter", metavar="PATH", help="A Python there.")
@target_spark.options
@common.json_option
@click.argument("name")
def update(name: str, slots: str | None, gpus: str | None, as_json: bool, **given: Any) -> None:
    """Change what a compute target offers, or how its machine is reached.

    By default as many slots as there are GPUs, else half the processors, at least one. Runs that have started keep what they
    have. A setting of Spark's without a value (--conf K=) goes.
    """
    changes = {**slots_option(slots), **gpus_option(gpus)}
    spark = target_spark.changes(given)
    way = {**_way(given), **({"spark": spark} if spark else {})}
    if not changes and not way:
        raise click.UsageError(
            "nothing to change: give --slots, --gpus, --ssh, --identity, --home, --python, or what is said of Spark",
            click.get_current_context(),
        )
    from turnout.targets.schedulers import HasSlots

    target = _target(name)
    if way:
        if not hasattr(target, "update"):
            raise UserErrorException(f"{name} is this machine; nothing has to be said of how it is reached")
        if spark and "spark" not in target.serialize():
            raise UserErrorException(f"there is no Spark behind {name}; add a target with --spark-master")
        target.update(**way)
    scheduler = target.scheduler()
    if changes:
        if not isinstance(scheduler, HasSlots):
            raise UserErrorException(f"the target {name} has no slots of its own; its scheduler decides")
        scheduler.configure(**changes)
    _print(_facts(target), as_json)


def _way(given: dict[str, str | None]) -> dict[str, Any]:
    """Return the changes of how a machine is reached."""
    way: dict[str, Any] = {name: value for name, value in given.items() if value is not None and name != "address"}
    if way.get("identity"):
        way["identity"] = os.path.abspath(os.path.expanduser(way["identity"]))
    if given.get("address"):
        from turnout.targets.reach.ssh import command as ssh

        where = ssh.parse(str(given["address"]))
        way.update(address=where.host, user=where.user, port=where.port)
    return way


def _target(name: str) -> Any:
    from turnout.targets.compute_target import ComputeTarget

    return ComputeTarget(common.workspace(), name)


def slots_option(words: str | None) -> dict[str, Any]:
    """Return the change that `--slots` asks for. Raises UsageError when it can't be read."""
    if words is None:
        return {}
    if words == "default":
        return {"slots": None}
    if not words.isdigit() or int(words) < 1:
        raise click.UsageError(f"--slots is a number from 1 on, or default, not '{words}'", click.get_current_context())
    return {"slots": int(words)}


def gpus_option(words: str | None) -> dict[str, Any]:
    """Return the change that `--gpus` asks for. Raises UsageError when it can't be read."""
    if words is None:
        return {}
    if words in ("default", "none"):
        return {"gpus": None if words == "default" else []}
    names = [word.strip() for word in words.split(",")]
    if not all(names) or len(set(names)) != len(names):
        raise click.UsageError(
            f"--gpus is a list like 0,1 with each GPU once, none, or default, not '{words}'",
            click.get_current_context(),
        )
    return {"gpus": names}


def _facts(target: Any) -> dict[str, Any]:
    from turnout.targets.reach import TargetError, Unreachable
    from turnout.targets.schedulers import HasSlots

    facts: dict[str, Any] = {**target.serialize(), "slots": None, "gpus": None, "running": None, "waiting": None}
    scheduler = target.scheduler()
    if isinstance(scheduler, HasSlots):
        try:
            queue = scheduler.queue()
        except (Unreachable, TargetError) as error:
            return {**facts, "trouble": str(error)}
        facts.update(slots=queue["slots"], gpus=queue["gpus"], default=queue["default"])
        facts.update(running=len(queue["started"]), waiting=len(queue["waiting"]))
    return facts


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        common.print_json(facts)
        return
    lines = common.Facts()
    lines.add("target", facts["name"])
    lines.add("reach", facts["reach"])
    if facts.get("address"):
        lines.add("address", _address(facts))
        lines.add("home", facts["home"])
    if facts.get("spark"):
        lines.add("master", facts["spark"]["master"])
    lines.add("schedule", facts["schedule"])
    if facts["slots"] is not None:
        default = facts["default"]
        lines.add("CPU slots", _with_default(str(facts["slots"]), str(default["slots"])))
        lines.add("GPUs", _with_default(", ".join(facts["gpus"]) or "none", ", ".join(default["gpus"]) or "none"))
        lines.add("in use by", f"{facts['running']} runs" if facts["running"] != 1 else "1 run")
        lines.add("waiting", facts["waiting"])
    lines.print()
    if facts.get("trouble"):
        streams.say(facts["trouble"])
    sys.stdout.flush()


def _address(facts: dict[str, Any]) -> str:
    user, port = facts.get("user"), facts.get("port")
    return f"{user + '@' if user else ''}{facts['address']}{f':{port}' if port else ''}"


def _with_default(value: str, default: str) -> str:
    return value if value == default else f"{value} (default: {default})"
