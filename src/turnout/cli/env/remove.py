"""`turnout env remove`: remove a built environment from this machine."""

from __future__ import annotations

import os

import click

from turnout.cli import common, text
from turnout.cli.env import asked


@click.command("remove")
@common.json_option
@click.argument("name", metavar="KEY|SPEC")
def command(name: str, as_json: bool) -> None:
    """Remove what is built on this machine: by its key, the beginning of one, or the SPEC that it was built from.

    While a run that has not ended needs it, this is refused. Definitions and locks stay: the next run builds it again.
    """
    from turnout import gc

    workspace = common.workspace()
    key = asked.built_key(workspace, name)
    freed = gc.remove_environment(key, common.notice)
    if as_json:
        common.print_json({"removed": key, "directory": os.path.join(workspace.home.environments, key), "bytes": freed})
    else:
        print(f"removed {key}; {text.size(freed)} freed")
