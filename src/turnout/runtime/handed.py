"""The file that hands a submitter's variables and a run's secrets over to the supervisor.

Only its owner may read it. It is there from the submit until the script has started or the run has ended, and the only
file of a home that ever holds the value of a secret. Its name is drawn at random and stands in run.json: run ids are unique
in a workspace only, and two submits may try the same one.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any, Dict, List, NamedTuple, Optional

from turnout.runtime import layout, records, states
from turnout.runtime.record import RunRecord

MEMBER = "handed_over"
"""What run.json calls the file's name."""

ORPHANED_SECONDS = 3600.0
"""Between this file and its run lie milliseconds; after so long a submitter without a run is not about to make it."""


_SPARED_SECONDS = 60.0
"""For which a file that is wanted isn't looked into again by one process, which may submit a thousand runs."""
_spared: Dict[str, float] = {}

_CREDENTIAL = re.compile("PASSWORD|TOKEN|SECRET")
"""Part of the names of variables that hold one."""


class Handed(NamedTuple):
    """What a submitter hands over.

    Attributes:
        variables: its own variables that the script inherits; no secret is among them.
        secrets: the secrets that the run was given, by name; they win over every other variable.
        tools: variables for the tools that prepare the run's environment and for nothing else: from where packages come.
            They may hold credentials.
    """

    variables: Dict[str, str]
    secrets: Dict[str, str]
    tools: Dict[str, str] = {}

    def all(self) -> Dict[str, str]:
        """Return all of them together, for the tools that prepare the run's environment."""
        return {**self.tools, **self.variables, **self.secrets}

    def hidden(self) -> List[str]:
        """Return the values that no log may show."""
        telling = (value for name, value in self.tools.items() if "@" in value or _CREDENTIAL.search(name))
        return [*self.secrets.values(), *telling]

    @classmethod
    def of(cls, value: Dict[str, Any]) -> "Handed":
        """Return what `as_json` described."""
        return cls(dict(value["variables"]), dict(value["secrets"]), dict(value.get("tools") or {}))

    def as_json(self) -> Dict[str, Dict[str, str]]:
        """Return it as data."""
        return {"variables": self.variables, "secrets": self.secrets, "tools": self.tools}


class HandedOverGone(ValueError):
    """What was handed over for a run is not there any more: it can't start as it was submitted."""


def new_name() -> str:
    """Return a name for a new file."""
    return os.urandom(8).hex()


def path(home: layout.Home, definition: Dict[str, Any]) -> Optional[str]:
    """Return the file that belongs to a run, there or not; None for a run that was handed nothing."""
    name = definition.get(MEMBER)
    return os.path.join(home.secrets, os.path.basename(name)) if isinstance(name, str) and name else None


def write(home: layout.Home, name: str, run: layout.RunLayout, handed: Handed) -> None:
    """Leave what the supervisor of a run will read, whole or not at all; remove what was left for runs that never came.

    Args:
        home: where.
        name: of the file, from `new_name`; run.json has it as `MEMBER`.
        run: which it is for.
        handed: the content.

    Raises:
        OSError: it can't be written.
    """
    whose = os.path.relpath(run.root, home.root)
    data = json.dumps({"run": whose, **handed.as_json()})
    _remove_orphans(home)
    records.write_atomic(os.path.join(home.secrets, name), data.encode("ascii"), sync=True)


def read(home: layout.Home, run: layout.RunLayout) -> Handed:
    """Return what was handed over to a run that has not started; nothing for one that was handed nothing.

    Raises:
        HandedOverGone: it is gone.
        OSError, ValueError: it, or the definition, can't be read.
    """
    where = path(home, RunRecord(run.root).definition)
    if where is None:
        return Handed({}, {})
    try:
        value = records.read_json(where)
    except FileNotFoundError:
        raise HandedOverGone("the variables that its submitter handed over are gone: %s" % where) from None
    return Handed.of(value)


def remove(home: layout.Home, run: layout.RunLayout) -> None:
    """Remove what was handed over to a run, if it is still there. Raises OSError when it can't be removed."""
    try:
        where = path(home, RunRecord(run.root).definition)
    except (OSError, ValueError):
        return  # whose it is can't be told from here; the file itself tells gc
    if where is not None:
        try:
            os.unlink(where)
        except FileNotFoundError:
            pass


def whose(home: layout.Home, name: str) -> Optional[layout.RunLayout]:
    """Return the run that a file is for, there or not; None when the file doesn't say."""
    try:
        value = records.read_json(os.path.join(home.secrets, name))
        return layout.RunLayout(os.path.join(home.root, str(value["run"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_wanted(home: layout.Home, name: str) -> bool:
    """Say whether a run that has not ended was handed this file; also when that can't be found out."""
    run = whose(home, name)
    if run is None:
        return False
    try:
        record = RunRecord(run.root)
        return record.definition.get(MEMBER) == name and not states.is_final(str(record.journaled_state().get("state")))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def _remove_orphans(home: layout.Home) -> None:
    """Remove what submitters left that were killed before their run was there."""
    latest = time.time() - ORPHANED_SECONDS
    try:
        with os.scandir(home.secrets) as entries:
            old = [entry.name for entry in entries if entry.stat(follow_symlinks=False).st_mtime < latest]
    except OSError:
        return  # another submitter was quicker, or nothing can be removed here: the run goes on
    for name in old:
        path = os.path.join(home.secrets, name)
        if _spared.get(path, 0.0) > time.monotonic():
            continue
        if is_wanted(home, name):
            _spared[path] = time.monotonic() + _SPARED_SECONDS
            continue
        try:
            os.unlink(path)
        except OSError:
            pass
