"""Ends a run whose supervisors fail again and again: in a process of its own, so that the dispatcher never waits for it."""

from __future__ import annotations

from typing import Any, Dict

from turnout.runtime import closing, keeper, layout, members, processes, records, runlock, runqueue, states

_GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL for what still lives of it."""


def give_up(home: layout.Home, run: layout.RunLayout, entry: str, instead_of: Dict[str, Any]) -> int:
    """End what lives of a run, write that it failed, and take it out of the queue.

    A record that can't be written leaves the queue all the same, if none of the run's processes lives: it must not keep
    slots from others. The next look at the run puts it back.

    Args:
        home: this machine's home.
        run: the run.
        entry: the name of its entry in the queue.
        instead_of: the dispatcher that hands the run over.

    Returns:
        An exit code: 0 also when another process has the run.

    Raises:
        OSError, ValueError: the end can't be written.
    """
    try:
        if not runlock.acquire(run.lock, instead_of):
            return 0
        _end(home, run)
    finally:
        if not _may_live(run):
            runqueue.drop(home, entry)
    return 0


def _end(home: layout.Home, run: layout.RunLayout) -> None:
    outcome = closing.Outcome()
    if not keeper.claim(run):
        outcome.leftovers = members.Members(run, set).end(_GRACE_SECONDS)
    outcome.reason = "its supervisor failed again and again: see system_logs/supervisor.log"
    journal = records.JsonLines(run.journal)
    try:
        closing.close(home, run, journal, states.FAILED, outcome)
    finally:
        journal.close()


def _may_live(run: layout.RunLayout) -> bool:
    """Say whether the script or its keeper lives, or can't be judged."""
    try:
        script = records.read_json(run.process)
        named = [script, script["keeper"]] if "keeper" in script else [script]
        return any(processes.state(one) != processes.GONE for one in named)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError, AttributeError):
        return True
