"""`turnout reindex`: rebuild the index, which is a cache, from the run directories."""

from __future__ import annotations

import sys
import time

import click

from turnout.cli import common, text


@click.command("reindex")
@common.json_option
def command(as_json: bool) -> None:
    """Rebuild the index from the run directories. Nothing is lost if it is deleted or damaged."""
    from turnout.history.index import Index

    index = Index(common.workspace().layout, common.notice)
    began = time.monotonic()
    rebuilt = index.reindex()
    spent = time.monotonic() - began
    if as_json:
        common.print_json(
            {"runs": rebuilt.runs, "unreadable": rebuilt.unreadable, "index": index.where, "seconds": round(spent, 3)}
        )
        return
    print(f"{text.count(rebuilt.runs, 'run')} indexed in {text.duration(spent)}: {index.where}")
    for run_id in rebuilt.unreadable:
        print(f"turnout: the definition of {run_id} can't be read; it is left out", file=sys.stderr)
