"""Brings what a run has registered and left into its workspace: once, where the record and the workspace are on one machine."""

import os

from turnout.runtime import events, inputs, records, states
from turnout.runtime.record import RunRecord
from turnout.runtime.script.assets import patterns, places, storages
from turnout.runtime.script.assets.travelled import DEFINITION, FILES, REGISTERED
from turnout.runtime.script.exceptions import TurnoutException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Mapping, Tuple

    from turnout.runtime import layout


def is_pending(run: "layout.RunLayout", definition: "Mapping[str, Any]") -> bool:
    """Say whether a run that has ended may have left something that its workspace hasn't got."""
    if os.path.exists(run.assets_taken) or not os.path.exists(run.workspace.definition):
        return False
    return bool(inputs.outputs(definition)) or os.path.exists(run.assets)


def take(run: "layout.RunLayout", state: str) -> "List[str]":
    """Bring what an ended run has registered into its workspace, and its outputs into their datastores; return what can't be.

    What was registered stands however the run ended (a script saw it done); outputs are taken of a run that has completed. Once
    more does no harm; when a datastore can't be reached, what is left is taken the next time.

    Args:
        run: the record.
        state: how the run ended.
    """
    record = RunRecord(run.root)
    try:
        definition = record.definition
        if not is_pending(run, definition):
            return []
        place = places.Live(run.workspace)
        troubles = []
        for event in record.events(metrics=False):
            if event.get("e") == events.REGISTERED:
                troubles += _trying(lambda event=event: _take_event(run, place, event))
        if state == states.COMPLETED:
            for each in inputs.outputs(definition):
                troubles += _trying(lambda each=each: _take_output(run, place, definition, each))
        if not troubles:
            records.write_atomic(run.assets_taken, b"")
    except (OSError, ValueError, TurnoutException) as error:
        return [" ".join(str(error).split())]
    return troubles


def _trying(work: "Any") -> "List[str]":
    try:
        work()
    except (OSError, ValueError, LookupError, TypeError, TurnoutException) as error:
        return [" ".join(str(error).split()) or type(error).__name__]
    return []


def _take_event(run: "layout.RunLayout", place: "places.Live", event: "Dict[str, Any]") -> None:
    kind = event.get("what")
    if kind == FILES:
        files = [(source, inside) for inside, source in _artifacts(run, event["files"])]
        place.upload(str(event["datastore"]), files, bool(event.get("overwrite", True)))
        return
    if kind == DEFINITION:
        place.keep_dataset(event["definition"])
        return
    entry = dict(event["entry"], origin=str(event["id"]))
    if any(known.get("origin") == entry["origin"] for known in place.entries(str(kind), str(entry["name"]))):
        return
    if kind == places.DATASET:
        place.register_dataset(entry, event["definition"])
    elif kind == places.MODEL:
        place.register_model(entry, _artifacts(run, event["files"]))


def _artifacts(run: "layout.RunLayout", listed: "List[List[str]]") -> "List[Tuple[str, str]]":
    """Return files that an event names as (path, file here). Raises ValueError for one that doesn't lie below `registered/`."""
    found = []
    for inside, name in listed:
        parts = (str(inside) + "/" + str(name)).split("/")
        path = os.path.join(run.artifacts, str(name))
        # A record from elsewhere may have links: none may lead to files of this machine.
        whole = os.path.realpath(path) == os.path.join(os.path.realpath(run.artifacts), str(name))
        if ".." in parts or not str(name).startswith(REGISTERED + "/") or str(inside).startswith("/") or not whole:
            raise ValueError("the run names a file outside of what it registered: %r" % (name,))
        found.append((str(inside), path))
    return found


def _take_output(
    run: "layout.RunLayout", place: "places.Live", definition: "Mapping[str, Any]", each: "Mapping[str, Any]"
) -> None:
    folder = storages.Folder(os.path.join(run.artifacts, inputs.OUTPUTS, str(each["name"])))
    wanted = [patterns.compiled(glob.strip("/")) for glob in each.get("globs") or []]
    files = [
        (file.path, os.path.join(folder.root, file.path))
        for file in folder.files("")
        if not wanted or any(one.match(file.path) for one in wanted)
    ]
    if os.path.exists(run.replica):  # a link of another machine's names nothing of this one
        inside = os.path.join(os.path.realpath(run.root), "")
        files = [(path, source) for path, source in files if os.path.realpath(source).startswith(inside)]
    storage = place.storage(str(each["datastore"]))
    for inside, source in files:
        target = "/".join(part for part in (str(each["path"]), inside) if part)
        if each.get("overwrite", True) or not storage.has(target):
            storage.put(source, target)
    register = each.get("register")
    if register:
        made = {
            "kind": "tabular" if (each.get("read") or {}).get("format") else "file",
            "sources": [{"datastore": each["datastore"], "path": each["path"]}],
            "read": each.get("read"),
            "steps": [],
        }
        entry = dict(places.signature(_Signing(run)), origin="%s/%s" % (run.run_id, each["name"]))
        entry.update(register)
        if not any(known.get("origin") == entry["origin"] for known in place.entries(places.DATASET, entry["name"])):
            place.register_dataset(entry, made)


class _Signing:
    """A run, for `places.signature`."""

    def __init__(self, run: "layout.RunLayout") -> None:
        self.record = RunRecord(run.root)
