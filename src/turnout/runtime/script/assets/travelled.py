"""What a run elsewhere has of its workspace: what travelled with it, and what it registers itself.

Read from the record: `assets.json` (what the workspace had when the run was submitted), `data/` (the files that came along),
events (what the run has registered since). What is registered or uploaded here is an event and, for files, artifacts of the
run; `taking` brings them into the workspace when the record is there.
"""

import os

from turnout.runtime import events, records
from turnout.runtime.script.assets import storages
from turnout.runtime.script.assets.places import DATASET, MODEL, dataset_id, signature
from turnout.runtime.script.assets.sources import LOCAL
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

STORES = "stores"
"""`data/stores/DATASTORE/PATH`: files of datastores that travelled."""
MODELS = "models"
"""`data/models/NAME/VERSION/PATH`: those of models."""
FILES, DEFINITION = "files", "definition"
"""What events say beside `dataset` and `model`: files of a datastore, and a dataset that was not registered itself."""
REGISTERED = "registered"
"""Artifacts below it are files that the run has registered or uploaded: `registered/ID/PATH`."""


class Travelled:
    """The assets of a run that is not on its workspace's machine; it has the attributes and methods of `places.Live`.

    Args:
        run: the script's run.
    """

    def __init__(self, run: "Any") -> None:
        self._run = run
        self.complete = False
        self.local_root = os.path.join(run.layout.data, STORES, LOCAL)
        self._catalogue: "Optional[Dict[str, Any]]" = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Travelled) and bool(other._run == self._run)

    def __hash__(self) -> int:
        return hash(self._run)

    def _known(self) -> "Dict[str, Any]":
        if self._catalogue is None:
            try:
                found = records.read_json(self._run.layout.assets)
            except FileNotFoundError:
                found = {}
            self._catalogue = found if isinstance(found, dict) else {}
        return self._catalogue

    def _own(self, kind: str, name: str) -> "List[Dict[str, Any]]":
        """Return what this run registered under a name, the latest first."""
        before = max([0] + [int(entry["version"]) for entry in self._came(kind, name)])
        found: "List[Dict[str, Any]]" = []
        for event in self._events(kind):
            entry = event.get("entry") or {}
            if entry.get("name") == name:
                found.append(dict(entry, version=before + len(found) + 1, origin=event.get("id")))
        return list(reversed(found))

    def _events(self, kind: "Optional[str]" = None) -> "List[Dict[str, Any]]":
        """Return the events of what this run registered, of one kind or all, the earliest first."""
        return [
            event
            for event in self._run.record.events(metrics=False)
            if event.get("e") == events.REGISTERED and kind in (None, event.get("what"))
        ]

    def _came(self, kind: str, name: str) -> "List[Dict[str, Any]]":
        return list((self._known().get(kind) or {}).get(name) or [])

    def datastore_names(self) -> "List[str]":
        """Return the names of the datastores, sorted."""
        return sorted(self._known().get("datastores") or {})

    def datastore(self, name: str) -> "Optional[Dict[str, Any]]":
        """Return what is known of a datastore; a folder is that of what travelled."""
        found = (self._known().get("datastores") or {}).get(name)
        if found is None:
            return None
        if found.get("folder"):
            return dict(found, folder=os.path.join(self._run.layout.data, STORES, name))
        return dict(found)

    def default_datastore(self) -> str:
        """Return the name of the workspace's default datastore."""
        return str(self._known().get("default_datastore") or "")

    def storage(self, name: str) -> "Any":
        """Return where the files of a datastore lie that travelled, or where it really is.

        Raises:
            UserErrorException: there is no such datastore.
        """
        found = self.datastore(name)
        if found is None:
            raise UserErrorException(
                "there is no datastore %s; the workspace had, when this run was submitted: %s"
                % (name, ", ".join(self.datastore_names()) or "none")
            )
        return storages.of(found)

    def upload(self, name: str, files: "List[Tuple[str, str]]", overwrite: bool) -> None:
        """Put files into a datastore: a folder of the submitter's gets them when the record is brought there.

        Without `overwrite`, files that are there stay, there and here.
        """
        storage = self.storage(name)
        wanted = [(source, path) for source, path in files if overwrite or not storage.has(path)]
        for source, path in wanted:
            storage.put(source, path)
        if isinstance(storage, storages.Folder) and wanted:
            identity = os.urandom(8).hex()
            listed = [[path, self._keep(identity, path, source)] for source, path in wanted]
            self._run._event(
                events.REGISTERED, what=FILES, id=identity, datastore=name, files=listed, overwrite=overwrite
            )

    def dataset(self, identity: str) -> "Optional[Dict[str, Any]]":
        """Return what a dataset is made of, by its id."""
        found = (self._known().get("datasets") or {}).get(identity)
        if found is not None:
            return dict(found)
        for event in self._events():
            if isinstance(event.get("definition"), dict) and dataset_id(event["definition"]) == identity:
                return dict(event["definition"])
        return None

    def keep_dataset(self, definition: "Mapping[str, Any]") -> str:
        """Keep what a dataset is made of, and return its id."""
        identity = dataset_id(definition)
        if self.dataset(identity) is None:
            self._run._event(events.REGISTERED, what=DEFINITION, id=os.urandom(8).hex(), definition=dict(definition))
        return identity

    def registered(self, kind: str) -> "List[str]":
        """Return the registered names of a kind."""
        found = set(self._known().get(kind) or {})
        for event in self._events(kind):
            found.add(str((event.get("entry") or {}).get("name")))
        return sorted(found)

    def entry(self, kind: str, name: str, version: "Optional[int]" = None) -> "Optional[Dict[str, Any]]":
        """Return what is registered under a name: a version, the latest by default."""
        for entry in self.entries(kind, name):
            if version is None or entry["version"] == version:
                return entry
        return None

    def entries(self, kind: str, name: str) -> "List[Dict[str, Any]]":
        """Return all versions that are registered under a name, the latest first."""
        return self._own(kind, name) + self._came(kind, name)

    def register_dataset(self, entry: "Mapping[str, Any]", definition: "Mapping[str, Any]") -> "Dict[str, Any]":
        """Register a dataset; the version is the one that it gets if nobody else registers one meanwhile."""
        value = dict(self._signed(entry), id=dataset_id(definition))
        self._run._event(
            events.REGISTERED, what=DATASET, id=os.urandom(8).hex(), entry=value, definition=dict(definition)
        )
        return dict(self._own(DATASET, str(entry["name"]))[0])

    def register_model(self, entry: "Mapping[str, Any]", files: "List[Tuple[str, str]]") -> "Dict[str, Any]":
        """Register a model; its files are artifacts of the run until the record is brought to the workspace."""
        identity = os.urandom(8).hex()
        listed = [[path, self._keep(identity, path, source)] for path, source in files]
        self._run._event(events.REGISTERED, what=MODEL, id=identity, entry=self._signed(entry), files=listed)
        return dict(self._own(MODEL, str(entry["name"]))[0])

    def model_files(self, entry: "Mapping[str, Any]") -> str:
        """Return the directory of a model's files.

        Raises:
            UserErrorException: they did not come along.
        """
        if entry.get("origin"):
            return os.path.join(self._run.layout.artifacts, REGISTERED, str(entry["origin"]))
        found = os.path.join(self._run.layout.data, MODELS, str(entry["name"]), str(entry["version"]))
        if not os.path.isdir(found):
            raise UserErrorException(
                "the files of the model %s, version %s, did not travel with this run: the latest version does when its name "
                "is in the source directory's Python files or among the arguments, as it stands"
                % (entry["name"], entry["version"])
            )
        return found

    def _keep(self, identity: str, path: str, source: str) -> str:
        return str(self._run._keep("/".join((REGISTERED, identity, path)), source))

    def _signed(self, entry: "Mapping[str, Any]") -> "Dict[str, Any]":
        return dict(signature(self._run), **entry)

    def _refuse(self, what: str) -> "Any":
        raise UserErrorException(
            "%s can't be done in a run that is not on its workspace's machine; do it where the run was submitted" % what
        )

    def register_datastore(self, definition: "Mapping[str, Any]", overwrite: bool) -> None:
        """Refuse."""
        self._refuse("registering the datastore %s" % definition.get("name"))

    def unregister_datastore(self, name: str) -> None:
        """Refuse."""
        self._refuse("unregistering the datastore %s" % name)

    def set_default_datastore(self, name: str) -> None:
        """Refuse."""
        self._refuse("making %s the default datastore" % name)

    def change(self, kind: str, name: str, version: int, alter: "Any") -> "Any":
        """Refuse."""
        self._refuse("changing the %s %s" % (kind, name))

    def delete(self, kind: str, name: str, version: int) -> None:
        """Refuse."""
        self._refuse("deleting the %s %s" % (kind, name))
