"""An application on YARN, through Hadoop's `yarn` command ("YARN Commands"). Not run here: built from its documentation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import List, Mapping, Optional

_STATE = re.compile(r"^\s*State\s*:\s*(\w+)", re.MULTILINE)
_FINAL = re.compile(r"^\s*Final-State\s*:\s*(\w+)", re.MULTILINE)
_ENDED = ("FINISHED", "FAILED", "KILLED")
_PATIENCE = 60.0


def end(application: str, variables: Mapping[str, str]) -> str:
    """See to it that an application whose driver is gone is gone on the cluster, too.

    Args:
        application: its id, such as `application_1700000000000_0001`.
        variables: the run's, of which PATH, HADOOP_HOME and the rest that Hadoop reads count.

    Returns:
        What YARN calls its state, or an empty string when that can't be known.
    """
    program = command(variables)
    if program is None:
        return ""
    state = parse(_run([program, "application", "-status", application], variables))
    if state and state not in _ENDED:
        _run([program, "application", "-kill", application], variables)
        state = parse(_run([program, "application", "-status", application], variables))
    return state


def command(variables: Mapping[str, str]) -> Optional[str]:
    """Return the `yarn` command; None when there is none."""
    homes = [variables.get(name) for name in ("HADOOP_YARN_HOME", "HADOOP_HOME")]
    path = os.pathsep.join(
        [*(os.path.join(home, "bin") for home in homes if home), variables.get("PATH") or os.defpath]
    )
    return shutil.which("yarn", path=path)


def parse(text: str) -> str:
    """Return the state in the report that `yarn application -status` prints: how it ended, once it has. Pure."""
    state, final = _STATE.search(text), _FINAL.search(text)
    if state is None:
        return ""
    if state.group(1) == "FINISHED" and final is not None and final.group(1) in ("FAILED", "KILLED"):
        return final.group(1)
    return state.group(1)


def _run(argv: List[str], variables: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            argv, env=dict(variables), stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")
