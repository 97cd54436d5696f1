"""The person's own interpreter: nothing is built, only found."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Dict, Optional

from turnout.runtime import layout
from turnout.runtime.builders import BuildFailed, Built


def find(environment: Dict[str, Any], home: layout.Home) -> Optional[Built]:
    """Return the interpreter if it can be executed."""
    interpreter = str((environment.get("lock") or {}).get("interpreter") or "")
    return Built(interpreter, None) if os.access(interpreter, os.X_OK) and os.path.isfile(interpreter) else None


def build(environment: Dict[str, Any], home: layout.Home, log: BinaryIO) -> Built:
    """Say that the interpreter isn't there: this kind is never built."""
    interpreter = (environment.get("lock") or {}).get("interpreter")
    raise BuildFailed("the interpreter %s is not there or can't be executed" % interpreter)
