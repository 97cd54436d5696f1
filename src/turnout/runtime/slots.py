"""Decides which waiting runs get slots: what a machine offers, what is in use, and who comes first. No I/O in `choose`.

A slot is a unit that a run asks for with `--cpus` and holds until none of its processes lives. GPUs are named (0, 1, …);
a run that has some sees only those.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

from turnout.runtime import layout, records


class Demand(NamedTuple):
    """What a run asks for: numbers of CPU slots and of GPUs."""

    cpus: int
    gpus: int


def demand(resources: Any) -> Demand:
    """Return what run.json's `resources` ask for; one CPU slot when there are none."""
    values = resources if isinstance(resources, dict) else {}
    return Demand(int(values.get("cpus", 1)), int(values.get("gpus") or 0))


class Grant(NamedTuple):
    """What a run got: the numbers of its CPU slots and the names of its GPUs."""

    cpus: Tuple[int, ...]
    gpus: Tuple[str, ...]


class Offer(NamedTuple):
    """What a machine offers: how many CPU slots, and which GPUs."""

    cpus: int
    gpus: Tuple[str, ...]


def choose(waiting: Iterable[Tuple[str, Demand]], offer: Offer, in_use: Iterable[Grant]) -> Dict[str, Grant]:
    """Give slots to those that wait, in their order; return the grants by name.

    First in, first out: a run that doesn't fit keeps what is free for itself, so a run behind it starts only on what the
    runs before it leave over. A wide run therefore is not starved by narrow ones. A run that asks for more than the
    machine offers keeps nobody waiting.

    Args:
        waiting: names and demands, the first to start first.
        offer: what there is in all.
        in_use: what the runs that have started hold.
    """
    cpus, gpus = _free(offer, in_use)
    grants: Dict[str, Grant] = {}
    for name, demand in waiting:
        if not fits(demand, offer):
            continue
        if demand.cpus <= len(cpus) and demand.gpus <= len(gpus):
            grants[name] = Grant(tuple(cpus[: demand.cpus]), tuple(gpus[: demand.gpus]))
        del cpus[: demand.cpus]
        del gpus[: demand.gpus]
    return grants


def reasons(waiting: Iterable[Tuple[str, Demand]], offer: Offer, in_use: Iterable[Grant]) -> Dict[str, str]:
    """Return for each that waits its place and what it waits for, as a person reads it; see `choose`."""
    cpus, gpus = _free(offer, in_use)
    queue = list(waiting)
    said: Dict[str, str] = {}
    for place, (name, demand) in enumerate(queue, 1):
        if fits(demand, offer):
            free = ["%d of %d CPU slots" % (len(cpus), offer.cpus)] if demand.cpus else []
            free += ["%d of %d GPUs" % (len(gpus), len(offer.gpus))] if demand.gpus else []
            before = "; %d before it" % (place - 1) if place > 1 else ""
            said[name] = "waiting for %s (free: %s)%s" % (spoken(demand), ", ".join(free) or "all", before)
        else:
            said[name] = too_much(demand, offer)
    return said


def fits(demand: Demand, offer: Offer) -> bool:
    """Say whether a machine could ever run this."""
    return demand.cpus <= offer.cpus and demand.gpus <= len(offer.gpus)


def too_much(demand: Demand, offer: Offer) -> str:
    """Return why a run can never start on a machine."""
    return (
        "it asks for %s, and this machine offers %s; `turnout target update local --slots N --gpus 0,1` changes that"
        % (
            spoken(demand),
            spoken(Demand(offer.cpus, len(offer.gpus))),
        )
    )


def _free(offer: Offer, in_use: Iterable[Grant]) -> Tuple[List[int], List[str]]:
    """Return the free CPU slots and GPUs."""
    held = list(in_use)
    used_cpus = {number for grant in held for number in grant.cpus}
    used_gpus = {name for grant in held for name in grant.gpus}
    cpus = [number for number in range(offer.cpus) if number not in used_cpus]
    # Slots beyond an offer that was made smaller meanwhile are in use all the same.
    over = len([number for number in used_cpus if number >= offer.cpus])
    return cpus[: max(0, len(cpus) - over)], [name for name in offer.gpus if name not in used_gpus]


def spoken(demand: Demand) -> str:
    """Return a demand as a person says it: "2 CPU slots and 1 GPU"."""
    parts = []
    if demand.cpus or not demand.gpus:  # "0 CPU slots" rather than nothing
        parts.append("%d CPU slot%s" % (demand.cpus, "" if demand.cpus == 1 else "s"))
    if demand.gpus:
        parts.append("%d GPU%s" % (demand.gpus, "" if demand.gpus == 1 else "s"))
    return " and ".join(parts)


def offered(queue: layout.QueueLayout) -> Offer:
    """Return what this machine offers: what a person has set, else the default."""
    valid, default = _valid(_said(queue)), default_offer()
    gpus = valid.get("gpus", default.gpus)
    return Offer(valid.get("slots", default.cpus), tuple(str(name) for name in gpus))


def is_readable(queue: layout.QueueLayout) -> bool:
    """Say whether the file of what a person has set holds what belongs there."""
    try:
        said = records.read_json(queue.slots)
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and {"slots", "gpus"} & said.keys() <= _valid(said).keys()


def _valid(said: Dict[str, Any]) -> Dict[str, Any]:
    """Return those of the settings that can be used."""
    cpus, gpus = said.get("slots"), said.get("gpus")
    valid: Dict[str, Any] = {"slots": cpus} if isinstance(cpus, int) and cpus >= 0 else {}
    return {**valid, "gpus": gpus} if isinstance(gpus, list) else valid


def _said(queue: layout.QueueLayout) -> Dict[str, Any]:
    """Return what a person has set; nothing when nobody has, or when the file is damaged (`turnout doctor` says so)."""
    try:
        said = records.read_json(queue.slots)
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def default_offer() -> Offer:
    """Return as many slots as there are GPUs, else half the processors of this account, at least one."""
    gpus = tuple(found_gpus())
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Offer(len(gpus) or max(1, count // 2), gpus)


def found_gpus(devices: str = "/dev") -> List[str]:
    """Return the numbers of NVIDIA's GPUs, by their device files: no tool is asked, since that takes a second."""
    try:
        names = os.listdir(devices)
    except OSError:
        return []
    return sorted((name[6:] for name in names if name.startswith("nvidia") and name[6:].isdigit()), key=int)


def configure(queue: layout.QueueLayout, changes: Dict[str, Any]) -> Offer:
    """Change what this machine offers; a value of None goes back to the default. Return the offer.

    Args:
        queue: this machine's.
        changes: `slots` (a number) and `gpus` (a list of names), those that are to change.
    """
    said = _said(queue)
    said.update(changes)
    os.makedirs(queue.root, layout.DIRECTORY_MODE, exist_ok=True)
    records.write_json(queue.slots, {key: value for key, value in said.items() if value is not None})
    return offered(queue)


def to_json(grant: Grant) -> Dict[str, Any]:
    """Return a grant as JSON."""
    return {"cpus": list(grant.cpus), "gpus": list(grant.gpus)}


def from_json(value: Any) -> Grant:
    """Return the grant that `to_json` has written; an empty one for anything else."""
    if not isinstance(value, dict):
        return Grant((), ())
    return Grant(
        tuple(int(number) for number in value.get("cpus") or ()), tuple(str(name) for name in value.get("gpus") or ())
    )
