"""`turnout sweep`: one file a command; how a sweep reads, in `view`."""

from __future__ import annotations

import click

from turnout.cli.sweep import best, show, start, stop


@click.group("sweep")
def command() -> None:
    """Run a script many times with other hyperparameters (v1's HyperDrive)."""


command.add_command(start.command)
command.add_command(show.command)
command.add_command(best.command)
command.add_command(stop.command)
