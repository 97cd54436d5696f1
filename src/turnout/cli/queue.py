"""`turnout queue`: which runs hold the slots of a machine, and which wait, for what."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli import common
from turnout.exceptions import UserErrorException


@click.command("queue")
@click.option("--target", default="local", show_default=True, metavar="NAME", help="The compute target.")
@common.json_option
def command(target: str, as_json: bool) -> None:
    """Show the queue of a machine, all workspaces of this account together: the runs that hold slots, then those that wait."""
    from turnout.targets.compute_target import ComputeTarget
    from turnout.targets.schedulers import HasSlots

    scheduler = ComputeTarget(common.workspace(), target).scheduler()
    if not isinstance(scheduler, HasSlots):
        raise UserErrorException(f"the target {target} has no queue of its own to look at")
    found = scheduler.queue()
    if as_json:
        common.print_json(found)
        return
    table = common.Table(
        "place", "run", "status", "asks for", "reason", right=["place"], status="status", optional=["reason"]
    )
    for row in found["started"]:
        table.add("", row["id"], row["state"], _asked(row), _held(row) or row["reason"])
    for place, row in enumerate(found["waiting"], 1):
        table.add(place, row["id"], row["state"], _asked(row), row["reason"])
    table.print()
    if not found["started"] and not found["waiting"]:
        common.notice(f"nothing waits and nothing runs; {target} has {_offer(found)}")


def _asked(row: dict[str, Any]) -> str:
    parts = [f"{row['cpus']} CPU"] if row["cpus"] or not row["gpus"] else []
    parts += [f"{row['gpus']} GPU"] if row["gpus"] else []
    return ", ".join(parts) + (f", priority {row['priority']}" if row["priority"] else "")


def _held(row: dict[str, Any]) -> str:
    held = row["slots"] or {}
    parts = [f"CPU {', '.join(map(str, held['cpus']))}"] if held.get("cpus") else []
    parts += [f"GPU {', '.join(held['gpus'])}"] if held.get("gpus") else []
    return f"has {'; '.join(parts)}" if parts else ""


def _offer(found: dict[str, Any]) -> str:
    from turnout.runtime import slots

    return slots.spoken(slots.Demand(found["slots"], len(found["gpus"])))
