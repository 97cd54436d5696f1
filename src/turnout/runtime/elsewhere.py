"""What a run's work does beyond its own machine, as its supervisor sees it: when it may begin, what it waits for, its end.

Most runs work here only; their launcher's companion has nothing to say, and is not asked for anything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, Optional

from turnout.runtime import closing, layout, records, states

if TYPE_CHECKING:
    from turnout.runtime.launchers.companion import Companion


class Elsewhere:
    """The work of one run on other machines.

    Args:
        home: this machine's home.
        run: the run.
        definition: the content of run.json.
        journal: of the run, in which is written what its work waits for.
    """

    def __init__(
        self, home: layout.Home, run: layout.RunLayout, definition: Dict[str, Any], journal: records.JsonLines
    ) -> None:
        self._home = home
        self._run = run
        self._definition = definition
        self._journal = journal
        self._companion: Optional[Companion] = None
        self._told = ""

    @property
    def pid(self) -> int:
        """The pid of a process of its own; 0 without one."""
        return 0 if self._companion is None else int(self._companion.pid or 0)

    def companion(self) -> Companion:
        """Return what follows the work. Raises ValueError when the run can't be launched at all."""
        if self._companion is None:
            from turnout.runtime import launching

            self._companion = launching.companion(self._home, self._run, self._definition)
        return self._companion

    def has_room(self) -> bool:
        """Say whether nothing speaks against a start; else journal what does."""
        try:
            reason = self.companion().hindrance()
        except ValueError:
            return True  # the start says what is wrong
        self._tell(states.QUEUED, reason)
        return not reason

    def look(self, script: Optional[Dict[str, Any]]) -> None:
        """Follow the work of the script's process, and journal what it waits for."""
        if script is None or script["pid"] <= 0:
            return  # it is just beginning
        companion = self.companion()
        companion.begin(script["pid"])
        self._tell(states.RUNNING, companion.waits())

    def leave(self, outcome: closing.Outcome) -> None:
        """See to it that nothing goes on when the run has ended."""
        try:
            code = outcome.exit_code
            reason = self.companion().end(failed=code is not None and code != 0)
        except ValueError:
            return  # it could never be launched
        if reason and not outcome.reason:
            outcome.reason = reason

    def _tell(self, state: str, reason: str) -> None:
        """Journal why the run waits, or that it doesn't any more while it runs."""
        if reason != self._told:
            self._told = reason
            if reason or state == states.RUNNING:
                self._journal.append({"t": time.time(), "state": state, "reason": reason})
