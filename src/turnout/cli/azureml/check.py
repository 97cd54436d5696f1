"""`turnout azureml check`: say what of a project works."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from turnout.cli import common, streams, text
from turnout.exceptions import UserErrorException

if TYPE_CHECKING:
    from turnout.azureml.check import Use


@click.command("check")
@click.option("--all", "everything", is_flag=True, help="Also list what works.")
@common.json_option
@click.argument("project", default=".")
def command(project: str, everything: bool, as_json: bool) -> int:
    """List which of azureml's names PROJECT uses (a directory, a file or a notebook), and what doesn't work here.

    Ends with 1 when something is missing. The sources are read, not run.
    """
    from turnout.azureml import check

    if not os.path.exists(project):
        raise UserErrorException(f"there is nothing at {project}")
    uses, unreadable = check.check(project)
    missing = [use for use in uses if use.status == check.MISSING]
    if as_json:
        common.print_json(
            {"uses": [use._asdict() for use in uses], "unreadable": [each._asdict() for each in unreadable]}
        )
        return 1 if missing or unreadable else 0
    table = common.Table("where", "name", "status", "what to know", status="status")
    for use in uses:
        if everything or use.status != check.WORKS:
            table.add(f"{use.file}:{use.line}", use.name, use.status, use.words or "-")
    table.print()
    for each in unreadable:
        streams.say(f"{each.file} can't be read: {each.words}")
    click.echo(_verdict(uses))
    return 1 if missing or unreadable else 0


def _verdict(uses: Sequence[Use]) -> str:
    by_name = {use.name: use.status for use in uses}
    if not by_name:
        return "no name of azureml is used"
    counts = Counter(by_name.values())
    told = f"{counts['works']} work, {counts['differs']} differ, {counts['missing']} are missing"
    return f"of {text.count(len(by_name), 'name')} {told}, as far as the sources tell"
