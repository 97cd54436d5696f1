"""Which code: packs a source directory into a snapshot, and says what would be packed.

A snapshot is a manifest (see `turnout.runtime.manifest`) whose file contents lie in the home as objects named by their
SHA-256. `take` makes one, `survey` only looks, `restore` writes one back, `git` reads the facts of the repository.
Each is loaded on first use, because most commands need none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turnout.snapshots.git import GitFacts
    from turnout.snapshots.restore import restore
    from turnout.snapshots.survey import Survey, survey
    from turnout.snapshots.take import Snapshot, take

_HOMES = {
    "GitFacts": "turnout.snapshots.git",
    "Snapshot": "turnout.snapshots.take",
    "Survey": "turnout.snapshots.survey",
    "restore": "turnout.snapshots.restore",
    "survey": "turnout.snapshots.survey",
    "take": "turnout.snapshots.take",
}

__all__ = ["GitFacts", "Snapshot", "Survey", "restore", "survey", "take"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'turnout.snapshots' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
