"""What a target offers, asked for while a submit does other things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.exceptions import ExperimentExecutionException
from turnout.runtime import slots

if TYPE_CHECKING:
    from turnout.runtime import layout


class Offered:
    """What the target of a run offers; of another machine it is asked for while the snapshot is taken.

    Args:
        target: the target as data.
        home: this machine's home.
    """

    def __init__(self, target: dict[str, Any], home: layout.Home) -> None:
        from turnout.targets.compute_target import is_local, scheduler_for

        self._name = target["name"]
        self._scheduler = scheduler_for(target, home)
        self._answer: dict[str, Any] | None = None
        self._error: Exception | None = None
        self._thread: Any = None
        if not is_local(target):
            import threading  # a local submit needs none

            self._thread = threading.Thread(target=self._ask, daemon=True)
            self._thread.start()

    def _ask(self) -> None:
        from turnout.targets.schedulers import HasSlots

        try:
            if isinstance(self._scheduler, HasSlots):
                self._answer = self._scheduler.offer()
        except Exception as error:
            self._error = error

    def check(self, resources: dict[str, Any]) -> None:
        """Refuse a run that asks for more than its target has: it would wait for ever.

        Raises:
            ExperimentExecutionException: it does, or the target can't be reached.
        """
        from turnout.targets.reach import TargetError, Unreachable

        if self._thread is not None:
            self._thread.join()
        else:
            self._ask()
        if isinstance(self._error, Unreachable | TargetError):
            raise ExperimentExecutionException(
                f"{self._error}; nothing was submitted", inner_exception=self._error
            ) from self._error
        if self._error is not None:
            raise self._error
        if self._answer is None:
            return
        asked = slots.demand(resources)
        there = slots.Offer(int(self._answer["slots"]), tuple(self._answer["gpus"]))
        if not slots.fits(asked, there):
            raise ExperimentExecutionException(f"the run can't start on {self._name}: {slots.too_much(asked, there)}")
