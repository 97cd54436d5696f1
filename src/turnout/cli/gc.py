"""`turnout gc`: free what nothing refers to."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from turnout.cli import common, streams, text

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _seconds(context: click.Context, parameter: click.Parameter, value: str) -> float:
    match = _DURATION.fullmatch(value.strip())
    seconds = float(match.group(1)) * _SECONDS[match.group(2)] if match else math.inf
    if not math.isfinite(seconds):
        raise click.BadParameter("a duration is written like 90s, 30m, 12h, 2d or 1w", context, parameter)
    return seconds


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and free nothing.")
@click.option(
    "--older-than",
    "older_than",
    metavar="DURATION",
    default="1d",
    show_default=True,
    callback=_seconds,
    help="Only what has been there for so long: 90s, 30m, 12h, 2d, 1w.",
)
@common.json_option
def command(dry_run: bool, older_than: float, as_json: bool) -> int:
    """Free snapshots' contents and environments that no run refers to, and what killed processes left behind.

    All workspaces of the home are looked at. Submits may go on meanwhile. A built environment that goes is built again
    from its lock when a run needs it.
    """
    from turnout import gc

    found = gc.collect(older_than, dry_run, lambda line: streams.say(f"turnout: {line}"))
    if as_json:
        kinds = {kind: {"count": freed.count, "bytes": freed.bytes} for kind, freed in sorted(found.freed.items())}
        common.print_json({"dry_run": dry_run, "freed": kinds, "bytes": found.bytes, "problems": found.problems})
    else:
        _print(found, dry_run)
    for problem in found.problems:
        streams.say(f"turnout: {problem}")
    return 1 if found.problems else 0


def _print(found: Any, dry_run: bool) -> None:
    if found.freed:
        table = common.Table("freed" if not dry_run else "would be freed", "count", "bytes", right=["count", "bytes"])
        for kind, freed in sorted(found.freed.items()):
            table.add(kind, f"{freed.count:,}", text.size(freed.bytes))
        table.print()
    print(f"{text.size(found.bytes)} {'would be ' if dry_run else ''}freed")
