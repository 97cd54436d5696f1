"""Brings all that is outstanding of a workspace's runs on other machines."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from turnout.history.replica import Replica
from turnout.runtime import layout, states
from turnout.runtime.record import RunRecord
from turnout.targets.compute_target import is_local

_COLLECT_SECONDS = 86400.0


class Outcome(NamedTuple):
    """How it stands with a run after it was synchronised.

    Attributes:
        run: its id.
        target: its target's name.
        status: its state.
        reason: why it is so.
        failed: whether its target couldn't be asked.
    """

    run: str
    target: str
    status: str
    reason: str
    failed: bool


def outstanding(workspace: layout.WorkspaceLayout, target: str | None) -> list[str]:
    """Return the ids of runs elsewhere that have not ended here."""
    found = []
    try:
        names = sorted(name for name in os.listdir(workspace.runs) if not name.startswith("."))
    except FileNotFoundError:
        names = []
    for run_id in names:
        run = workspace.run(run_id)
        if not states.is_final(_state(run)) and _is_elsewhere(run, target):
            found.append(run_id)
    return found


def synchronise(workspace: layout.WorkspaceLayout, target: str | None, report: Callable[[str], None]) -> list[Outcome]:
    """Bring what is outstanding; a target that can't be reached is tried once and its runs say so.

    Args:
        workspace: whose runs.
        target: only those of this target; None for all.
        report: gets a line for each run.
    """
    done = []
    away: dict[str, str] = {}  # targets that can't be reached, and what was said of that
    for run_id in outstanding(workspace, target):
        run = workspace.run(run_id)
        name = str(_target(run).get("name"))
        copy = Replica(run, workspace.home)
        if name in away:
            done.append(Outcome(run_id, name, copy.known()[0], away[name], True))
            continue
        report(f"asking for {run_id}")
        status, reason = copy.look(seconds=_COLLECT_SECONDS)
        if copy.away:
            away[name] = reason
        done.append(Outcome(run_id, name, status, reason, copy.away or status == states.NOT_RESPONDING))
    return done


def _state(run: layout.RunLayout) -> str:
    return str(RunRecord(run.root).journaled_state().get("state"))


def _target(run: layout.RunLayout) -> dict[str, Any]:
    return dict(RunRecord(run.root).definition.get("target") or {})


def _is_elsewhere(run: layout.RunLayout, name: str | None) -> bool:
    try:
        target = _target(run)
    except (OSError, ValueError, TypeError):
        return False
    return not is_local(target) and name in (None, target.get("name"))
