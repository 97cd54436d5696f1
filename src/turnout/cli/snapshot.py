"""`turnout snapshot`: what would be packed, and what would not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from turnout.cli import common, text

if TYPE_CHECKING:
    from turnout.snapshots.survey import Survey

_EXAMPLES = 3


@click.command("snapshot")
@common.json_option
@click.option("--all", "list_all", is_flag=True, help="List each path that is left out, not only some of each rule.")
@click.argument("directory", metavar="DIR", default=".")
def command(directory: str, list_all: bool, as_json: bool) -> int:
    """Show what a snapshot of DIR (the current directory by default) would hold; nothing is stored."""
    from turnout.snapshots.survey import survey

    found = survey(directory)
    if as_json:
        common.print_json(_as_json(found))
        return 0
    facts = common.Facts()
    facts.add("directory", os.fsdecode(found.root))
    facts.add("files", f"{found.files:,}")
    facts.add("size", text.size(found.bytes))
    facts.add("rules", f"{found.ignore_file}, and the defaults")
    facts.print()
    for notice in found.notices:
        click.echo(f"note: {text.plain(notice)}")
    _print_largest(found)
    _print_left_out(found, list_all)
    return 0


def _print_largest(found: Survey) -> None:
    table = common.Table("size", "largest files", right=["size"])
    for path, size in found.largest:
        table.add(text.size(size), os.fsdecode(path))
    if found.largest:
        click.echo()
    table.print()


def _print_left_out(found: Survey, list_all: bool) -> None:
    table = common.Table("left out", "by the rule")
    if list_all:
        for each in found.left_out:
            table.add(os.fsdecode(each.path), str(each.reason))
    else:
        for reason, paths in _by_rule(found).items():
            more = len(paths) - _EXAMPLES
            named = ", ".join(paths[:_EXAMPLES])
            table.add(f"{named} and {more:,} more" if more > 0 else named, reason)
    if found.left_out:
        click.echo()
    table.print()


def _by_rule(found: Survey) -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    for each in found.left_out:
        rules.setdefault(str(each.reason), []).append(os.fsdecode(each.path))
    return rules


def _as_json(found: Survey) -> dict[str, object]:
    return {
        "directory": os.fsdecode(found.root),
        "files": found.files,
        "bytes": found.bytes,
        "ignore_file": found.ignore_file,
        "largest": [{"path": os.fsdecode(path), "bytes": size} for path, size in found.largest],
        "left_out": [{"path": os.fsdecode(each.path), "rule": str(each.reason)} for each in found.left_out],
        "notices": found.notices,
    }
