"""Indexes that say something else than the records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from turnout.exceptions import RecordException
from turnout.repair.finding import Examination, Finding, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.history.index import Index
    from turnout.runtime import layout

COMPARED = 5000
"""Up to so many runs the index is compared with one made anew, in memory; beyond, `turnout reindex` is as quick."""


def differing(examination: Examination) -> Iterator[Finding]:
    """Bring each index up to date, then compare it with one that is made from the records."""
    from turnout.history.index import Index

    for workspace in examination.workspaces():
        if not os.path.exists(workspace.definition) or len(names(workspace.runs)) > COMPARED:
            continue
        where = workspace.index
        try:
            index = Index(workspace)
            where = index.where
            index.refresh()
            there = _contents(index)
        except RecordException as error:
            yield Finding(where, f"the index can't be used: {error}", mend=_rebuild(workspace))
            continue
        made = Index(workspace, in_memory=True)
        made.refresh()
        truth = _contents(made)
        index.refresh()
        if there != truth and _contents(index) != truth:  # else a run went on meanwhile
            wrong = sorted(name for name in there.keys() | truth.keys() if there.get(name) != truth.get(name))
            seen = f"the index differs from the records, in {len(wrong)} runs such as {wrong[0]}"
            yield Finding(where, seen, mend=_rebuild(workspace))


def _contents(index: Index) -> dict[str, Any]:
    """Return what lists and charts say of each run, by id."""
    return {row.id: (row, index.last_metrics(row.id)) for row in index.list_runs(include_children=True)}


def _rebuild(workspace: layout.WorkspaceLayout) -> Callable[[], str]:
    def mend() -> str:
        from turnout.history.index import Index

        return f"rebuilt, with {Index(workspace).reindex().runs:,} runs"

    return mend
