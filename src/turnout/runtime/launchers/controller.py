"""Starts the controller of a sweep: Turnout itself, as it was installed where the sweep was submitted."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from turnout.runtime.launchers import Launcher

_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from turnout.sweeps.controller import main; sys.exit(main())"
)


class ControllerLauncher(Launcher):
    """`python -c …`: the controller finds its sweep by the variables that every script has."""

    def command(
        self, definition: Dict[str, Any], rank: int, interpreter: str, found: Dict[str, Any]
    ) -> Tuple[List[str], Dict[str, str]]:
        """Return the argv; the sweep's own arguments are its trials'."""
        installation = str((definition.get("sweep") or {}).get("installation"))
        return [interpreter, "-c", _BOOTSTRAP, installation], {}
