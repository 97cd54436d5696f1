"""`turnout env lock`: resolve a specification once, and print what it was resolved to."""

from __future__ import annotations

import click

from turnout.cli import common
from turnout.cli.env import asked


@click.command("lock")
@common.python_option
@common.json_option
@asked.spec_argument
def command(spec: str, python: str | None, as_json: bool) -> None:
    """Print the lock of SPEC: the exact packages that every run of it installs.

    The first time, SPEC is resolved and the lock is kept in the workspace; afterwards it stays as it is, until
    `turnout env update SPEC`.
    """
    from turnout.environments import locking

    workspace = common.workspace()
    question = asked.question(workspace, asked.environment(workspace, spec, python))
    locked = asked.resolved(locking.lock, question, workspace.layout)
    if as_json:
        common.print_json({**asked.lock_facts(workspace, locked), "new": locked.new})
        return
    asked.print_packages(asked.package_facts(locked.packages))
    if not locked.digest:
        common.notice(f"there is nothing to resolve for {spec}, so no lock is kept")
    else:
        common.notice(f"{'locked now' if locked.new else 'locked before'}: {asked.spoken(locked)}")
