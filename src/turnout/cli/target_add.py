"""`turnout target add`, `check` and `remove`: attach a machine, look at what it has, and let it go."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli import common, streams, target_spark, text
from turnout.exceptions import ComputeTargetException

_OFTEN = 2 << 30
"""Bytes; with less room an environment of the usual size doesn't fit."""

_OF_A_MACHINE = {
    "identity": "--identity",
    "home": "--home",
    "interpreter": "--python",
    "ask_password": "--ask-password",
    "ask_passphrase": "--ask-passphrase",
}
"""Options that say how a machine is reached."""


@click.command("add")
@click.option(
    "--ssh",
    "address",
    metavar="ADDRESS",
    help="The machine: [USER@]HOST[:PORT], or a Host of ~/.ssh/config (default with --spark-master: this one).",
)
@click.option("--identity", metavar="FILE", default="", help="A private key (default: those that ssh finds itself).")
@click.option("--home", metavar="DIR", default="", help="Turnout's home there (default: ~/.turnout).")
@click.option("--python", "interpreter", metavar="PATH", default="", help="A Python there (default: the first found).")
@click.option("--slots", metavar="N|default", help="CPU slots: how many runs of one CPU start there at once.")
@click.option("--gpus", metavar="0,1|none|default", help="Which GPUs runs may use there.")
@click.option("--ask-password", is_flag=True, help="Ask for a password, and keep it in the system's keyring.")
@click.option(
    "--ask-passphrase", is_flag=True, help="Ask for the key's passphrase, and keep it in the system's keyring."
)
@target_spark.options
@common.json_option
@click.argument("name")
def add(name: str, address: str | None, slots: str | None, gpus: str | None, as_json: bool, **given: Any) -> None:
    """Attach a machine, or a Spark cluster, to the workspace as the compute target NAME."""
    from turnout.cli import target
    from turnout.targets.compute_target import ComputeTarget
    from turnout.targets.schedulers import HasSlots

    changes = {**target.slots_option(slots), **target.gpus_option(gpus)}
    spark = target_spark.changes(given)
    if address is None:
        configuration: Any = _spark_here(spark, given)
    else:
        configuration = _machine(address, spark, given)
    added = ComputeTarget.attach(common.workspace(), name, configuration)
    scheduler = added.scheduler()
    if changes and isinstance(scheduler, HasSlots):
        scheduler.configure(**changes)
    report(added, as_json)


def _spark_here(spark: dict[str, Any], given: dict[str, Any]) -> Any:
    """Return a cluster to which this machine submits."""
    from turnout.targets.spark_compute import SparkCompute

    context = click.get_current_context()
    if not spark.get("master"):
        raise click.UsageError(
            "say where: --ssh for a machine, --spark-master for a Spark cluster, both for one behind a machine", context
        )
    for name, option in _OF_A_MACHINE.items():
        if given[name]:
            raise click.UsageError(f"{option} is for a machine that --ssh names", context)
    return SparkCompute.attach_configuration(**target_spark.arguments(spark))


def _machine(address: str, spark: dict[str, Any], given: dict[str, Any]) -> Any:
    """Return a machine that is reached over SSH, with the cluster behind it if there is one."""
    from turnout.targets.hdinsight_compute import HDInsightCompute
    from turnout.targets.reach.ssh import command
    from turnout.targets.remote_compute import RemoteCompute

    where = command.parse(address)
    password = click.prompt("Password", hide_input=True, err=True) if given["ask_password"] else ""
    passphrase = click.prompt("Passphrase", hide_input=True, err=True) if given["ask_passphrase"] else ""
    machine: dict[str, Any] = {
        "username": where.user,
        "address": where.host,
        "ssh_port": where.port or None,
        "password": password,
        "private_key_file": given["identity"],
        "private_key_passphrase": passphrase,
        "home": given["home"],
        "interpreter": given["interpreter"],
    }
    if not spark:
        return RemoteCompute.attach_configuration(**machine)
    if "master" not in spark:
        raise click.UsageError("a Spark cluster needs --spark-master", click.get_current_context())
    return HDInsightCompute.attach_configuration(**machine, **target_spark.arguments(spark))


@click.command("check")
@common.json_option
@click.argument("name")
def check(name: str, as_json: bool) -> None:
    """Look at a machine again: what is there, what is missing, what to do about it."""
    from turnout.targets.compute_target import ComputeTarget

    found = ComputeTarget(common.workspace(), name)
    renew = getattr(found, "check", None)
    if renew is None:
        raise ComputeTargetException(f"{name} is this machine; `turnout doctor` checks it")
    renew()
    report(found, as_json)


@click.command("remove")
@click.option("--force", is_flag=True, help="Also while runs live there; what they leave is lost to the workspace.")
@click.argument("name")
def remove(name: str, force: bool) -> None:
    """Forget the compute target NAME. Nothing is removed on its machine."""
    from turnout.targets import leaving

    lost = leaving.remove(common.workspace().layout, name, force)
    streams.say(f"removed {name}; its machine keeps what is there")
    if lost:
        streams.say(f"lost to this workspace: what {', '.join(lost)} log and leave from now on")


def report(target: Any, as_json: bool) -> None:
    """Print what a machine has, and what it lacks."""
    facts = target.facts
    spark = facts.get("spark")
    advice = [
        *(_advice(facts) if "host" in facts else []),
        *((spark or {}).get("missing") or []),
        *target_spark.advice(spark),
    ]
    if as_json:
        common.print_json({**target.serialize(), "facts": facts, "advice": advice})
        return
    lines = common.Facts()
    lines.add("target", target.name)
    if "host" in facts:
        lines.add(
            "machine", f"{facts['account']}@{facts['host']}, {facts['platform']}, {facts['processors']} processors"
        )
        lines.add("home", f"{facts['home']}, {text.size(facts['free'])} free")
        lines.add("Python", f"{facts['python']} ({facts['interpreter']})")
        lines.add("uv", facts["uv"] or "none; Turnout brings its own")
        lines.add("containers", ", ".join(facts["engines"]) or "none: no podman, no docker")
        lines.add("CPU slots", facts["slots"])
        lines.add("GPUs", ", ".join(facts["gpus"]) or "none")
    if spark is not None:
        lines.add("master", target.serialize()["spark"]["master"])
        lines.add("cluster", target_spark.cluster(spark.get("master") or {}))
        lines.add("Spark", f"{spark['version']} ({spark['home']})" if spark.get("home") else None)
        lines.add("Java", f"{spark['java_version']} ({spark['java']})" if spark.get("java") else None)
    lines.print()
    for line in advice:
        streams.say(line)


def _advice(facts: dict[str, Any]) -> list[str]:
    lines = []
    if facts["unreachable"]:
        lines.append(
            f"no way from there to {', '.join(facts['unreachable'])}: packages are sent from here where they can be"
        )
    if facts["free"] < _OFTEN:
        lines.append(
            f"little room: {text.size(facts['free'])}; name a directory on a larger disk: turnout target update --home DIR"
        )
    if not facts["engines"]:
        lines.append("environments in containers can't be used there; install podman for them")
    return lines
