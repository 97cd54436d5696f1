"""v1's telemetry switch: accepted. Turnout collects nothing and sends nothing anywhere."""

from __future__ import annotations

from typing import Any

INSTRUMENTATION_KEY = ""


def set_diagnostics_collection(send_diagnostics: bool = True, verbosity: Any = None) -> None:
    """Say that nothing is collected, whichever way it is set.

    Args:
        send_diagnostics: accepted as in v1.
        verbosity: accepted as in v1.
    """
    print("Turnout collects no diagnostics.")  # noqa: T201 - v1 printed a line, too
