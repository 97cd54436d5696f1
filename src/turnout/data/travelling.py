"""Looks up the files of a run's data and their digests, and brings those that have to travel into the object store.

They travel to another machine, and from places that are no folder of this one.
Digests are kept from one submit to the next by size and times, like those of a snapshot.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from turnout.data import source_texts
from turnout.data.passing import Input, Output, Passed
from turnout.exceptions import RunConfigurationException, UserErrorException
from turnout.runtime import inputs, layout, manifest, records
from turnout.runtime.objects import ObjectStore, file_digest
from turnout.runtime.script.assets import patterns, places, sources, storages, travelled
from turnout.runtime.script.assets.consumption import OutputFileDatasetConfig

if TYPE_CHECKING:
    from turnout.workspace import Workspace

_CACHE = "data-digests.json"
_FRESH = 2.0
"""A file that was changed less than so many seconds ago may change again without its times telling."""
_MANY = 1000
"""Of more files it is said that they are hashed."""


class Travel:
    """What the record of a run says of its data.

    Attributes:
        inputs: see `turnout.runtime.inputs`.
        outputs: likewise.
        manifest: data.manifest; nothing when there are no files.
        assets: assets.json; nothing when it isn't needed.
        facts: `id`, `files`, `bytes`, and whether they travel as objects; None when there are no files.
    """

    def __init__(self) -> None:
        self.inputs: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []
        self.manifest = b""
        self.assets = b""
        self.facts: dict[str, Any] | None = None


def prepare(
    workspace: Workspace,
    passed: Passed,
    run_id: str,
    elsewhere: bool,
    named: Callable[[str], bool],
    report: Callable[[str], None],
) -> Travel:
    """Find and hash the files of a run's data; those that travel are in the object store afterwards.

    Args:
        workspace: the run's.
        passed: what its configuration names.
        run_id: the run's id, for the paths of its outputs.
        elsewhere: whether its target is another machine.
        named: says of the name of a dataset or model whether the run's sources or arguments have it: those travel, too.
        report: gets a line when it takes time.

    Raises:
        UserErrorException: a dataset means no files, or they can't be read.
        RunConfigurationException: what was asked for can't be done.
    """
    found = Travel()
    place = workspace.assets
    found.outputs = [_output(workspace, each, run_id) for each in passed.outputs]
    looked = [(each, _files(place, each)) for each in passed.inputs]
    travels = elsewhere or any(
        each.mode != inputs.DIRECT and not all(isinstance(item.file.storage, storages.Folder) for item in items)
        for each, items in looked
    )
    wanted: dict[str, Any] = {}
    for each, items in looked:
        found.inputs.append(_input(place, each, items, travels))
        for item in items:
            if each.mode != inputs.DIRECT:
                wanted[f"{inputs.PLACED}/{each.name}/{item.name}"] = item.file
            elif isinstance(item.file.storage, storages.Folder):
                wanted[_store_path(item)] = item.file
    if elsewhere:
        wanted.update(_named_files(place, named))
    if len(wanted) > _MANY:
        report(f"hashing {len(wanted)} files of data")
    if wanted:
        entries = _digests(workspace, wanted, travels)
        found.manifest = manifest.serialise(entries)
        found.facts = {
            "id": manifest.digest(found.manifest),
            "files": len(entries),
            "bytes": sum(entry.size for entry in entries),
            "travels": travels,
        }
    if elsewhere:
        read = [each.dataset.id for each in passed.inputs if each.dataset is not None]
        found.assets = json.dumps(place.catalogue(read), sort_keys=True).encode("ascii")
    return found


def _input(place: Any, each: Input, items: Sequence[sources.Item], travels: bool) -> dict[str, Any]:
    """Return what run.json says of an input."""
    value: dict[str, Any] = {"name": each.name, "mode": each.mode, "files": len(items)}
    value["bytes"] = sum(item.file.size for item in items)
    if each.path_on_compute:
        value["path_on_compute"] = each.path_on_compute
    if each.dataset is not None:
        place.keep_dataset(each.dataset._definition)
        value["dataset"] = {"id": each.dataset.id, "name": each.dataset.name, "version": each.dataset.version}
        listed, steps = each.dataset._definition["sources"], each.dataset._definition["steps"]
    else:
        value["reference"] = {"datastore": each.datastore.name, "path": each.path}
        listed, steps = [{"datastore": each.datastore.name, "path": each.path}], []
    if each.mode == inputs.DIRECT:
        return value
    single = (
        len(listed) == 1 and len(items) == 1 and "datastore" in listed[0] and items[0].file.path == listed[0]["path"]
    )
    if single:
        value["leaf"] = items[0].name
    if travels:
        return value
    if each.mode == inputs.MOUNT and len(listed) == 1 and not steps:
        storage = sources.storage_of(place, listed[0]["datastore"])
        whole = single or storage.split(listed[0]["path"])[1] in ("", "**")
        if whole:
            folder = str(storage.local(sources.base(listed[0], storage) if items else listed[0]["path"]))
            if not items and each.datastore is not None:
                storages.make_directory(folder)  # a reference to a path that the script is to fill
            value["folder"] = folder
            return value
    value["sources"] = _beginnings(place, listed)
    return value


def _beginnings(place: Any, listed: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Return where files lie by the beginning of their names in the dataset."""
    found = []
    for source in listed:
        storage = sources.storage_of(place, source["datastore"])
        base = sources.base(source, storage)
        parts = (
            [] if len(listed) == 1 else [base] if source["datastore"] == sources.LOCAL else [source["datastore"], base]
        )
        found.append(("".join(f"{part}/" for part in parts if part), str(storage.local(base))))
    return sorted(set(found), key=lambda pair: -len(pair[0]))


def _output(workspace: Workspace, each: Output, run_id: str) -> dict[str, Any]:
    """Return what run.json says of an output."""
    path = each.path if each.path is not None else OutputFileDatasetConfig.DEFAULT_PATH
    path = patterns.inside(path.replace("{run-id}", run_id).replace("{output-name}", each.name))
    source = each.source
    if source is not None and (os.path.isabs(source) or ".." in source.split("/")):
        raise RunConfigurationException(
            f"the output {each.name} is to be written to {source}; its source is a path below the working directory"
        )
    store = each.datastore or workspace.get_default_datastore()
    if store._place != workspace.assets:
        raise RunConfigurationException(
            f"the output {each.name} goes to another workspace's datastore; name one of this one"
        )
    value = {"name": each.name, "datastore": store.name, "path": path, "source": source, "overwrite": each.overwrite}
    value.update(globs=each.globs, register=each.register, read=each.read, reference=each.reference)
    return {key: kept for key, kept in value.items() if kept not in (None, False) or key == "overwrite"}


def _files(place: Any, each: Input) -> list[sources.Item]:
    if each.dataset is not None:
        if each.dataset._place is not None and each.dataset._place != place:
            raise RunConfigurationException(
                f"the input {each.name} is a dataset of another workspace; make it in this one"
            )
        web = all("url" in source for source in each.dataset._definition["sources"])
        if each.mode == inputs.DIRECT and web:
            return []  # the script reads it where it is
        return sources.items(place if each.dataset._place is None else each.dataset._place, each.dataset._definition)
    if each.datastore._place != place:
        raise RunConfigurationException(
            f"the input {each.name} is of another workspace's datastore; name one of this one"
        )
    storage = place.storage(each.datastore.name)
    below = sources.base({"path": each.path}, storage)
    return [
        sources.Item(file, file.path[len(below) :].lstrip("/") if below else file.path, each.datastore.name)
        for file in storage.files(each.path)
    ]


def _store_path(item: sources.Item) -> str:
    return f"{travelled.STORES}/{item.store}/{item.file.path}"


def _named_files(place: Any, named: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Yield the files of the registered datasets and models that a run names: the latest version of each."""
    for name in place.registered(places.DATASET):
        if not named(name):
            continue
        entry = place.entry(places.DATASET, name)
        definition = place.dataset(entry["id"])
        if definition is None or all("url" in source for source in definition["sources"]):
            continue
        try:
            items = sources.items(place, dict(definition, kind="file", steps=[]))
        except UserErrorException:
            continue  # its files are gone: the script is told so, if it reads them at all
        for item in items:
            if item.file.storage.local(item.file.path) is not None:
                yield _store_path(item), item.file
    for name in place.registered(places.MODEL):
        if named(name):
            entry = place.entry(places.MODEL, name)
            for file in storages.Folder(place.model_files(entry)).files(""):
                yield f"{travelled.MODELS}/{name}/{entry['version']}/{file.path}", file


def _digests(workspace: Workspace, wanted: dict[str, Any], travels: bool) -> list[manifest.Entry]:
    """Return the entries of a manifest; what travels is in the store afterwards."""
    cache = _Cache(workspace.layout)
    store = ObjectStore(workspace.home.objects)
    entries = []
    directory = ""
    try:
        with store.incoming() as incoming:
            for path, file in wanted.items():
                digest = cache.digest(file)
                if digest is not None and not (travels and not store.has(digest)):
                    entries.append(manifest.Entry(manifest.FILE, digest, file.size, path))
                    continue
                local = file.storage.local(file.path)
                if travels:
                    if local is None:
                        directory = directory or tempfile.mkdtemp(prefix="turnout-data-")
                        local = os.path.join(directory, "file")
                        file.storage.get(file.path, local)
                    digest, size = _stored(local, incoming)
                else:
                    digest, size = file_digest(local), file.size
                cache.keep(file, digest)
                entries.append(manifest.Entry(manifest.FILE, digest, size, path))
            incoming.commit()
    except OSError as error:
        raise UserErrorException(
            f"the run's data can't be read: {(error.strerror or str(error)).lower()}: {error.filename or ''}"
        ) from error
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
    cache.save()
    return entries


def _stored(path: str, incoming: Any) -> tuple[str, int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        added = incoming.add(descriptor, lambda size: True)
    finally:
        os.close(descriptor)
    assert added is not None
    return str(added[0]), int(added[1])


class _Cache:
    """The digests of files, by where they lie and what changes with them."""

    def __init__(self, workspace: layout.WorkspaceLayout) -> None:
        self._path = os.path.join(workspace.stat_cache, _CACHE)
        self._changed = False
        try:
            found = records.read_json(self._path)
        except (OSError, ValueError):
            found = {}
        self._known: dict[str, list[Any]] = found if isinstance(found, dict) else {}

    def digest(self, file: Any) -> str | None:
        """Return a file's digest if it is known; the web tells no version, so what comes from there is read each time."""
        if not file.version:
            return None
        kept = self._known.get(self._key(file))
        return str(kept[2]) if kept is not None and kept[:2] == [file.size, file.version] else None

    def keep(self, file: Any, digest: str) -> None:
        """Remember a file's digest, unless it may still be changing."""
        value = [file.size, file.version, digest]
        if file.version and time.time() - file.changed > _FRESH and self._known.get(self._key(file)) != value:
            self._known[self._key(file)] = value
            self._changed = True

    def save(self) -> None:
        """Write what is new; a cache that can't be written only costs time."""
        if self._changed:
            try:
                os.makedirs(os.path.dirname(self._path), layout.DIRECTORY_MODE, exist_ok=True)
                records.write_json(self._path, self._known)
            except OSError:
                pass

    @staticmethod
    def _key(file: Any) -> str:
        top = getattr(file.storage, "root", None) or file.storage.url
        return f"{top}\0{file.path}"


def names_in(source_directory: str, snapshot: bytes, arguments: Sequence[str]) -> Callable[[str], bool]:
    """Return what says of a name whether a run's Python files have it as text in quotes, or its arguments as it stands.

    Args:
        source_directory: where the snapshot was taken.
        snapshot: its manifest.
        arguments: of the script.
    """
    texts: list[bytes] = []

    def is_named(name: str) -> bool:
        if name in arguments:
            return True
        if not texts:
            texts.extend([b"", *source_texts.python_files(source_directory, snapshot)])
        return any(source_texts.has_name(text, name) for text in texts)

    return is_named
