"""Removing a target: not while runs live there, unless a person says so."""

from __future__ import annotations

import os

from turnout.exceptions import ComputeTargetException
from turnout.runtime import layout, states
from turnout.runtime.record import RunRecord
from turnout.targets import registry
from turnout.targets.reach.ssh import askpass


def live_runs(workspace: layout.WorkspaceLayout, name: str) -> list[str]:
    """Return the ids of runs on a target that have not ended, as far as is known here."""
    kept = registry.load(workspace, name) or {}
    found = []
    for run_id in sorted(_names(workspace.runs)):
        record = RunRecord(workspace.run(run_id).root)
        try:
            target = record.definition.get("target") or {}
        except (OSError, ValueError):
            continue
        mine = target.get("name") == name and target.get("id") == kept.get("id")
        if mine and not states.is_final(str(record.journaled_state().get("state"))):
            found.append(run_id)
    return found


def require_no_live_runs(workspace: layout.WorkspaceLayout, name: str) -> None:
    """Refuse what would lose runs. Raises ComputeTargetException."""
    living = live_runs(workspace, name)
    if living:
        shown = ", ".join(living[:3]) + (f" and {len(living) - 3} more" if len(living) > 3 else "")
        raise ComputeTargetException(
            f"{len(living)} run{'s' * (len(living) != 1)} on {name} {'have' if len(living) != 1 else 'has'} not ended as far "
            f"as is known here ({shown}); `turnout sync` asks, `turnout cancel` ends them; `turnout target remove --force` "
            "forgets the target: what they log and leave from now on is lost to this workspace"
        )


def remove(workspace: layout.WorkspaceLayout, name: str, force: bool = False) -> list[str]:
    """Remove a target; return the ids of the runs that are lost by that.

    Raises:
        ComputeTargetException: there is none, or runs live there and `force` is false.
    """
    kept = registry.load(workspace, name)
    if kept is None:
        there = ", ".join(registry.names(workspace)) or "none"
        raise ComputeTargetException(f"there is no attached target {name!r}; there is: {there}")
    lost = live_runs(workspace, name)
    if not force:
        require_no_live_runs(workspace, name)
    registry.remove(workspace, name)
    if kept.get("keyring"):
        askpass.forget(str(kept["keyring"]))
    return lost


def _names(directory: str) -> list[str]:
    try:
        return [name for name in os.listdir(directory) if not name.startswith(".")]
    except FileNotFoundError:
        return []
