"""`turnout env update`: unfreeze a specification, which is a decision that a person takes."""

from __future__ import annotations

import click

from turnout.cli import common, text
from turnout.cli.env import asked


@click.command("update")
@common.python_option
@common.json_option
@asked.spec_argument
def command(spec: str, python: str | None, as_json: bool) -> None:
    """Resolve SPEC anew, and keep that as its lock from now on. Runs of the past keep the lock in their record.

    `turnout env diff SPEC` says beforehand what would change.
    """
    from turnout.environments import locking

    workspace = common.workspace()
    question = asked.question(workspace, asked.environment(workspace, spec, python))
    before, after = asked.resolved(locking.update, question, workspace.layout)
    changes = [] if before is None else list(asked.differences(before, after))
    if as_json:
        facts = asked.lock_facts(workspace, after)
        common.print_json({**facts, "new": after.new, "first": before is None, "changes": asked.change_facts(changes)})
    elif before is None:
        asked.print_packages(asked.package_facts(after.packages))
        print(f"{spec} had no lock; it has one now: {asked.spoken(after)}")
    elif not after.new:
        print(f"nothing changed: {asked.spoken(after)}")
    else:
        asked.print_changes(changes)
        print(f"{text.count(len(changes), 'change')}; the lock of {spec} is now: {asked.spoken(after)}")
