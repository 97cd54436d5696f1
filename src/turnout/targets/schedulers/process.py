"""Schedules runs as plain processes of the target's machine, through the runtime's agent there."""

from __future__ import annotations

from typing import Any

from turnout.targets.reach import Reach


class ProcessScheduler:
    """A queue with slots, and one supervisor process for each run that has got some."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def plan(self, run: dict[str, Any], directory: str) -> dict[str, Any]:
        """Return the request that puts the run into the machine's queue."""
        resources = run.get("resources") or {"cpus": 1, "gpus": 0, "priority": 0}
        return {"operation": "start", "run": run["id"], "directory": directory, "resources": resources}

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Put the run into the queue; the handle names its entry."""
        handle: dict[str, Any] = self._reach.run(request)["handle"]
        return handle

    def poll(self, directories: list[str]) -> dict[str, tuple[str, str]]:
        """Return the true states of runs."""
        reply = self._reach.run({"operation": "look", "directories": directories})
        return {run_id: (state, reason) for run_id, (state, reason) in reply["states"].items()}

    def cancel(self, directory: str, by: str, reason: str = "") -> tuple[str, str]:
        """Ask whoever looks after a run for its end."""
        reply = self._reach.run({"operation": "cancel", "directory": directory, "by": by, "reason": reason})
        return str(reply["state"]), str(reply["reason"])

    def offer(self) -> dict[str, Any]:
        """Return what the machine offers: `slots` and `gpus`."""
        return self._reach.run({"operation": "offer"})

    def queue(self) -> dict[str, Any]:
        """Return what the machine offers, which runs hold slots, and which wait: see `agent.queue`."""
        return self._reach.run({"operation": "queue"})

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change what the machine offers (`slots`, `gpus`); return the queue."""
        return self._reach.run({"operation": "configure", **changes})
