"""Frees objects: those no snapshot names, those set aside as damaged, and what dead writers staged."""

from __future__ import annotations

import os
import re
from typing import List

from turnout.runtime import layout, objects
from turnout.runtime.gc.items import Item, Sweep, is_older, names
from turnout.runtime.gc.marking import Marks

OBJECTS = "objects"
DAMAGED = "damaged objects"
STAGED = "staged leftovers"

_DIGEST = re.compile(b"[0-9a-f]{64}").fullmatch


def candidates(home: layout.Home, marks: Marks, sweep: Sweep) -> List[Item]:
    """Return what may be freed, as far as the marks know; looks at the times of unmarked files only."""
    found = []
    for prefix in names(home.objects):
        if len(prefix) != 2:
            continue
        directory = os.path.join(home.objects, prefix)
        for name in names(directory):
            path = os.path.join(directory, name)
            digest = os.fsencode(prefix + name)
            if name.endswith(objects.DAMAGED):
                item = Item(DAMAGED, path, b"")
            elif digest not in marks.objects and _DIGEST(digest):
                item = Item(OBJECTS, path, digest)
            else:
                continue
            if is_older(path, sweep.before):
                found.append(item)
    return found


def free(home: layout.Home, marks: Marks, sweep: Sweep, found: List[Item]) -> None:
    """Free those of the candidates that are still unmarked, and what was staged; submits are kept out meanwhile."""
    incoming = os.path.join(home.objects, objects.INCOMING)
    for name in names(incoming):
        path = os.path.join(incoming, name)
        if is_older(path, sweep.before):
            sweep.free(STAGED, path)
    unused = [item for item in found if item.digest and item.digest not in marks.objects]
    if not marks.objects_are_known:
        unused = []
    if unused and not sweep.dry:
        # Before, not after: a gc that is killed between the two must leave no stat cache that counts on what is gone.
        objects.ObjectStore(home.objects).start_generation()
    for item in unused + [item for item in found if item.kind == DAMAGED]:
        sweep.free(item.kind, item.path)
