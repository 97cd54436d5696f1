"""The markers in `changes/`: which runs to look at again.

A marker is a file whose name is a run's id, perhaps followed by `@` and more. Whoever changes a run writes it after
the change (of a new run also before its directory appears). A marker goes away only when what it announced is
committed, and never when it was written again meanwhile.
"""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass

ABSENT_FOR = 600.0
"""Seconds for which a marker waits for a run that isn't there yet."""

SHARED_FOR = 7 * 86400.0
"""Seconds for which a marker stays where several indexes read it."""

UNSETTLED = 2.0
"""Seconds within which a time of a file system can't tell two changes apart."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker: its file's name, the run that it announces, and the time that its file carries."""

    name: str
    run_id: str
    stamp: int


def pending(directory: str) -> list[Marker]:
    """Return the markers there are, oldest first."""
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    stamp = entry.stat(follow_symlinks=False).st_mtime_ns
                except FileNotFoundError:
                    continue
                found.append(Marker(entry.name, entry.name.split("@", 1)[0], stamp))
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda marker: (marker.stamp, marker.name))


def take(directory: str, markers: list[Marker]) -> list[Marker]:
    """Give each marker a name of its own before its run is read, so that one written afterwards is another file.

    A process that dies with markers taken leaves them as markers for the next.
    """
    taken = []
    for marker in markers:
        name = f"{marker.run_id}@taken-{os.getpid()}-{next(_numbers)}"
        try:
            os.rename(os.path.join(directory, marker.name), os.path.join(directory, name))
        except FileNotFoundError:
            continue  # another process has it, and commits before it goes
        taken.append(Marker(name, marker.run_id, marker.stamp))
    return taken


def remove(directory: str, markers: list[Marker]) -> None:
    """Remove markers whose runs are committed."""
    for marker in markers:
        try:
            os.unlink(os.path.join(directory, marker.name))
        except FileNotFoundError:
            pass


def is_older(marker: Marker, seconds: float) -> bool:
    """Say whether a marker was written more than `seconds` ago."""
    return time.time() - marker.stamp / 1e9 > seconds
