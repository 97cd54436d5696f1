"""Where the files of datastores lie: a folder of this machine, or whatever fsspec reaches. Paths are `/`-separated and relative."""

import os
import shutil
import stat

from turnout.runtime import layout
from turnout.runtime.script.assets import needs, patterns
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional, Tuple


class File:
    """A file of a storage.

    Attributes:
        storage: where it lies.
        path: relative to the storage.
        size: bytes.
        version: what changes when the content does: times of a folder's file, fsspec's token of another.
        changed: unix seconds; 0.0 where that isn't known.
    """

    __slots__ = ("changed", "path", "size", "storage", "version")

    def __init__(self, storage: "Any", path: str, size: int, version: str, changed: float) -> None:
        self.storage = storage
        self.path = path
        self.size = size
        self.version = version
        self.changed = changed


class Folder:
    """A folder of this machine.

    Args:
        root: its absolute path.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folder) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)

    def local(self, path: str) -> "Optional[str]":
        """Return the path on this machine."""
        return os.path.join(self.root, path) if path else self.root

    def split(self, path: str) -> "Tuple[str, str]":
        """Return the directory that a path certainly lies below, and the pattern of the rest; see `patterns.split`."""
        return patterns.split(path, lambda name: os.path.exists(os.path.join(self.root, name)))

    def files(self, path: str) -> "List[File]":
        """Return the files that a path means, sorted: a file, all below a directory, or those that a pattern matches.

        Raises:
            UserErrorException: it can't be read.
        """
        base, pattern = self.split(path.strip("/"))
        top = os.path.join(self.root, base) if base else self.root
        one = self._file(base) if not pattern else None
        if one is not None:
            return [one]
        matches = patterns.compiled(pattern) if pattern else None
        found = []
        for directory, below, names in os.walk(top, onerror=_refuse, followlinks=True):
            below[:] = [name for name in below if not _leads_back(os.path.join(directory, name))]
            inside = os.path.relpath(directory, top)
            for name in names:
                relative = name if inside == os.curdir else "%s/%s" % (inside, name)
                if matches is None or matches.match(relative):
                    file = self._file("%s/%s" % (base, relative) if base else relative)
                    if file is not None:
                        found.append(file)
        return sorted(found, key=lambda file: file.path)

    def is_directory(self, path: str) -> bool:
        """Say whether there is a directory of that name."""
        return os.path.isdir(os.path.join(self.root, path))

    def open(self, path: str) -> "Any":
        """Open a file for reading bytes. Raises UserErrorException when it can't be read."""
        return _opened(os.path.join(self.root, path))

    def has(self, path: str) -> bool:
        """Say whether there is a file of that name."""
        return os.path.exists(os.path.join(self.root, path))

    def put(self, source: str, path: str) -> None:
        """Copy a file of this machine into the storage, whole or not at all.

        Raises:
            UserErrorException: it can't be read.
            OSError: the storage can't be written.
        """
        target = os.path.join(self.root, path)
        make_directory(os.path.dirname(target))
        temporary = "%s.%d-%s.tmp" % (target, os.getpid(), os.urandom(4).hex())
        try:
            with _opened(source):
                shutil.copyfile(source, temporary)
            os.rename(temporary, target)
        except BaseException:
            _remove(temporary)
            raise

    def get(self, path: str, target: str) -> None:
        """Copy a file of the storage to a path of this machine, whole or not at all; see `put`."""
        source = os.path.join(self.root, path)
        if os.path.exists(target) and os.path.exists(source) and os.path.samefile(source, target):
            return
        Folder(os.path.dirname(os.path.abspath(target))).put(source, os.path.basename(target))

    def _file(self, path: str) -> "Optional[File]":
        """Return what there is to know of a file; None for what is none, or is gone."""
        try:
            status = os.stat("%s/%s" % (self.root, path))
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        version = "%d-%d-%d" % (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return File(self, path, status.st_size, version, status.st_mtime)


class Elsewhere:
    """A place that fsspec reaches: an object store, a server, an archive.

    Args:
        url: of its top, such as `s3://bucket/folder`.
        options: what fsspec's file system is given, such as `{"anon": True}`.
    """

    def __init__(self, url: str, options: "Optional[Dict[str, Any]]" = None) -> None:
        self.url = url
        self.options = options or {}
        self._reached: "Any" = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Elsewhere) and (other.url, other.options) == (self.url, self.options)

    def __hash__(self) -> int:
        return hash(self.url)

    def _system(self) -> "Any":
        if self._reached is None:
            fsspec = needs.package("fsspec", "reading %s" % self.url)
            try:
                self._reached = fsspec.core.url_to_fs(self.url, **self.options)
            except Exception as error:  # each kind of place has exceptions of its own
                raise UserErrorException("%s can't be reached: %s" % (self.url, _one_line(error))) from error
        return self._reached

    def _full(self, path: str) -> str:
        top = str(self._system()[1])
        return "%s/%s" % (top.rstrip("/"), path) if path else top

    def local(self, path: str) -> "Optional[str]":
        """Return None: there is no path on this machine."""
        return None

    def split(self, path: str) -> "Tuple[str, str]":
        """Return the directory that a path certainly lies below, and the pattern of the rest; see `patterns.split`."""
        return patterns.split(path, self.has)

    def files(self, path: str) -> "List[File]":
        """Return the files that a path means; see `Folder.files`."""
        system = self._system()[0]
        base, pattern = self.split(path.strip("/"))
        top = self._full(base)
        matches = patterns.compiled(pattern) if pattern else None
        found = []
        try:
            if not pattern and system.isfile(top):
                return [self._file(base, system.info(top))]
            for name, facts in system.find(top, detail=True).items():
                relative = str(name)[len(top.rstrip("/")) :].lstrip("/") if top.rstrip("/") else str(name).lstrip("/")
                if matches is None or matches.match(relative):
                    found.append(self._file("%s/%s" % (base, relative) if base else relative, facts))
        except FileNotFoundError:
            return []
        except Exception as error:  # each kind of place has exceptions of its own
            raise UserErrorException("%s can't be read: %s" % (self.url, _one_line(error))) from error
        return sorted(found, key=lambda file: file.path)

    def is_directory(self, path: str) -> bool:
        """Say whether there is a directory of that name."""
        return bool(self._system()[0].isdir(self._full(path)))

    def open(self, path: str) -> "Any":
        """Open a file for reading bytes."""
        return self._system()[0].open(self._full(path), "rb")

    def has(self, path: str) -> bool:
        """Say whether there is a file of that name."""
        return bool(self._system()[0].exists(self._full(path)))

    def put(self, source: str, path: str) -> None:
        """Copy a file of this machine into the storage."""
        system = self._system()[0]
        target = self._full(path)
        system.makedirs(target.rpartition("/")[0], exist_ok=True)
        system.put_file(source, target)

    def get(self, path: str, target: str) -> None:
        """Copy a file of the storage to a path of this machine, whole or not at all."""
        make_directory(os.path.dirname(os.path.abspath(target)))
        temporary = "%s.%d-%s.tmp" % (target, os.getpid(), os.urandom(4).hex())
        try:
            self._system()[0].get_file(self._full(path), temporary)
            os.rename(temporary, target)
        except BaseException:
            _remove(temporary)
            raise

    def _file(self, path: str, facts: "Dict[str, Any]") -> File:
        version = ""
        for name in ("ETag", "etag", "md5", "contentHash", "LastModified", "last_modified", "mtime", "created"):
            if facts.get(name) is not None:
                version = str(facts[name])
                break
        changed = facts.get("LastModified") or facts.get("last_modified") or facts.get("mtime") or 0.0
        seconds = changed.timestamp() if hasattr(changed, "timestamp") else changed
        return File(self, path, int(facts.get("size") or 0), version, float(seconds))


def of(definition: "Dict[str, Any]") -> "Any":
    """Return the storage of a datastore's definition: `folder`, or `url` with `options`."""
    if definition.get("folder"):
        return Folder(str(definition["folder"]))
    return Elsewhere(str(definition["url"]), definition.get("options"))


def make_directory(path: str) -> None:
    """Make a directory, and those above it, for this account alone; one that is there stays as it is."""
    if path and not os.path.isdir(path):
        make_directory(os.path.dirname(path))
        try:
            os.mkdir(path, layout.DIRECTORY_MODE)
        except FileExistsError:
            pass


def _refuse(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise _unreadable(error.filename, error) from error


def _unreadable(path: str, error: OSError) -> UserErrorException:
    return UserErrorException("%s can't be read: %s" % (path, (error.strerror or str(error)).lower()))


def _opened(path: str) -> "Any":
    try:
        return open(path, "rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _leads_back(path: str) -> bool:
    """Say whether a path is a link to a directory that it lies below."""
    return os.path.islink(path) and (os.path.realpath(os.path.dirname(path)) + os.sep).startswith(
        os.path.realpath(path).rstrip(os.sep) + os.sep
    )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
