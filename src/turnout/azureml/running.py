"""Runs a script that was written for Azure ML SDK v1, as `python SCRIPT` would, with v1's names answered by Turnout."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence

from turnout.azureml import door, notebook


def run(script: str, arguments: Sequence[str]) -> None:
    """Run a script, or a notebook's cells, as the main program of this process.

    Args:
        script: its path; it is there.
        arguments: what it finds in `sys.argv[1:]`.

    Raises:
        BaseException: whatever ends the script.
    """
    door.install()
    if script.endswith(notebook.EXTENSION):
        notebook.run(script, arguments)
        return
    sys.argv[:] = [script, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")
