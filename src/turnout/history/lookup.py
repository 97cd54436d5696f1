"""Finds a run by what a person types: an id, the beginning of one, `@last`, or `@last~N`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from turnout.exceptions import UserErrorException
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from turnout.runtime.layout import WorkspaceLayout

_LAST = re.compile(r"@last(?:~(\d{1,9}))?")
_SHOWN = 5
_WAY_OUT = "`turnout runs` lists the runs"


def find_run(workspace: WorkspaceLayout, text: str) -> str:
    """Return the id of the run that `text` names.

    An exact id costs one look at the disk, the beginning of an id a listing of the runs directory; only `@last`, the
    newest run without a parent, and `@last~N`, the Nth before it, ask the index.

    Args:
        workspace: where to look.
        text: what was typed.

    Raises:
        UserErrorException: there is no such run, or more than one.
    """
    if text.startswith("@"):
        return _from_last(workspace, text)
    if not text or "/" in text or "\0" in text or text.startswith("."):
        raise UserErrorException(f"there is no run '{text}'; {_WAY_OUT}")
    if RunRecord(workspace.run(text).root).exists():
        return text
    return _from_prefix(workspace, text)


def _from_last(workspace: WorkspaceLayout, text: str) -> str:
    match = _LAST.fullmatch(text)
    if match is None:
        raise UserErrorException(f"'{text}' names no run: write @last, @last~1, or the beginning of an id; {_WAY_OUT}")
    back = int(match.group(1) or 0)
    from turnout.history.index import Index  # SQLAlchemy: only @last needs it

    index = Index(workspace)
    index.refresh()
    found = index.list_runs(limit=1, offset=back)
    if found:
        return found[0].id
    total = sum(index.counts().values())
    there = f"only {total} run{'s' * (total != 1)}" if total else "no run yet"
    raise UserErrorException(f"'{text}' names no run: this workspace has {there}; {_WAY_OUT}")


def _from_prefix(workspace: WorkspaceLayout, text: str) -> str:
    try:
        names = os.listdir(workspace.runs)
    except FileNotFoundError:
        names = []
    found = sorted(name for name in names if name.startswith(text) and os.path.exists(workspace.run(name).definition))
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserErrorException(f"there is no run '{text}'; {_WAY_OUT}")
    shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    raise UserErrorException(f"'{text}' begins the ids of {len(found)} runs: {shown}; type more of the one you mean")
