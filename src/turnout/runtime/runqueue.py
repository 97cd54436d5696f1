"""The runs of a machine that have not ended: those that wait for slots, and those that hold some.

An entry is a file. Its name is a sequence number and the run's id, its content which record it means and what the run asks
for. It appears in `waiting/` by a rename, which is the hand-over of a run. The dispatcher writes it to `started/`, with the slots
that the run got, before it removes it from `waiting/`; whoever closes the run removes it from there. So what is in use can
be read off the disk at any moment, whoever has died, and a slot is free only when its run has ended.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from turnout.runtime import layout, records, slots

_DIGITS = 12


class Entry:
    """One run in the queue.

    Attributes:
        name: the file's name: `SEQUENCE.RUN_ID`.
        directory: the run's record, absolute.
        priority: higher ones go first.
        demand: what the run asks for.
        group: of which only so many runs hold slots at once: its name, and how many; None for none.
        runtime: the directory of the shipped runtime that the run began with.
        grant: its slots; None while it waits.
    """

    __slots__ = ("demand", "directory", "grant", "group", "name", "priority", "runtime")

    def __init__(self, name: str, home: layout.Home, value: Dict[str, Any]) -> None:
        self.name = name
        self.directory = os.path.join(home.root, str(value["run"]))
        self.priority = int(value.get("priority") or 0)
        self.demand = slots.Demand(int(value.get("cpus", 1)), int(value.get("gpus", 0)))
        group = value.get("group")
        self.group: Optional[Tuple[str, int]] = (str(group["name"]), int(group["at_most"])) if group else None
        self.runtime = os.path.join(home.runtime, str(value["runtime"]))
        self.grant = slots.from_json(value["slots"]) if "slots" in value else None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return os.path.basename(self.directory)

    @property
    def order(self) -> "tuple[int, str]":
        """What entries are sorted by: the highest priority first, then the sequence."""
        return (-self.priority, self.name)

    def value(self, home: layout.Home) -> Dict[str, Any]:
        """Return the content of the entry's file."""
        value: Dict[str, Any] = {
            "run": os.path.relpath(self.directory, home.root),
            "priority": self.priority,
            "cpus": self.demand.cpus,
            "gpus": self.demand.gpus,
            "runtime": os.path.basename(self.runtime),
        }
        if self.group is not None:
            value["group"] = {"name": self.group[0], "at_most": self.group[1]}
        if self.grant is not None:
            value["slots"] = slots.to_json(self.grant)
        return value


def enqueue(home: layout.Home, directory: str, resources: Dict[str, Any], runtime: str) -> str:
    """Hand a run over to this machine; return the entry's name. A run that is in the queue already stays where it is.

    Args:
        home: this account's home.
        directory: the run's record, below the home.
        resources: `cpus`, `gpus` and `priority`, as run.json has them.
        runtime: the directory of the shipped runtime.

    Raises:
        OSError: the queue can't be written.
    """
    queue = home.queue_here
    present = find(home, directory)
    if present is not None:
        return present.name
    for path in (home.queue, queue.root, queue.waiting, queue.started):
        os.makedirs(path, layout.DIRECTORY_MODE, exist_ok=True)
    value = {
        "run": os.path.relpath(directory, home.root),
        "priority": int(resources.get("priority") or 0),
        "cpus": int(resources.get("cpus", 1)),
        "gpus": int(resources.get("gpus") or 0),
        "runtime": os.path.basename(runtime),
    }
    if resources.get("group"):
        value["group"] = resources["group"]
    name = "%0*d.%s" % (_DIGITS, _next(queue), os.path.basename(directory))
    records.write_json(os.path.join(queue.waiting, name), value)
    return name


def names(directory: str) -> List[str]:
    """Return the names of the entries in `waiting/` or `started/`, in the order in which they came."""
    try:
        found = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(name for name in found if name[:_DIGITS].isdigit() and not name.endswith(".tmp"))


def read(home: layout.Home, directory: str, name: str) -> Optional[Entry]:
    """Return an entry; None when it is gone or is none."""
    try:
        return Entry(name, home, records.read_json(os.path.join(directory, name)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def entries(home: layout.Home) -> "tuple[List[Entry], List[Entry]]":
    """Return the waiting entries, the first to start first, and the started ones."""
    queue = home.queue_here
    started = [entry for entry in _read_all(home, queue.started) if entry.grant is not None]
    known = {entry.name for entry in started}
    waiting = [entry for entry in _read_all(home, queue.waiting) if entry.name not in known]
    return sorted(waiting, key=lambda entry: entry.order), started


def held_back(waiting: Iterable[Entry], started: Iterable[Entry]) -> Dict[str, str]:
    """Return why runs wait whose group has as many runs as it may, by the names of their entries.

    Args:
        waiting: the first to start first.
        started: those that hold slots.
    """
    held: Dict[str, int] = {}
    for entry in started:
        if entry.group is not None:
            held[entry.group[0]] = held.get(entry.group[0], 0) + 1
    said = {}
    for entry in waiting:
        if entry.group is None:
            continue
        name, most = entry.group
        if held.get(name, 0) >= most:
            shown = name.rpartition("/")[2]
            said[entry.name] = "waiting for one of the %d nodes of the cluster %s" % (most, shown)
        else:
            held[name] = held.get(name, 0) + 1
    return said


def find(home: layout.Home, directory: str) -> Optional[Entry]:
    """Return the entry of a run, waiting or started; None when this machine's queue has none."""
    queue = home.queue_here
    ending = "." + os.path.basename(directory)
    for where in (queue.started, queue.waiting, queue.started):  # once more, for one that moved meanwhile
        for name in names(where):
            if name[_DIGITS:] == ending:
                entry = read(home, where, name)
                if entry is not None and entry.directory == directory:
                    return entry
    return None


def mark_started(home: layout.Home, entry: Entry, grant: slots.Grant) -> None:
    """Note that the run holds slots from now on. Raises OSError when that can't be written."""
    queue = home.queue_here
    entry.grant = grant
    try:
        records.write_json(os.path.join(queue.started, entry.name), entry.value(home))
    except OSError:
        entry.grant = None
        raise
    remove_file(os.path.join(queue.waiting, entry.name))


def remove(home: layout.Home, directory: str) -> None:
    """Remove the entries of a run from the queue of every machine: one that was left would hold slots for ever."""
    ending = "." + os.path.basename(directory)
    for queue in queues(home):
        for where in (queue.waiting, queue.started):
            for name in names(where):
                entry = read(home, where, name) if name[_DIGITS:] == ending else None
                if entry is not None and entry.directory == directory:
                    remove_file(os.path.join(where, name))


def queues(home: layout.Home) -> List[layout.QueueLayout]:
    """Return the queues of all machines that use this home."""
    try:
        hosts = sorted(os.listdir(home.queue))
    except FileNotFoundError:
        hosts = []
    return [layout.QueueLayout(os.path.join(home.queue, host)) for host in hosts]


def drop(home: layout.Home, name: str) -> None:
    """Remove an entry by its name."""
    queue = home.queue_here
    remove_file(os.path.join(queue.waiting, name))
    remove_file(os.path.join(queue.started, name))


def remove_file(path: str) -> None:
    """Remove a file that may be gone."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _read_all(home: layout.Home, directory: str) -> Iterator[Entry]:
    for name in names(directory):
        entry = read(home, directory, name)
        if entry is not None:
            yield entry


def _next(queue: layout.QueueLayout) -> int:
    """Return a number higher than all that were given out before.

    The file grows by a byte a call; the offset after an appending write tells how many there were, without a lock, whoever
    appends at the same time and whoever is killed.
    """
    descriptor = os.open(queue.sequence, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        os.write(descriptor, b".")
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)
