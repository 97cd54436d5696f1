"""Deletes runs with their children: all are checked before the first one goes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from turnout.exceptions import ExperimentExecutionException, RecordException
from turnout.runtime import deletion, events, processes, records, states
from turnout.runtime.removal import Tally
from turnout.targets.reach import TargetError, Unreachable

if TYPE_CHECKING:
    from turnout.run import Run
    from turnout.runtime import layout


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did.

    Attributes:
        ids: the runs that are gone, children before their parents.
        bytes: what that freed on the disk; objects that no run needs any more are freed by gc.
        problems: a line for each file that could not be removed; the next deletion, or gc, tries again.
    """

    ids: list[str]
    bytes: int
    problems: list[str]


def plan(workspace: layout.WorkspaceLayout, runs: Iterable[Run]) -> list[Run]:
    """Return the runs that go when `runs` are deleted: these and all their children, children first.

    Args:
        workspace: where all of them lie.
        runs: what was asked for.

    Raises:
        ExperimentExecutionException: one of them, or a child, has not ended.
    """
    chosen = {run.id: run for run in runs}
    found = dict(chosen)
    level = list(chosen.values())
    while level:
        level = [child for child in _children(workspace, level) if child.id not in found]
        found.update((child.id, child) for child in level)
    for run in found.values():
        _check_ended(run, chosen)
    parents = {run_id: _parent(run.layout) for run_id, run in found.items()}
    return sorted(found.values(), key=lambda run: -_depth(run.id, parents))


def carry_out(workspace: layout.WorkspaceLayout, runs: Sequence[Run]) -> Deleted:
    """Delete runs that `plan` has checked.

    Raises:
        RecordException: the home can't be written; the runs before that one are gone.
    """
    ids: list[str] = []
    for run in runs:
        try:
            _delete_elsewhere(run)
            deletion.delete(run.layout)
        except (Unreachable, TargetError) as error:
            raise RecordException(
                f"the run {run.id} can't be deleted on its target: {error}; {len(ids)} of {len(runs)} runs were deleted",
                error,
            ) from error
        except OSError as error:
            raise RecordException(
                f"the run {run.id} can't be deleted: {error.strerror or error}: {error.filename}; "
                f"{len(ids)} of {len(runs)} runs were deleted",
                error,
            ) from error
        ids.append(run.id)
    tally = Tally()
    problems = deletion.empty_trash(workspace, tally)
    return Deleted(ids, tally.bytes, problems)


def _delete_elsewhere(run: Run) -> None:
    """Delete a run on its target, unless that was removed: then nobody knows the way any more."""
    try:
        copy = run.replica()
    except (OSError, ValueError):
        return  # its definition can't be read
    if copy is not None and copy.is_attached():
        copy.delete()


def _check_ended(run: Run, chosen: dict[str, Run]) -> None:
    try:
        state, _ = run.status_and_reason()
    except (OSError, ValueError):  # its definition can't be read; the lock tells whether somebody works on it
        if run.record.supervisor_state() == processes.GONE:
            return
        state = "supervised"
    if states.is_final(state):
        return
    whose = "" if run.id in chosen else f", a child of {run.record.definition.get('parent')},"
    raise ExperimentExecutionException(
        f"the run {run.id}{whose} has not ended ({state}); `turnout cancel {run.id}` ends it; nothing was deleted"
    )


def _children(workspace: layout.WorkspaceLayout, runs: Sequence[Run]) -> list[Run]:
    """Return the children of runs: those they reported, and those that name one of them as their parent."""
    from turnout.run import Run

    parents = {run.id for run in runs}
    ids: dict[str, None] = {}
    for run in runs:
        ids.update(dict.fromkeys(events.children(run.record.events(metrics=False))))
    ids.update(dict.fromkeys(_naming(workspace, parents)))
    found = []
    for run_id in ids:
        child = Run(workspace.run(run_id).root)
        if _parent(child.layout) in parents:
            found.append(child)
    return found


def _depth(run_id: str, parents: dict[str, str | None]) -> int:
    """Return how many of the runs in `parents` stand above one of them."""
    above: set[str] = set()  # a damaged record may name a parent that is its own child
    parent = parents.get(run_id)
    while parent in parents and parent not in above:
        above.add(parent)
        parent = parents[parent]
    return len(above)


def _naming(workspace: layout.WorkspaceLayout, parents: set[str]) -> list[str]:
    """Return the ids of the runs that name one of `parents`: from the index, or by reading all when it can't be used."""
    from turnout.history.index import Index

    try:
        index = Index(workspace)
        index.refresh()
        return index.children(sorted(parents))
    except (RecordException, OSError):  # a full disk, say, where deleting must not depend on a cache
        return [name for name in os.listdir(workspace.runs) if _parent(workspace.run(name)) in parents]


def _parent(run: layout.RunLayout) -> str | None:
    try:
        parent: str | None = records.read_json(run.definition).get("parent")
    except (OSError, ValueError, AttributeError):
        return None
    return parent
