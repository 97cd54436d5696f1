"""What a controller says: lines in the form of v1's `hyperdrive.txt`."""

from __future__ import annotations

import sys
from datetime import datetime, timezone


class Log:
    """Writes to standard output, which is the log of the sweep's run."""

    def write(self, part: str, text: str, level: str = "INFO") -> None:
        """Write a line.

        Args:
            part: who says it: API, GENERATOR, SCHEDULER, CONTROLLER (v1's words).
            text: one line.
            level: INFO or WARNING.
        """
        when = datetime.now(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")
        plain = " ".join(text.split())
        sys.stdout.write(f"<START>[{when}][{part}][{level}]{plain}<END>\n")
        sys.stdout.flush()
