"""The files that a dataset means: the paths it was made from, looked up in its datastores, with its steps over files applied."""

import os
import random
import re

from turnout.runtime.script.assets import patterns, storages
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Sequence, Tuple

LOCAL = ".local"
"""Stands for a datastore where a dataset was made from a path of this machine."""


class Item:
    """A file of a dataset.

    Attributes:
        file: where it lies.
        name: its path as the dataset shows it: relative, below what its source certainly names; of several sources, with that.
        store: the datastore's name; LOCAL, or empty for a URL.
    """

    __slots__ = ("file", "name", "store")

    def __init__(self, file: "storages.File", name: str, store: str) -> None:
        self.file = file
        self.name = name
        self.store = store


def described(path: "Any") -> "Tuple[Any, List[Dict[str, str]]]":
    """Return what a dataset's definition says of the `path` that it is made from, and the place of its datastores.

    Args:
        path: a URL or a path, a DataPath or DataReference, `(datastore, path)`, or a list of such.

    Raises:
        UserErrorException: it is none of these, names nothing, or several workspaces' datastores.
    """
    given = path if isinstance(path, list) else [path]
    if not given:
        raise UserErrorException("a dataset needs a path; the list is empty")
    place: "Any" = None
    sources: "List[Dict[str, str]]" = []
    for each in given:
        if isinstance(each, str) or hasattr(each, "__fspath__"):
            sources.append(_text(os.fspath(each)))
            continue
        if isinstance(each, tuple) and len(each) == 2:
            store, inside = each
        elif hasattr(each, "path_on_datastore") and getattr(each, "datastore", None) is not None:
            store, inside = each.datastore, each.path_on_datastore
        else:
            raise UserErrorException(
                "a dataset is made from (datastore, path), a DataPath, a URL or a path, or a list of those, not from %r"
                % (each,)
            )
        if not hasattr(store, "datastore_type"):
            raise UserErrorException("the first of (datastore, path) is a Datastore, not a %s" % type(store).__name__)
        if place is not None and place != store._place:
            raise UserErrorException("a dataset's datastores belong to one workspace")
        place = store._place
        listed = inside if isinstance(inside, list) else [inside]
        for one in listed:
            sources.append({"datastore": store.name, "path": patterns.inside(one or "")})
    return place, sources


def _text(path: str) -> "Dict[str, str]":
    if "://" in path and not path.startswith("file://"):
        return {"url": path}
    local = os.path.abspath(os.path.expanduser(path[len("file://") :] if path.startswith("file://") else path))
    if not patterns.split(local, os.path.exists)[1] and not os.path.exists(local):
        raise UserErrorException("there is nothing at %s to make a dataset from" % local)
    return {"datastore": LOCAL, "path": local.lstrip("/")}


def storage_of(place: "Any", name: str) -> "Any":
    """Return where the files of a source's datastore lie."""
    if name == LOCAL:
        return storages.Folder("/" if place is None else place.local_root)
    if place is None:
        raise UserErrorException("the datastore %s is needed, and the dataset belongs to no workspace" % name)
    return place.storage(name)


def base(source: "Dict[str, str]", storage: "Any") -> str:
    """Return the directory below which a source's files have their names."""
    inside, pattern = storage.split(source["path"])
    if not pattern and not storage.is_directory(inside):
        inside = inside.rpartition("/")[0]
    return str(inside)


def items(place: "Any", definition: "Dict[str, Any]") -> "List[Item]":
    """Return the files of a dataset, in the order of its paths, after its steps over files.

    Raises:
        UserErrorException: a path means no file that is there.
    """
    found: "List[Item]" = []
    several = len(definition["sources"]) > 1
    for source in definition["sources"]:
        if "url" in source:
            found += _of_url(source["url"], several)
            continue
        store = source["datastore"]
        storage = storage_of(place, store)
        there = storage.files(source["path"])
        if not there:
            raise UserErrorException(
                "The path %r of the datastore %s means no file that is there%s" % (source["path"], store, _hint(place))
            )
        below = base(source, storage)
        for file in there:
            name = file.path[len(below) :].lstrip("/") if below else file.path
            if several:
                name = file.path if store == LOCAL else "%s/%s" % (store, file.path)
            found.append(Item(file, name, store))
    if definition["kind"] == "file":
        for step, values in definition.get("steps") or []:
            found = _chosen(found, step, values)
    return found


def _hint(place: "Any") -> str:
    """Return what is to be added to an error of a run that has only what travelled with it."""
    if place is None or place.complete:
        return ""
    return (
        " in this run, to which only its inputs travelled, and what its source files and arguments name: pass the dataset as an "
        "input, dataset.as_named_input('…')"
    )


def _of_url(url: str, several: bool) -> "List[Item]":
    scheme, rest = url.split("://", 1)
    if scheme in ("http", "https"):
        parts = [part for part in re.split("[?#]", rest)[0].split("/") if part not in ("", ".", "..")]
        name = "/".join(parts) if several else parts[-1] if len(parts) > 1 else "data"
        return [Item(storages.File(Web(url), "/".join(parts), 0, "", 0.0), name, "")]
    top, pattern = patterns.split(rest)
    below, _, last = (top, "", pattern) if pattern else top.rstrip("/").rpartition("/")
    files = storages.Elsewhere("%s://%s" % (scheme, below)).files(last)
    if not files:
        raise UserErrorException("%s means no file that is there" % url)
    return [Item(file, "%s/%s" % (below.strip("/"), file.path) if several else file.path, "") for file in files]


class Web:
    """A file of the web, read with what Python has.

    Args:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, path: str) -> "Any":
        """Open it for reading bytes. Raises UserErrorException when it can't be had."""
        from urllib.request import urlopen

        try:
            return urlopen(self.url, timeout=60)
        except (OSError, ValueError) as error:
            raise UserErrorException("%s can't be read: %s" % (self.url, error)) from error

    def local(self, path: str) -> None:
        """Return None: there is no path on this machine."""

    def get(self, path: str, target: str) -> None:
        """Copy it to a path of this machine."""
        import shutil

        storages.make_directory(os.path.dirname(os.path.abspath(target)))
        with self.open(path) as stream, open(target, "wb") as out:
            shutil.copyfileobj(stream, out)


def _chosen(found: "List[Item]", step: str, values: "Dict[str, Any]") -> "List[Item]":
    if step == "take":
        return found[: values["count"]]
    if step == "skip":
        return found[values["count"] :]
    return [item for item, keep in zip(found, drawn(len(found), step, values)) if keep]


def drawn(count: int, step: str, values: "Dict[str, Any]") -> "Sequence[bool]":
    """Return which of `count` things a step of chance takes: `sample`, or one part of a `split`.

    Each thing is drawn by itself, so the share is about what was asked for, as in v1; the two parts of a split complete each
    other.
    """
    chance = random.Random(values["seed"])
    share = values["probability"] if step == "sample" else values["percentage"]
    inside = [chance.random() < share for _ in range(count)]
    return inside if step == "sample" or values["part"] == 0 else [not one for one in inside]
