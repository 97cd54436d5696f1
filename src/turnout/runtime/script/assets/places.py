"""The place that says what a workspace has: its datastores, and the datasets and models that were registered.

`Live` is the workspace itself, on the machine that it lies on, where a script finds it, too. Elsewhere a run has what travelled
with it: see `travelled`. `of` returns the place of a workspace object.
"""

import datetime
import hashlib
import json
import os
import re
import time
import uuid

from turnout.runtime import layout, objects, records
from turnout.runtime.script.assets import names, storages
from turnout.runtime.script.assets.versions import Versions
from turnout.runtime.script.exceptions import RecordException, UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

DEFAULT_DATASTORE = "workspaceblobstore"
BUILT_IN = {DEFAULT_DATASTORE: "AzureBlob", "workspacefilestore": "AzureFile"}
"""The datastores that every workspace has, with v1's names and types: folders of the workspace."""

DATASET, MODEL = "dataset", "model"

_IDENTITY = re.compile(r"[0-9a-f\-]{36}\Z")


def of(workspace: "Any") -> "Any":
    """Return the place of a workspace object.

    Raises:
        UserErrorException: it is none.
    """
    found = getattr(workspace, "assets", None)
    if found is None:
        raise UserErrorException("a Workspace is needed, not a %s" % type(workspace).__name__)
    return found


def utc(seconds: float) -> "datetime.datetime":
    """Return a Unix time as v1 tells it: in UTC, without saying so."""
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)


def dataset_id(definition: "Mapping[str, Any]") -> str:
    """Return the id of a dataset: a UUID made of what it is, so the same dataset has the same id everywhere."""
    text = json.dumps(definition, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode("ascii")).digest()[:16]))


class Live:
    """A workspace that lies on this machine.

    Attributes:
        complete: whether all files of the workspace's folders are at hand.
        local_root: below what paths of this machine are to be found that datasets were made from.

    Args:
        workspace: its layout.
        run: the run that registers something, when a script does; None for a person.
    """

    def __init__(self, workspace: "layout.WorkspaceLayout", run: "Any" = None) -> None:
        self._workspace = workspace
        self._run = run
        self.complete = True
        self.local_root = "/"
        self._kinds = {DATASET: Versions(workspace.dataset_names), MODEL: Versions(workspace.models)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Live) and other._workspace.root == self._workspace.root

    def __hash__(self) -> int:
        return hash(self._workspace.root)

    def datastore_names(self) -> "List[str]":
        """Return the names of the datastores, sorted."""
        try:
            found = [name[: -len(".json")] for name in os.listdir(self._workspace.datastores) if name.endswith(".json")]
        except FileNotFoundError:
            found = []
        return sorted(set(found) | set(BUILT_IN))

    def datastore(self, name: str) -> "Optional[Dict[str, Any]]":
        """Return what is known of a datastore; None when there is none of that name."""
        if name in BUILT_IN:
            folder = os.path.join(self._workspace.storage, name)
            return {
                "name": name,
                "type": BUILT_IN[name],
                "folder": folder,
                "container_name": name,
                "account_name": "local",
            }
        if not names.can_be(name):
            return None
        try:
            found = records.read_json(os.path.join(self._workspace.datastores, "%s.json" % name))
        except FileNotFoundError:
            return None
        return dict(found, name=name) if isinstance(found, dict) else None

    def register_datastore(self, definition: "Mapping[str, Any]", overwrite: bool) -> None:
        """Keep a datastore. Raises UserErrorException when the name is taken and `overwrite` is false."""
        name = str(definition["name"])
        if name in BUILT_IN:
            raise UserErrorException("the datastore %s belongs to the workspace; choose another name" % name)
        with _writing(self._workspace.datastores):
            path = os.path.join(self._workspace.datastores, "%s.json" % name)
            if overwrite:
                records.write_json(path, dict(definition))
            elif not records.create_json(path, dict(definition)):
                raise UserErrorException("there is a datastore %s already; pass overwrite=True to replace it" % name)

    def unregister_datastore(self, name: str) -> None:
        """Forget a datastore; its files stay."""
        if name in BUILT_IN:
            raise UserErrorException("the datastore %s belongs to the workspace and stays" % name)
        with _writing(self._workspace.datastores):
            try:
                os.unlink(os.path.join(self._workspace.datastores, "%s.json" % name))
            except FileNotFoundError:
                pass

    def default_datastore(self) -> str:
        """Return the name of the workspace's default datastore."""
        try:
            found = str(records.read_json(self._workspace.default_datastore)["name"])
        except (OSError, ValueError, LookupError, TypeError):
            return DEFAULT_DATASTORE
        return found if self.datastore(found) is not None else DEFAULT_DATASTORE

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default one."""
        with _writing(self._workspace.root):
            records.write_json(self._workspace.default_datastore, {"name": name})

    def storage(self, name: str) -> "Any":
        """Return where the files of a datastore lie.

        Raises:
            UserErrorException: there is no such datastore.
        """
        found = self.datastore(name)
        if found is None:
            raise UserErrorException(
                "there is no datastore %s; the workspace has: %s" % (name, ", ".join(self.datastore_names()))
            )
        return storages.of(found)

    def upload(self, name: str, files: "List[Tuple[str, str]]", overwrite: bool) -> None:
        """Put files, as (path here, path there), into a datastore; without `overwrite` those that are there stay."""
        storage = self.storage(name)
        for source, path in files:
            if overwrite or not storage.has(path):
                storage.put(source, path)

    def dataset(self, identity: str) -> "Optional[Dict[str, Any]]":
        """Return what a dataset is made of, by its id; None when it was never kept here."""
        if not _IDENTITY.match(identity):
            return None
        try:
            found = records.read_json(os.path.join(self._workspace.datasets, "%s.json" % identity))
        except FileNotFoundError:
            return None
        return found if isinstance(found, dict) else None

    def keep_dataset(self, definition: "Mapping[str, Any]") -> str:
        """Keep what a dataset is made of, and return its id."""
        identity = dataset_id(definition)
        with _writing(self._workspace.datasets):
            path = os.path.join(self._workspace.datasets, "%s.json" % identity)
            if not os.path.exists(path):
                records.create_json(path, dict(definition))
        return identity

    def registered(self, kind: str) -> "List[str]":
        """Return the registered names of a kind."""
        return self._kinds[kind].names()

    def entry(self, kind: str, name: str, version: "Optional[int]" = None) -> "Optional[Dict[str, Any]]":
        """Return what is registered under a name: a version, the latest by default."""
        return self._kinds[kind].load(name, version)

    def entries(self, kind: str, name: str) -> "List[Dict[str, Any]]":
        """Return all versions that are registered under a name, the latest first."""
        return self._kinds[kind].all(name)

    def register_dataset(self, entry: "Mapping[str, Any]", definition: "Mapping[str, Any]") -> "Dict[str, Any]":
        """Keep a new version of a dataset; `entry` has `name`, `description` and `tags`. Return the entry as it is kept."""
        names.checked("dataset", entry.get("name"))
        identity = self.keep_dataset(definition)
        value = dict(self._signed(entry), id=identity)
        with _writing(self._workspace.dataset_names):
            version = self._kinds[DATASET].append(str(entry["name"]), value)
        return dict(value, version=version)

    def register_model(self, entry: "Mapping[str, Any]", files: "List[Tuple[str, str]]") -> "Dict[str, Any]":
        """Keep a new version of a model with its files, as (path, file here). Return the entry as it is kept."""
        name = names.checked("model", entry.get("name"))
        kept = self._kinds[MODEL]
        with _writing(self._workspace.models):
            version = kept.claim(name)
            folder = storages.Folder(kept.files(name, version))
            try:
                listed = []
                for path, source in files:
                    folder.put(source, path)
                    there = os.path.join(folder.root, path)
                    listed.append([path, objects.file_digest(there), os.path.getsize(there)])
                value = dict(self._signed(entry), files=listed)
                kept.append(name, value, version)
            except BaseException:
                kept.delete(name, version)
                raise
        return dict(value, version=version)

    def change(
        self, kind: str, name: str, version: int, alter: "Callable[[Dict[str, Any]], Mapping[str, Any]]"
    ) -> "Dict[str, Any]":
        """Change an entry as it is now: others may have changed it, too. Return it as it is kept.

        Args:
            kind: dataset or model.
            name: of the entry.
            version: likewise.
            alter: is given the entry, and returns the members that become others.

        Raises:
            UserErrorException: there is no such version any more.
        """
        with _writing(self._workspace.root):
            changed = self._kinds[kind].change(name, version, alter)
        if changed is None:
            raise UserErrorException("the %s %s, version %d, is not registered any more" % (kind, name, version))
        return changed

    def delete(self, kind: str, name: str, version: int) -> None:
        """Remove a version; its number is not given again."""
        with _writing(self._workspace.root):
            self._kinds[kind].delete(name, version)

    def model_files(self, entry: "Mapping[str, Any]") -> str:
        """Return the directory of a model's files."""
        return self._kinds[MODEL].files(str(entry["name"]), int(entry["version"]))

    def catalogue(self, further: "Iterable[str]" = ()) -> "Dict[str, Any]":
        """Return all of it as data, for a run elsewhere.

        Args:
            further: ids of datasets that aren't registered, and that the run needs.
        """
        found: "Dict[str, Any]" = {
            "default_datastore": self.default_datastore(),
            "datastores": {name: self.datastore(name) for name in self.datastore_names()},
            "datasets": {},
        }
        for kind in (DATASET, MODEL):
            found[kind] = {name: self.entries(kind, name) for name in self.registered(kind)}
        for entries in found[DATASET].values():
            for entry in entries:
                found["datasets"][entry["id"]] = self.dataset(str(entry["id"]))
        for identity in further:
            found["datasets"][identity] = self.dataset(identity)
        return found

    def _signed(self, entry: "Mapping[str, Any]") -> "Dict[str, Any]":
        return dict(signature(self._run), **entry)


def signature(run: "Any") -> "Dict[str, Any]":
    """Return who registers something, and when: the script's run, its experiment and snapshot; None of them for a person."""
    definition = run.record.definition if run is not None else {}
    return {
        "created": time.time(),
        "run": definition.get("id"),
        "experiment": definition.get("experiment"),
        "snapshot": (definition.get("snapshot") or {}).get("id"),
    }


class _writing:  # noqa: N801 - used like a function
    """Says of a workspace that can't be written which it is, and makes a directory in it first."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        try:
            storages.make_directory(self._directory)
        except OSError as error:
            self._refuse(error)

    def __exit__(self, kind: "Any", error: "Any", trace: "Any") -> None:
        if isinstance(error, OSError):
            self._refuse(error)

    def _refuse(self, error: OSError) -> None:
        raise RecordException(
            "%s can't be written: %s; mend its permissions, or free some space"
            % (error.filename or self._directory, (error.strerror or str(error)).lower()),
            error,
        ) from error
