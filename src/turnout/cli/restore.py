"""`turnout restore`: write a run's snapshot into a directory."""

from __future__ import annotations

import os

import click

from turnout.cli import common, text


@click.command("restore")
@common.json_option
@common.run_argument
@click.argument("directory", metavar="DIR")
def command(run_name: str, directory: str, as_json: bool) -> int:
    """Write the snapshot of RUN into DIR, which must be new or empty."""
    from turnout.history.lookup import find_run
    from turnout.snapshots.restore import restore

    workspace = common.workspace()
    run_id = find_run(workspace.layout, run_name)
    entries = restore(workspace.layout.run(run_id), workspace.home, directory)
    files = sum(entry.kind != "d" for entry in entries)
    size = sum(entry.size for entry in entries)
    if as_json:
        common.print_json({"run": run_id, "directory": os.path.abspath(directory), "files": files, "bytes": size})
    else:
        click.echo(f"{directory}: {files:,} file{'s' * (files != 1)} ({text.size(size)}) of {run_id}")
    return 0
