"""The one table of a run's states: events in, new state and orders out. No I/O.

State names and their order are v1's (Azure ML SDK v1, `Run.get_status`). `CancelRequested` and `NotResponding` are
derived by readers and never journaled, so they have no row here.
"""

MYPY = False
if MYPY:
    from typing import Dict, Optional, Tuple

NOT_STARTED = "NotStarted"
PREPARING = "Preparing"
QUEUED = "Queued"
STARTING = "Starting"
RUNNING = "Running"
FINALIZING = "Finalizing"
COMPLETED = "Completed"
FAILED = "Failed"
CANCELED = "Canceled"
CANCEL_REQUESTED = "CancelRequested"
NOT_RESPONDING = "NotResponding"

JOURNALED = (NOT_STARTED, PREPARING, QUEUED, STARTING, RUNNING, FINALIZING, COMPLETED, FAILED, CANCELED)
TERMINAL = frozenset((COMPLETED, FAILED, CANCELED))
ALL = JOURNALED + (CANCEL_REQUESTED, NOT_RESPONDING)

# What happens to a run.
SUPERVISED = "supervised"  # a supervisor has taken the run
BUILT = "built"  # its environment is there
BUILD_FAILED = "build failed"
ADMITTED = "admitted"  # it has its slots
LAUNCHED = "launched"  # the script's process runs
LAUNCH_FAILED = "launch failed"
ENDED = "ended"  # the script's process has ended
CANCEL = "cancel"  # someone asked for the end
TIME_LIMIT = "time limit"
WITHDRAWN = "withdrawn"  # it was to end before any process had become its script
LOST = "lost"  # nothing of the run lives and it left no exit code
AGAIN = "again"  # its script is a controller that was killed, and begins again

# What the supervisor does next.
BUILD = "build"
ADMIT = "admit"
LAUNCH = "launch"
WATCH = "watch"
TERMINATE = "terminate"  # end the processes, then report what came
COLLECT = "collect"
CLOSE = "close"

_TABLE: "Dict[Tuple[str, str], Tuple[str, str]]" = {
    (NOT_STARTED, SUPERVISED): (PREPARING, BUILD),
    (NOT_STARTED, CANCEL): (CANCELED, CLOSE),
    (NOT_STARTED, LOST): (FAILED, CLOSE),
    (PREPARING, SUPERVISED): (PREPARING, BUILD),
    (PREPARING, BUILT): (QUEUED, ADMIT),
    (PREPARING, BUILD_FAILED): (FAILED, CLOSE),
    (PREPARING, CANCEL): (CANCELED, CLOSE),
    (PREPARING, LOST): (FAILED, CLOSE),
    (QUEUED, SUPERVISED): (QUEUED, ADMIT),
    (QUEUED, ADMITTED): (STARTING, LAUNCH),
    (QUEUED, BUILD_FAILED): (FAILED, CLOSE),  # its environment went while it waited
    (QUEUED, CANCEL): (CANCELED, CLOSE),
    (QUEUED, LOST): (FAILED, CLOSE),
    (STARTING, SUPERVISED): (STARTING, LAUNCH),
    (STARTING, LAUNCHED): (RUNNING, WATCH),
    (STARTING, LAUNCH_FAILED): (FAILED, CLOSE),
    (STARTING, ENDED): (FINALIZING, COLLECT),
    (STARTING, CANCEL): (CANCELED, CLOSE),
    (STARTING, LOST): (FAILED, CLOSE),
    (STARTING, BUILD_FAILED): (FAILED, CLOSE),
    (RUNNING, SUPERVISED): (RUNNING, WATCH),
    (RUNNING, CANCEL): (RUNNING, TERMINATE),
    (RUNNING, TIME_LIMIT): (RUNNING, TERMINATE),
    (RUNNING, ENDED): (FINALIZING, COLLECT),
    (RUNNING, LOST): (FAILED, CLOSE),
    (RUNNING, AGAIN): (RUNNING, LAUNCH),
    (RUNNING, LAUNCHED): (RUNNING, WATCH),
    (RUNNING, LAUNCH_FAILED): (FAILED, CLOSE),
    (RUNNING, BUILD_FAILED): (FAILED, CLOSE),
    (RUNNING, WITHDRAWN): (CANCELED, CLOSE),
    (FINALIZING, SUPERVISED): (FINALIZING, COLLECT),
    (FINALIZING, CANCEL): (FINALIZING, COLLECT),
    (FINALIZING, LOST): (FINALIZING, COLLECT),
}


class Refused(ValueError):
    """An event that can't happen in a state: a bug in the caller, never a user's mistake."""


def advance(state: str, event: str) -> "Tuple[str, str]":
    """Return the state and the order that follow `event` in `state`.

    What follows `COLLECT` isn't in the table: it depends on how the script ended, see `final_state`.

    Raises:
        Refused: the event has no meaning in that state.
    """
    try:
        return _TABLE[state, event]
    except KeyError:
        raise Refused("event %r in state %r" % (event, state)) from None


def final_state(exit_code: "Optional[int]", cancelled: bool, timed_out: bool) -> str:
    """Return how a run ends whose script has ended.

    A script that ended by itself with 0 is Completed, even when a cancel request came too late. A time limit cancels, as
    v1's documents have it ("max_run_duration_seconds … automatically cancelled").
    """
    if exit_code == 0:
        return COMPLETED
    if cancelled or timed_out:
        return CANCELED
    return FAILED


def is_final(state: str) -> bool:
    """Say whether a run in `state` has ended."""
    return state in TERMINAL
