"""Starts a Python script, or a shell command, as one plain process."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from turnout.runtime.launchers import Launcher


class PythonLauncher(Launcher):
    """`python SCRIPT ARGUMENTS…`."""

    def command(
        self, definition: Dict[str, Any], rank: int, interpreter: str, found: Dict[str, Any]
    ) -> Tuple[List[str], Dict[str, str]]:
        """Return `python SCRIPT ARGUMENTS…`, or `/bin/sh -c COMMAND` for a run that has a command instead of a script.

        The arguments go to the script untouched: no shell stands between.
        """
        configuration = definition.get("configuration") or {}
        if configuration.get("command"):
            return ["/bin/sh", "-c", str(configuration["command"])], {}
        return [interpreter, str(configuration.get("script")), *(definition.get("arguments") or [])], {}
