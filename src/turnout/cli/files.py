"""`turnout files`: what a run left."""

from __future__ import annotations

import os

import click

from turnout.cli import common, text


@click.command("files")
@common.json_option
@common.run_argument
def command(run_name: str, as_json: bool) -> None:
    """List the files of RUN: outputs, logs, and what its script uploaded."""
    run = common.find(common.workspace(), run_name)
    found = [(name, _size(run.record.artifact_path(name))) for name in run.get_file_names()]
    copy = run.replica()
    left = sorted(copy.left().items()) if copy is not None else []
    if as_json:
        here = [{"name": name, "bytes": size} for name, size in found]
        common.print_json([*here, *({"name": name, "bytes": size, "on_target": True} for name, size in left)])
        return
    table = common.Table("file", "size", right=["size"])
    for name, size in found:
        table.add(name, text.size(size))
    for name, size in left:
        table.add(f"{name} (on its target: turnout download)", text.size(size))
    table.print()
    if not found and not left:
        common.notice(f"the run {run.id} has no files")


def _size(path: str | None) -> int | None:
    try:
        return None if path is None else os.path.getsize(path)
    except OSError:
        return None  # gone since it was listed
