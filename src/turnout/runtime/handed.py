"""The file that hands a submitter's variables and a run's secrets over to the supervisor.

Only its owner may read it. It is there from the submit until the script has started or the run has ended, and the only
file of a home that ever holds the value of a secret.
"""

from __future__ import annotations

import json
import os
import time
from typing import Dict, NamedTuple

from turnout.runtime import layout, records

ORPHANED_SECONDS = 3600.0
"""Between this file and its run lie milliseconds; after so long a submitter without a run is not about to make it."""


class Handed(NamedTuple):
    """What a submitter hands over.

    Attributes:
        variables: its own variables that the script inherits; no secret is among them.
        secrets: the secrets that the run was given, by name; they win over every other variable.
    """

    variables: Dict[str, str]
    secrets: Dict[str, str]

    def all(self) -> Dict[str, str]:
        """Return variables and secrets together, for the tools that prepare the run's environment."""
        return {**self.variables, **self.secrets}


def write(home: layout.Home, run_id: str, handed: Handed) -> None:
    """Leave what the supervisor of a run will read, whole or not at all; remove what was left for runs that never came.

    Raises:
        OSError: it can't be written.
    """
    data = json.dumps({"variables": handed.variables, "secrets": handed.secrets})
    _remove_orphans(home)
    records.write_atomic(home.secret(run_id), data.encode("ascii"))


def read(home: layout.Home, run_id: str) -> Handed:
    """Return what was handed over to a run; nothing where there is no such file (any more).

    Raises:
        OSError, ValueError: it is there and can't be read.
    """
    try:
        value = records.read_json(home.secret(run_id))
    except FileNotFoundError:
        return Handed({}, {})
    return Handed(dict(value["variables"]), dict(value["secrets"]))


def _remove_orphans(home: layout.Home) -> None:
    """Remove what submitters left that were killed before their run was there."""
    latest = time.time() - ORPHANED_SECONDS
    try:
        with os.scandir(home.secrets) as entries:
            old = [entry.name for entry in entries if entry.stat(follow_symlinks=False).st_mtime < latest]
        workspaces = os.listdir(home.workspaces) if old else []
    except OSError:
        return  # another submitter was quicker, or nothing can be removed here: the run goes on
    for name in old:
        if not any(os.path.lexists(home.workspace(each).run(name).root) for each in workspaces):
            try:
                os.unlink(home.secret(name))
            except OSError:
                pass
