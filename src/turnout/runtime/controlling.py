"""What is particular to a sweep, the one kind of run whose script is Turnout's own: its controller.

A controller keeps nothing to itself, so one that was killed is started again and goes on from the record. It looks at the
record's request to cancel itself, since its trials have to end too.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any, Dict, Optional

from turnout.runtime import events, layout, processes, records, runlock, states
from turnout.runtime.record import SCRIPT_RUN, SWEEP_RUN, RunRecord, request_to_cancel

if TYPE_CHECKING:
    from turnout.runtime.closing import Outcome

FAILED = 3
"""Exit code of a controller whose sweep has failed, and who has reported why."""
CANCELED = 4
"""Exit code of a controller who was asked for the end."""
GRACE_SECONDS = 60.0
"""For which a controller may end its trials when it is asked for the end."""
WAKES = signal.SIGURG
"""The signal that says "look": one that a process which doesn't listen yet ignores."""

_MISTAKES = 3
"""How often a controller that ended by a mistake of its own is started again."""
_SHORT_SECONDS = 0.5
"""A life; shorter ones, one after the other, are followed by ever longer pauses."""
_PAUSE_SECONDS, _LONGEST_PAUSE, _DOUBLINGS = 0.1, 10.0, 7


def is_controlled(definition: Dict[str, Any]) -> bool:
    """Say whether a run's script is a controller."""
    return definition.get("type") == SWEEP_RUN


def brings_runs_here(run: layout.RunLayout) -> bool:
    """Say whether a run is a sweep whose trials come into the queue of this machine."""
    try:
        definition = RunRecord(run.root).definition
        target = ((definition.get("sweep") or {}).get("trial") or {}).get("target") or {}
        return is_controlled(definition) and str(target.get("reach") or "local") == "local"
    except (OSError, ValueError, AttributeError):
        return False  # it is gone, or damaged: whoever reads it is told


class Restarts:
    """Decides whether a controller that ended is started again."""

    def __init__(self) -> None:
        self._mistakes = 0
        self._shorts = 0
        self._began = 0.0

    def begun(self) -> None:
        """Take note of a start."""
        self._began = time.monotonic()

    def reason(self, outcome: Outcome) -> str:
        """Return why it is started again; empty when that was its end."""
        if outcome.ended and outcome.signal is None:
            if outcome.exit_code in (0, FAILED, CANCELED):
                return ""
            self._mistakes += 1
            if self._mistakes > _MISTAKES:
                return ""
            return "the controller ended with exit code %s and is started again" % outcome.exit_code
        name = "" if outcome.signal is None else " by %s" % processes.signal_name(outcome.signal)
        return "the controller was ended%s and is started again" % name

    def pause(self) -> Optional[float]:
        """Return until when, on the monotonic clock, to wait before; None for at once."""
        now = time.monotonic()
        self._shorts = self._shorts + 1 if now - self._began < _SHORT_SECONDS else 0
        if not self._shorts:
            return None
        return now + min(_LONGEST_PAUSE, _PAUSE_SECONDS * float(1 << min(self._shorts - 1, _DOUBLINGS)))


def reported(run: layout.RunLayout) -> str:
    """Return why a controller said that its sweep has failed."""
    told = events.last_error(events.read_all(run.events, metrics=False)[0]) or {}
    return str(told.get("message") or "")


def end_trials(run: layout.RunLayout, definition: Dict[str, Any]) -> None:
    """Ask for the end of the trials that a sweep leaves behind, which happens only when its controller could not.

    Args:
        run: a run that ends, of any type.
        definition: the content of its run.json.
    """
    if not is_controlled(definition):
        return
    for trial_id in set(events.children(events.read_all(run.events, metrics=False)[0])):
        trial = RunRecord(run.workspace.run(trial_id).root)
        try:
            final = states.is_final(str(trial.journaled_state().get("state")))
            if trial.definition.get("type") == SCRIPT_RUN and not final:
                records.create_json(
                    trial.layout.cancel, request_to_cancel("its sweep", "canceled: its sweep has ended")
                )
                holder = runlock.holder(trial.layout.lock)
                if holder is not None:
                    processes.send(holder, signal.SIGUSR1)
        except (OSError, ValueError):
            continue  # it is gone, or damaged: whoever reads it is told


def wake(run: layout.RunLayout) -> None:
    """Tell the controller of a sweep, where it lives on this machine, to look."""
    try:
        controller = records.read_json(run.process)
        if isinstance(controller, dict) and int(controller.get("pid") or 0) > 0:
            processes.send(controller, WAKES)
    except (OSError, ValueError):
        pass  # it is elsewhere, or has ended


def wake_sweep_of(run: layout.RunLayout, definition: Dict[str, Any]) -> None:
    """Tell the controller of the sweep that a run is a trial of, if it is one, that it has ended.

    Args:
        run: a run that has ended.
        definition: the content of its run.json.
    """
    if definition.get("sweep") and definition.get("parent"):
        wake(run.workspace.run(str(definition["parent"])))
