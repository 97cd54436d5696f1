"""Copies a snapshot out of the object store, and afterwards removes what nobody changed.

While a file is copied its content is checked against its digest. Contents are shared with the store where the file
system can do that (FICLONE, ioctl_ficlonerange(2)), but never as hard links: a script may change its working directory
as it likes without touching an object. Links are made last, so nothing is ever written through one.
"""

import errno
import fcntl
import hashlib
import os

from turnout.runtime import layout, manifest, records
from turnout.runtime.objects import CHUNK, StoreError

MYPY = False
if MYPY:
    from typing import Dict, Iterable, List, Optional, Set, Tuple

    from turnout.runtime.objects import ObjectStore

EXECUTABLE_MODE = 0o700
PUBLIC_MODE = 0o666
PUBLIC_DIRECTORY_MODE = 0o777

CLONE_FROM = 1 << 16
"""Contents of at least so many bytes are shared with the store; smaller ones are written faster than cloned."""

_FICLONE = 0x40049409
_HEADER = b"turnout-checkout 1"


class CheckoutError(Exception):
    """A snapshot can't be copied out; the message is one line."""


class CorruptObject(CheckoutError):
    """The content of an object doesn't have the digest that names it.

    Attributes:
        digest: the object's name.
        path: the file of the snapshot that needs it.
    """

    def __init__(self, digest: str, path: str) -> None:
        super(CorruptObject, self).__init__(
            "%s: object %s is damaged (its content has another digest) and was set aside; submit again from the sources"
            % (path, digest)
        )
        self.digest = digest
        self.path = path


def checkout(
    entries: "Iterable[manifest.Entry]",
    store: "ObjectStore",
    into: str,
    notes: "Optional[str]" = None,
    public: bool = False,
) -> None:
    """Copy a snapshot into an empty directory, wholly or not at all.

    Args:
        entries: the manifest.
        store: where the contents are.
        into: the directory; made if it isn't there.
        notes: a file to write, outside `into`, that says how the copies looked, for `remove_unchanged`. It is there
            once the snapshot is: when it exists already, nothing is done, and when it doesn't, what lies in `into` was
            left by someone who died on the way, and goes. Without it, `into` must be empty.
        public: give the files the modes that the umask allows, instead of those of the record.

    Raises:
        CheckoutError: an object is missing or damaged, or the directory isn't empty.
        OSError: the directory can't be written.
    """
    if notes is not None and os.path.exists(notes):
        return
    os.makedirs(into, PUBLIC_DIRECTORY_MODE if public else layout.DIRECTORY_MODE, exist_ok=True)
    if os.listdir(into):
        if notes is None:
            raise CheckoutError("the directory is not empty: %s" % into)
        _clear(into)
    try:
        copy = _Copy(store, into, public)
        copied = list(entries)
        for entry in copied:
            copy.add(entry)
        copy.finish()
        if notes is not None:
            records.write_atomic(notes, _noted(copied, into))
    except BaseException:
        _clear(into)
        raise


class _Copy:
    """One snapshot on its way out of the store."""

    def __init__(self, store: "ObjectStore", into: str, public: bool) -> None:
        self._store = store
        self._into = into
        self._made: "Set[str]" = {""}
        self._links: "List[manifest.Entry]" = []
        self._clones = True
        self._directory_mode = PUBLIC_DIRECTORY_MODE if public else layout.DIRECTORY_MODE
        self._modes = {
            manifest.FILE: PUBLIC_MODE if public else layout.FILE_MODE,
            manifest.EXECUTABLE: PUBLIC_DIRECTORY_MODE if public else EXECUTABLE_MODE,
        }

    def add(self, entry: "manifest.Entry") -> None:
        """Copy one entry; links wait for `finish`."""
        if entry.kind == manifest.DIRECTORY:
            self._make(entry.path)
            return
        self._make(os.path.dirname(entry.path))
        if entry.kind == manifest.LINK:
            self._links.append(entry)
        else:
            self._copy_file(entry)

    def finish(self) -> None:
        """Make the links."""
        for entry in self._links:
            os.symlink(entry.content, os.path.join(self._into, entry.path))

    def _make(self, path: str) -> None:
        missing = []
        while path not in self._made:
            missing.append(path)
            path = os.path.dirname(path)
        for each in reversed(missing):
            os.mkdir(os.path.join(self._into, each), self._directory_mode)
            self._made.add(each)

    def _copy_file(self, entry: "manifest.Entry") -> None:
        path = os.path.join(self._into, entry.path)
        try:
            source = self._store.open(entry.content)
        except StoreError as error:
            if isinstance(error.error, FileNotFoundError):
                self._store.void_stat_caches()
            raise CheckoutError("%s: its object can't be read: %s" % (entry.path, error)) from error
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            target = os.open(path, flags, self._modes[entry.kind])
            try:
                if entry.size >= CLONE_FROM and self._clone(source, target):
                    found = _digest(target)
                else:
                    found = _copied_digest(source, target)
            finally:
                os.close(target)
        finally:
            os.close(source)
        if found != entry.content:
            try:
                self._store.set_aside(entry.content)
            except StoreError:
                pass  # a home that can't be written; the damage is what has to be told
            raise CorruptObject(entry.content, entry.path)

    def _clone(self, source: int, target: int) -> bool:
        """Share the content, if the file system does that; it is asked once."""
        if self._clones:
            try:
                fcntl.ioctl(target, _FICLONE, source)
            except OSError as error:
                if error.errno in (*records.DISK_FULL, errno.EIO):
                    raise
                self._clones = False
        return self._clones


def _copied_digest(source: int, target: int) -> str:
    digest = hashlib.sha256()
    while True:
        chunk = os.read(source, CHUNK)
        if not chunk:
            return digest.hexdigest()
        digest.update(chunk)
        records.write_all(target, chunk)


def _digest(descriptor: int) -> str:
    digest = hashlib.sha256()
    while True:
        chunk = os.read(descriptor, CHUNK)
        if not chunk:
            return digest.hexdigest()
        digest.update(chunk)


class _Note:
    """How one entry looked after it was copied out."""

    __slots__ = ("content", "kind", "name", "times")

    def __init__(self, kind: bytes, content: bytes, times: "Tuple[int, ...]", name: bytes) -> None:
        self.kind = kind
        self.content = content
        self.times = times
        self.name = name


def _times(status: os.stat_result) -> "Tuple[int, ...]":
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)


def _noted(entries: "Iterable[manifest.Entry]", into: str) -> bytes:
    """Return the notes of a finished copy: per entry its kind, digest, times, inode, size and path.

    The times are read after the files were closed, as a network file system sets them only then.
    """
    records_ = [_HEADER]
    for entry in entries:
        times = _times(os.lstat(os.path.join(into, entry.path)))
        content = entry.content if entry.kind in (manifest.FILE, manifest.EXECUTABLE) else "-"
        fields = " ".join([entry.kind, content] + [str(value) for value in times])
        records_.append(fields.encode("ascii") + b" " + os.fsencode(entry.path))
    return b"\0".join(records_) + b"\0"


def _read_notes(path: str) -> "Dict[bytes, List[_Note]]":
    """Return the notes by directory; every directory that the snapshot has is there, the root as an empty name."""
    try:
        with open(path, "rb") as stream:
            rows = stream.read().split(b"\0")
    except FileNotFoundError:
        return {}
    found: "Dict[bytes, List[_Note]]" = {b"": []}
    if rows[0] != _HEADER or rows[-1] != b"":
        return {}
    for row in rows[1:-1]:
        fields = row.split(b" ", 6)
        kind, content, name = fields[0], fields[1], fields[6]
        directory, _, last = name.rpartition(b"/")
        if kind == manifest.DIRECTORY.encode("ascii"):
            directory, last = name, b""
        above = directory
        while above not in found:
            found[above] = []
            above = above.rpartition(b"/")[0]
        if last:
            found[directory].append(_Note(kind, content, tuple(int(value) for value in fields[2:6]), last))
    return found


def remove_unchanged(into: str, notes: str) -> int:
    """Remove what `checkout` copied and nobody has changed since, then the directories left empty by that.

    A file is unchanged when its times, inode and size are as noted; where the file system keeps whole seconds only, its
    content is compared too. Links are never followed, also not those that a script put in the place of a directory.

    Args:
        into: the directory that was copied into; it stays.
        notes: the file that `checkout` wrote; removed at the end. Without it nothing is removed.

    Returns:
        How many files and links were removed.
    """
    directories = _read_notes(notes)
    if not directories:
        return 0
    removed = 0
    root = _open_directory(os.fsencode(into))
    if root is not None:
        try:
            for path in sorted(directories, key=lambda name: name.count(b"/"), reverse=True):
                removed += _remove_in(root, path, directories[path])
                if path:
                    _remove_empty(root, path)
        finally:
            os.close(root)
    os.unlink(notes)
    return removed


def _remove_in(root: int, path: bytes, notes: "List[_Note]") -> int:
    """Remove the unchanged files of one directory; return how many they were."""
    directory = _open_beneath(root, path)
    if directory is None:
        return 0
    removed = 0
    try:
        for note in notes:
            if _is_unchanged(directory, note):
                os.unlink(note.name, dir_fd=directory)
                removed += 1
    finally:
        os.close(directory)
    return removed


def _is_unchanged(directory: int, note: _Note) -> bool:
    try:
        status = os.stat(note.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if _times(status) != note.times:
        return False
    if note.kind == manifest.LINK.encode("ascii") or note.times[0] % 1000000000:
        return True
    descriptor = os.open(note.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        return _digest(descriptor).encode("ascii") == note.content
    finally:
        os.close(descriptor)


def _remove_empty(root: int, path: bytes) -> None:
    above, _, name = path.rpartition(b"/")
    directory = _open_beneath(root, above)
    if directory is None:
        return
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError as error:
        # Something is in it, or it is no directory any more: what the script made stays.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
            raise
    finally:
        os.close(directory)


def _open_beneath(root: int, path: bytes) -> "Optional[int]":
    """Open a directory below `root` without following any link; None if there is no such directory now."""
    current = os.dup(root)
    for name in path.split(b"/") if path else []:
        try:
            below = _open_directory(name, current)
        finally:
            os.close(current)
        if below is None:
            return None
        current = below
    return current


def _open_directory(name: bytes, above: "Optional[int]" = None) -> "Optional[int]":
    """Open a directory; None if there is none of that name, or a link or a file has taken its place."""
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return None


def _clear(directory: str) -> None:
    """Remove everything in a directory, following no link."""
    import shutil  # of use only when something went wrong

    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
