"""What goes with a run whose script works on machines beyond its own: the default, for the others, does nothing."""

from __future__ import annotations

from typing import Optional


class Companion:
    """Follows the work of one run's script elsewhere, for its supervisor.

    Attributes:
        pid: its process, a child of the supervisor's that isn't the run's; None while there is none.
    """

    pid: Optional[int] = None

    def hindrance(self) -> str:
        """Return why the script shouldn't be started just now; an empty string when nothing speaks against it."""
        return ""

    def begin(self, script: int) -> None:
        """Follow a script that runs; does nothing when it is followed already.

        Args:
            script: the pid of its process.
        """

    def waits(self) -> str:
        """Return what the script's work waits for elsewhere, though the script runs; an empty string when for nothing."""
        return ""

    def end(self, failed: bool) -> str:
        """See to it that nothing goes on elsewhere after the script's end.

        Args:
            failed: whether it ended with an error.

        Returns:
            Why it failed, where that can be told better than by the script's last words.
        """
        return ""
