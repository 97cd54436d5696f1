"""Who decides when and where work starts on a machine: one file a kind, and its line in `KINDS`."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast, runtime_checkable

from turnout.targets.reach import Reach

KINDS = {"process": "turnout.targets.schedulers.process:ProcessScheduler"}


class Scheduler(Protocol):
    """A way to schedule runs on a machine that is reached.

    `plan` is pure: the same run gives the same request, and nothing is asked or changed. A handle is JSON and enough for a
    fresh process to attach to the run.
    """

    def plan(self, run: dict[str, Any], directory: str) -> dict[str, Any]:
        """Return the request that would start the run, as data.

        Args:
            run: the content of run.json.
            directory: where the run's record lies on the target.
        """
        ...

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send the request; return the handle."""
        ...

    def poll(self, directories: list[str]) -> dict[str, tuple[str, str]]:
        """Return state and reason of each run, by id, in one request for all of them."""
        ...

    def cancel(self, directory: str, by: str, reason: str = "") -> tuple[str, str]:
        """Ask for the end of a run on behalf of `by`; return its state and reason. A finished run is no error.

        Args:
            directory: the run's record on the target.
            by: who asks.
            reason: what the run's state is to say; by default who asked.
        """
        ...


@runtime_checkable
class HasSlots(Protocol):
    """A scheduler with slots of its own, whose queue can be looked at and whose size can be set."""

    def offer(self) -> dict[str, Any]:
        """Return `slots` (a number) and `gpus` (a list of names): what there is in all."""
        ...

    def queue(self) -> dict[str, Any]:
        """Return `slots` and `gpus` (what there is), and `started` and `waiting`: the runs, in their order."""
        ...

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change `slots` (a number) or `gpus` (a list of names); None goes back to the default. Returns the queue."""
        ...


def make(kind: str, reach: Reach) -> Scheduler:
    """Return a scheduler of the named kind over a reach."""
    module, name = KINDS[kind].split(":")
    return cast(Scheduler, getattr(import_module(module), name)(reach))
