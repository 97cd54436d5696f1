"""Finds out what the runs of a home refer to. A run's record never changes in this, so each is read once."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from turnout.runtime import layout, manifest, records
from turnout.runtime.gc.items import names, reason

_DIGEST = re.compile(b"[0-9a-f]{64}").fullmatch
_FILES = (manifest.FILE.encode() + b" ", manifest.EXECUTABLE.encode() + b" ")


def come_since(home: layout.Home, known: Set[Tuple[str, str]]) -> Iterator[layout.RunLayout]:
    """Yield the runs of a home that aren't known yet, by workspace and id; they are from then on.

    Raises:
        OSError: the home can't be read.
    """
    for workspace in names(home.workspaces):
        place = home.workspace(workspace)
        for run_id in names(place.runs):
            if not run_id.startswith(".") and (workspace, run_id) not in known:
                known.add((workspace, run_id))
                yield place.run(run_id)


class Marks:
    """What runs refer to.

    Attributes:
        objects: digests.
        environments: keys.
        runs: the runs that were read, those in the trash not among them.
    """

    def __init__(self, home: layout.Home) -> None:
        self.objects: Set[bytes] = set()
        self.environments: Set[str] = set()
        self.runs: Set[Tuple[str, str]] = set()
        self._home = home
        self._sizes: Dict[str, int] = {}
        self._unread: Dict[str, Tuple[str, str]] = {}
        self._undefined: Dict[str, str] = {}

    def update(self) -> None:
        """Read the runs that have come since the last time.

        Raises:
            OSError: the home can't be read.
        """
        for run in come_since(self._home, self.runs):
            self._read(run)

    def run_layouts(self) -> List[layout.RunLayout]:
        """Return the runs that were read."""
        return [self._home.workspace(workspace).run(run_id) for workspace, run_id in sorted(self.runs)]

    @property
    def objects_are_known(self) -> bool:
        """Whether every snapshot could be read: what a run refers to is never guessed."""
        return not self._unreadable()

    @property
    def environments_are_known(self) -> bool:
        """Whether every definition could be read."""
        return not self._undefined

    def problems(self) -> List[str]:
        """Return a line for each run that could not be read, with what that keeps."""
        lines = []
        for what, unread in (("objects are", self._unreadable()), ("environments are", self._undefined)):
            for root, why in unread.items():
                lines.append(
                    "no %s freed, because %s can't be read (%s): restore it, or `turnout runs delete %s`"
                    % (what, root, why, os.path.basename(os.path.dirname(root)))
                )
        return lines

    def _unreadable(self) -> Dict[str, str]:
        # A run whose manifest is damaged does no harm if another one has the same snapshot.
        return {path: why for path, (snapshot, why) in self._unread.items() if snapshot not in self._sizes}

    def _read(self, run: layout.RunLayout) -> None:
        snapshot = ""
        try:
            definition = records.read_json(run.definition)
            if not isinstance(definition, dict):
                raise ValueError("not a JSON object")
        except (OSError, ValueError) as error:
            if not os.path.isdir(run.root):
                return  # deleted since it was listed
            self._undefined[run.definition] = reason(error) if isinstance(error, OSError) else str(error)
            self._read_manifest(run, run.data_manifest, "", False)  # its data may have travelled
        else:
            key = _member(definition.get("environment"), "key")
            if key is not None:
                self.environments.add(key)
            snapshot = _member(definition.get("snapshot"), "id") or ""
            data = definition.get("data")
            if isinstance(data, dict) and data.get("travels") is True:
                self._read_manifest(run, run.data_manifest, _member(data, "id") or "", False)
        self._read_manifest(run, run.manifest, snapshot, run.definition in self._undefined)

    def _read_manifest(self, run: layout.RunLayout, path: str, snapshot: str, undefined: bool) -> None:
        """Mark the objects of a run's snapshot or data; what was read before is known by its id and size."""
        try:
            if snapshot and self._sizes.get(snapshot) == os.stat(path).st_size:
                return
            with open(path, "rb") as stream:
                data = stream.read()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            if missing and (not os.path.isdir(run.root) or not (snapshot or undefined)):
                return  # deleted since it was listed, or a run without a snapshot
            self._unread[path] = (snapshot, reason(error))
            return
        found = manifest.digest(data)
        if found in self._sizes:
            return
        try:
            self._mark(data)
        except manifest.ManifestError as error:
            self._unread[path] = (snapshot, str(error))
            return
        if snapshot and snapshot != found:
            self._unread[path] = (snapshot, "it is not the snapshot that the run was submitted with")
            return
        self._sizes[found] = len(data)

    def _mark(self, data: bytes) -> None:
        digests = {row[2:66] for row in manifest.split(data) if row.startswith(_FILES)}
        if not all(_DIGEST(digest) for digest in digests):
            raise manifest.ManifestError("it names something that is no digest")
        self.objects |= digests


def _member(value: Any, name: str) -> Optional[str]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
