"""The object store of a home: file contents named by their SHA-256, written once, never changed.

An object under its final name is whole and on the disk: contents are first staged under temporary names, then synced
together, then renamed. So a power cut leaves stale staged files at worst, which later writers remove.
"""

import hashlib
import os
import time

from turnout.runtime import layout, records

MYPY = False
if MYPY:
    from types import TracebackType
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Type

OBJECT_MODE = 0o400
CHUNK = 1 << 20
"""Bytes held in memory of a file that is being read or written, however large it is."""

INCOMING = "incoming"
DAMAGED = ".damaged"
GENERATION = "generation"
STALE_SECONDS = 86400.0
"""Staged files of a writer that died are removed once they are this old."""

SYNC_TOGETHER = 100
"""From so many new objects on, one syncfs(2) is faster than an fsync(2) each: 8 ms against 145 ms for 1,000 of 5 kB,
but it also waits for what others have written to that file system, so a few are synced one by one."""


class StoreError(Exception):
    """The store can't be written or read: a full disk, lost permissions, a missing object.

    Attributes:
        path: the file or directory concerned.
        error: the system's error.
    """

    def __init__(self, path: str, error: OSError) -> None:
        super(StoreError, self).__init__("%s: %s" % ((error.strerror or str(error)).lower(), path))
        self.path = path
        self.error = error


def file_digest(path: str) -> str:
    """Return the SHA-256 of a file, in hexadecimal. Raises OSError when it can't be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(CHUNK), b""):
            digest.update(block)
    return digest.hexdigest()


class ObjectStore:
    """The objects below one directory.

    Args:
        root: `Home.objects`.
    """

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, digest: str) -> str:
        """Return the file of an object, whether it is there or not."""
        return os.path.join(self.root, digest[:2], digest[2:])

    def has(self, digest: str) -> bool:
        """Say whether the object is there."""
        return os.path.exists(self.path(digest))

    def missing(self, digests: "Set[str]") -> "Set[str]":
        """Return those objects that are not there."""
        return {digest for digest in digests if not self.has(digest)}

    def open(self, digest: str) -> int:
        """Open an object for reading; return the descriptor.

        Raises:
            StoreError: it isn't there, or can't be read.
        """
        path = self.path(digest)
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(path, error) from error

    def state(self) -> "List[object]":
        """Return what changes whenever objects may have gone, as JSON.

        As long as it is the same, objects that were there still are: removing objects starts a new generation, and
        losing one of the directories below the root shows in the root's times.
        """
        try:
            found = os.stat(self.root)
        except OSError:
            return []
        return [found.st_dev, found.st_ino, found.st_mtime_ns, self.generation()]

    def generation(self) -> str:
        """Return the name of the present generation; empty as long as no object was ever removed."""
        try:
            with open(os.path.join(self.root, GENERATION)) as stream:
                return stream.read().strip()
        except OSError:
            return ""

    def start_generation(self) -> None:
        """Make stat caches check anew which objects are there; whoever removes objects calls this.

        Before, while submits are kept out: so it holds however the remover ends. Else afterwards.
        """
        try:
            records.write_atomic(
                os.path.join(self.root, GENERATION), os.urandom(16).hex().encode("ascii") + b"\n", sync=True
            )
        except OSError as error:
            if error.errno not in records.DISK_FULL:
                raise
            moment = int(time.time() * 1e9)
            os.utime(self.root, ns=(moment, moment))  # a full disk takes a time, which is part of the state as well

    def void_stat_caches(self) -> None:
        """Start a generation, if the home can be written: something that should be there was found missing."""
        try:
            self.start_generation()
        except OSError:
            pass

    def set_aside(self, digest: str) -> None:
        """Take a damaged object out of use: it is kept as `NAME.damaged`, and the next snapshot stores it anew.

        Raises:
            StoreError: the home can't be written.
        """
        path = self.path(digest)
        try:
            os.rename(path, path + DAMAGED)
            self.start_generation()
        except FileNotFoundError:
            pass  # another reader was faster
        except OSError as error:
            raise StoreError(path, error) from error

    def add_file(self, path: str) -> str:
        """Keep a file's content; return its digest.

        Raises:
            StoreError: the store can't be written; an OSError that isn't one comes from reading the file.
        """
        with self.incoming() as incoming:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                added = incoming.add(descriptor, lambda size: True)
            finally:
                os.close(descriptor)
            incoming.commit()
        assert added is not None
        return added[0]

    def incoming(self) -> "Incoming":
        """Return a writer of new objects, to be used in a `with` block."""
        return Incoming(self)


class Incoming:
    """New objects on their way into a store; nothing of them is seen until `commit`.

    In a `with` block, what was not committed is removed at its end. Every method raises StoreError when the store can't
    be written; an OSError that isn't one comes from reading the source.
    """

    __slots__ = ("_created", "_directory", "_growing", "_names", "_store")

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._created = 0
        self._growing: "Optional[Tuple[str, int, Any]]" = None  # name, descriptor and digest of one that comes in parts
        self._directory: "Optional[str]" = None
        self._names: "Dict[str, str]" = {}

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(
        self,
        kind: "Optional[Type[BaseException]]",
        error: "Optional[BaseException]",
        trace: "Optional[TracebackType]",
    ) -> None:
        self.abandon()

    def add(self, source: int, accept: "Callable[[int], bool]") -> "Optional[Tuple[str, int]]":
        """Stage the content of a descriptor, read once from where it stands to its end.

        Args:
            source: a descriptor open for reading.
            accept: is given how many bytes were read, and says whether they are to be kept.

        Returns:
            The digest, and how many bytes were read; None if that was not accepted.
        """
        first = os.read(source, CHUNK)
        second = os.read(source, CHUNK) if first else b""
        if second:
            return self._add_long(source, [first, second], accept)
        return (self.add_bytes(first), len(first)) if accept(len(first)) else None

    def add_bytes(self, content: bytes) -> str:
        """Stage a content that is in memory; return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self._known(digest, len(content)):
            try:
                name, descriptor = self._create()
                try:
                    records.write_all(descriptor, content)
                finally:
                    os.close(descriptor)
            except OSError as error:
                raise StoreError(self._store.root, error) from error
            self._names[digest] = name
        return digest

    def begin(self) -> None:
        """Begin to stage a content that comes in parts; see `extend` and `finish`."""
        try:
            name, descriptor = self._create()
        except OSError as error:
            raise StoreError(self._store.root, error) from error
        self._growing = (name, descriptor, hashlib.sha256())

    def extend(self, data: "memoryview") -> None:
        """Add a part to what was begun."""
        assert self._growing is not None
        _, descriptor, digest = self._growing
        digest.update(data)
        try:
            records.write_all(descriptor, data)  # type: ignore[arg-type]
        except OSError as error:
            raise StoreError(self._store.root, error) from error

    def finish(self, wanted: str) -> str:
        """End what was begun; it is staged if its digest is the `wanted` one. Returns its digest."""
        assert self._growing is not None
        name, descriptor, digest = self._growing
        self._growing = None
        size = os.fstat(descriptor).st_size
        os.close(descriptor)
        found: str = digest.hexdigest()
        if found == wanted and not self._known(found, size):
            self._names[found] = name
        else:
            os.unlink(name)
        return found

    def commit(self) -> int:
        """Put what was staged on the disk and under its final names; return how many objects are new."""
        count = len(self._names)
        if self._directory is not None:
            try:
                self._sync_contents(self._directory)
                self._rename()
                if self._growing is None:
                    os.rmdir(self._directory)
                    self._directory = None
            except OSError as error:
                raise StoreError(self._store.root, error) from error
            self._names.clear()
        return count

    def abandon(self) -> None:
        """Remove what was staged and not committed."""
        if self._growing is not None:
            os.close(self._growing[1])
            self._growing = None
        if self._directory is not None:
            _remove_flat(self._directory)
        self._directory = None
        self._names.clear()

    def _add_long(
        self, source: int, chunks: "List[bytes]", accept: "Callable[[int], bool]"
    ) -> "Optional[Tuple[str, int]]":
        """Stage a content that begins with `chunks` and is longer than what is held in memory."""
        try:
            name, descriptor = self._create()
        except OSError as error:
            raise StoreError(self._store.root, error) from error
        try:
            found, size = _copied(source, descriptor, chunks, self._store.root)
        finally:
            os.close(descriptor)
        accepted = accept(size)
        if accepted and not self._known(found, size):
            self._names[found] = name
        else:
            os.unlink(name)
        return (found, size) if accepted else None

    def _known(self, digest: str, size: int) -> bool:
        """Say whether the object is staged or stored; one of the wrong size is damaged and gets replaced."""
        if digest in self._names:
            return True
        try:
            return os.stat(self._store.path(digest)).st_size == size
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(self._store.path(digest), error) from error

    def _create(self) -> "Tuple[str, int]":
        if self._directory is None:
            above = os.path.join(self._store.root, INCOMING)
            os.makedirs(above, layout.DIRECTORY_MODE, exist_ok=True)
            _remove_stale(above)
            directory = os.path.join(above, os.urandom(16).hex())
            os.mkdir(directory, layout.DIRECTORY_MODE)
            self._directory = directory
        self._created += 1
        name = os.path.join(self._directory, str(self._created))
        return name, os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OBJECT_MODE)

    def _sync_contents(self, directory: str) -> None:
        if len(self._names) >= SYNC_TOGETHER and _sync_file_system(directory):
            return
        for name in self._names.values():
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _rename(self) -> None:
        directories = {digest[:2] for digest in self._names}
        for prefix in directories:
            try:
                os.mkdir(os.path.join(self._store.root, prefix), layout.DIRECTORY_MODE)
            except FileExistsError:
                pass
        for digest, name in self._names.items():
            os.rename(name, self._store.path(digest))
        if len(self._names) >= SYNC_TOGETHER and _sync_file_system(self._store.root):
            return
        for prefix in directories:
            records.sync_directory(os.path.join(self._store.root, prefix))
        records.sync_directory(self._store.root)


def _copied(source: int, target: int, chunks: "List[bytes]", root: str) -> "Tuple[str, int]":
    """Copy `chunks` and the rest of a descriptor; return the digest and the number of bytes."""
    digest = hashlib.sha256()
    size = 0
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    while True:
        chunk = memoryview(chunks.pop(0)) if chunks else view[: os.readv(source, [buffer])]
        if not chunk:
            return digest.hexdigest(), size
        digest.update(chunk)
        size += len(chunk)
        try:
            records.write_all(target, chunk)  # type: ignore[arg-type]
        except OSError as error:
            raise StoreError(root, error) from error


def _sync_file_system(directory: str) -> bool:
    """Wait until the disk has everything of the file system that `directory` is on; False where that can't be asked."""
    import ctypes  # 6 ms, of use only where it saves more

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), directory)
    finally:
        os.close(descriptor)
    return True


def _remove_stale(above: str) -> None:
    for name in os.listdir(above):
        path = os.path.join(above, name)
        try:
            if os.stat(path).st_mtime < time.time() - STALE_SECONDS:
                _remove_flat(path)
        except OSError:
            continue  # another writer's, and it has just ended


def _remove_flat(directory: str) -> None:
    """Remove a directory of files; what is already gone is no error."""
    try:
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
    except FileNotFoundError:
        pass
