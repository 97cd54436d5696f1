"""Schedules runs as plain processes of the target's machine, through the runtime's agent there."""

from __future__ import annotations

from typing import Any

from turnout.targets.reach import Reach


class ProcessScheduler:
    """One supervisor process a run."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def plan(self, run: dict[str, Any], directory: str) -> dict[str, Any]:
        """Return the request that starts a supervisor for the run."""
        return {"operation": "start", "run": run["id"], "directory": directory}

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the supervisor; the handle is its identity (host, boot, pid namespace, pid, start time)."""
        handle: dict[str, Any] = self._reach.run(request)["handle"]
        return handle

    def poll(self, directories: list[str]) -> dict[str, tuple[str, str]]:
        """Return the true states of runs."""
        reply = self._reach.run({"operation": "look", "directories": directories})
        return {run_id: (state, reason) for run_id, (state, reason) in reply["states"].items()}

    def cancel(self, directory: str, by: str) -> tuple[str, str]:
        """Ask a run's supervisor for its end."""
        reply = self._reach.run({"operation": "cancel", "directory": directory, "by": by})
        return str(reply["state"]), str(reply["reason"])
