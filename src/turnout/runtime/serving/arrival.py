"""What arrives on a target: objects, tools, and runs with their records. Every request may be repeated.

Objects arrive in any number of `store` requests. Each is a series of parts: 32 bytes of digest, a flag whether the part ends
its object, and a length (`PART`), then the bytes. Those that are `quiet` are answered only if they fail. An object is
committed to the store when a request says `commit`; what a broken connection leaves uncommitted is sent again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import zlib
from typing import Any, Dict, Iterator, List, Optional, Tuple

from turnout.runtime import (
    closing,
    filelocks,
    foundation,
    gclock,
    handed,
    layout,
    manifest,
    markers,
    records,
    runlock,
    runqueue,
    states,
)
from turnout.runtime.builders import uvtool
from turnout.runtime.objects import Incoming, ObjectStore
from turnout.runtime.record import RunRecord

PART = struct.Struct(">32s?I")
ZIPPED, PLAIN = "zlib", "plain"
_NAME = re.compile(r"(?!\.)[^/\0]{1,255}").fullmatch
ADDED, REMOVED = "added", "removed"
"""The difference of a manifest from another one: records, and paths, each separated by NUL bytes."""

_WHOLE = {*layout.SUBMITTED, "run.json", "journal.jsonl", ADDED, REMOVED}

Answer = Tuple[Dict[str, Any], bytes]


class Refused(ValueError):
    """What came can't be taken."""


class _Arriving:
    """The objects of this connection that are not committed yet. One process serves one connection."""

    def __init__(self) -> None:
        self.incoming: Optional[Incoming] = None
        self.digest = b""
        self.failed = False

    def begin(self, home: layout.Home) -> Incoming:
        if self.incoming is None:
            os.makedirs(home.root, layout.DIRECTORY_MODE, exist_ok=True)
            os.makedirs(home.objects, layout.DIRECTORY_MODE, exist_ok=True)
            self.incoming = ObjectStore(home.objects).incoming()
        return self.incoming

    def drop(self) -> None:
        if self.incoming is not None:
            self.incoming.abandon()
        self.incoming, self.digest = None, b""


_arriving = _Arriving()


def abandon() -> None:
    """Remove what came and was not committed: the connection has ended."""
    _arriving.drop()
    _arriving.failed = False


def missing(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Reply with the digests, of those in the content (32 bytes each), that the store lacks."""
    _arriving.failed = False
    packed = zlib.decompress(content)
    store = ObjectStore(home.objects)
    digests = [packed[start : start + 32] for start in range(0, len(packed), 32)]
    return {}, zlib.compress(b"".join(each for each in digests if not store.has(each.hex())), 1)


def store(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Take a series of parts; with `commit`, put the whole objects into the store.

    Raises:
        Refused: an object's content is not what its digest says.
        StoreError: the store can't be written; what was not committed is gone.
    """
    if _arriving.failed:
        if request.get("quiet"):
            return {}, b""
        _arriving.failed = False
        raise Refused("an earlier part could not be taken")
    try:
        incoming = _arriving.begin(home)
        view = memoryview(zlib.decompress(content) if request.get("form") == ZIPPED else content)
        position = 0
        while position < len(view):
            digest, ends, length = PART.unpack_from(view, position)
            position += PART.size
            _take(incoming, digest, view[position : position + length], ends)
            position += length
        if request.get("commit"):
            return {"stored": incoming.commit()}, b""
    except BaseException:
        _arriving.drop()
        _arriving.failed = bool(request.get("quiet"))  # what follows is on its way already
        raise
    return {}, b""


def _take(incoming: Incoming, digest: bytes, data: memoryview, ends: bool) -> None:
    if _arriving.digest and digest != _arriving.digest:
        raise Refused("an object was not sent to its end")
    if ends and not _arriving.digest:
        found: Optional[str] = incoming.add_bytes(bytes(data))
    else:
        if not _arriving.digest:
            incoming.begin()
            _arriving.digest = digest
        incoming.extend(data)
        found = incoming.finish(digest.hex()) if ends else None
    if ends:
        _arriving.digest = b""
        if found != digest.hex():
            raise Refused("an object arrived damaged: %s" % digest.hex())


def accept(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Take a run: write its record, with what is handed over to it.

    Args:
        home: this account's home.
        request: `workspace` (the id), `run`, `files` (names and lengths, in the order of the content), `handed`
            (variables, secrets and tools; see `turnout.runtime.handed`). In place of the file `manifest` there may be
            `base`, the run there whose manifest it differs from, with the files `added` and `removed` that say how.
        content: those files, compressed together.

    Returns:
        `directory`, when the record is there, now or from an earlier request; or `refused`, why it isn't; or how many
        objects are `missing`, with their digests as content; or `unknown`, when the base isn't there as it was.

    Raises:
        Refused: names or files can't be meant.
        OSError: the home can't be written; nothing half-made stays.
    """
    workspace, run = _run(home, request)
    foundation.lay(home, workspace)
    if os.path.lexists(workspace.tombstone(run.run_id)):
        return {"refused": "the run was deleted or taken back there"}, b""
    if RunRecord(run.root).exists():
        return {"directory": run.root}, b""
    files = _files(request, zlib.decompress(content))
    if "manifest" not in files and not _rebuild_manifest(workspace, request, files):
        return {"unknown": True}, b""
    with gclock.shared(home, _silent):
        lacking = _lacking(home, [files[each] for each in (layout.MANIFEST, layout.DATA_MANIFEST) if each in files])
        if lacking:
            return {"missing": len(lacking)}, zlib.compress(b"".join(bytes.fromhex(each) for each in lacking), 1)
        with _settling(workspace):
            if os.path.lexists(workspace.tombstone(run.run_id)):
                return {"refused": "the run was deleted or taken back there"}, b""
            _write(home, run, files, request.get("handed") or {})
    return {"directory": run.root}, b""


def withdraw(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """See to it that a run that its submitter has not handed over never starts; reply whether it is `there`.

    One that is in the queue, or has begun, is there. A record that nobody has queued is closed. One that hasn't come leaves a
    tombstone, so that it can't come later.
    """
    workspace, run = _run(home, request)
    foundation.lay(home, workspace)
    record = RunRecord(run.root)
    with _settling(workspace):
        if not record.exists():
            os.makedirs(workspace.deleted, layout.DIRECTORY_MODE, exist_ok=True)
            records.write_atomic(workspace.tombstone(run.run_id), b"", sync=True)
            return {"there": False}, b""
    begun = str(record.journaled_state().get("state")) != states.NOT_STARTED
    if not begun and runqueue.find(home, run.root) is None and runlock.acquire(run.lock):
        closing.end_unsupervised(record, states.CANCELED, "never handed over: its submitter ended before")
        handed.remove(home, run)
    return {"there": True}, b""


def tool(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Make an object a tool that builders call: `name`, and its `digest`. Reply with its path."""
    name = checked(str(request["name"]))
    source = ObjectStore(home.objects).path(str(request["digest"]))
    os.makedirs(home.tools, layout.DIRECTORY_MODE, exist_ok=True)
    path = os.path.join(home.tools, name)
    _copy(source, path, 0o500)
    return {"path": path}, b""


@contextlib.contextmanager
def _settling(workspace: layout.WorkspaceLayout) -> Iterator[None]:
    """Keep a run's arrival and its withdrawal, over two connections, from happening at once."""
    path = workspace.arrival_lock
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        try:
            filelocks.lock(lock, path)
        except filelocks.NoFileLocks:
            pass  # a submitter withdraws only what it doesn't hand over any more
        yield
    finally:
        os.close(lock)


def _run(home: layout.Home, request: Dict[str, Any]) -> Tuple[layout.WorkspaceLayout, layout.RunLayout]:
    workspace = home.workspace(checked(str(request["workspace"])))
    return workspace, workspace.run(checked(str(request["run"])))


def checked(name: str) -> str:
    """Return a name that one file in a directory can have. Raises Refused when it is none."""
    if not _NAME(name):
        raise Refused("%r is no name of a file" % name)
    return name


def _files(request: Dict[str, Any], data: bytes) -> Dict[str, bytes]:
    files: Dict[str, bytes] = {}
    position = 0
    for name, length in request["files"]:
        if name not in _WHOLE:
            raise Refused("%r does not belong to a new record" % name)
        files[name] = data[position : position + length]
        position += length
    whole = "manifest" in files or {ADDED, REMOVED} <= set(files)
    if position != len(data) or not whole or not {"run.json", "journal.jsonl"} <= set(files):
        raise Refused("the record did not come whole")
    return files


def _rebuild_manifest(workspace: layout.WorkspaceLayout, request: Dict[str, Any], files: Dict[str, bytes]) -> bool:
    """Put the manifest in the place of its difference from another run's; say whether that could be done."""
    added, removed = files.pop(ADDED, b""), files.pop(REMOVED, b"")
    try:
        with open(workspace.run(checked(str(request.get("base")))).manifest, "rb") as stream:
            base = stream.read()
        whole = manifest.changed(base, _rows(added), _rows(removed))
        snapshot = json.loads(files["run.json"].decode("utf-8"))["snapshot"]["id"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    files["manifest"] = whole
    return bool(manifest.digest(whole) == snapshot)


def _rows(data: bytes) -> List[bytes]:
    return data.split(b"\0") if data else []


def _lacking(home: layout.Home, manifests: List[bytes]) -> List[str]:
    wanted = {each for content in manifests for each in manifest.contents(content)}
    return sorted(ObjectStore(home.objects).missing(wanted))


def _write(home: layout.Home, run: layout.RunLayout, files: Dict[str, bytes], given: Dict[str, Any]) -> None:
    """Write the record under a temporary name, and rename it into place."""
    temporary = layout.RunLayout(os.path.join(os.path.dirname(run.root), ".%s.%s" % (run.run_id, os.urandom(4).hex())))
    secret = ""
    try:
        os.makedirs(temporary.root, layout.DIRECTORY_MODE)
        for directory in (temporary.events, temporary.user_logs, temporary.system_logs):
            os.mkdir(directory, layout.DIRECTORY_MODE)
        for name, data in files.items():
            records.write_atomic(os.path.join(temporary.root, name), data, sync=True)
        secret = handed.path(home, RunRecord(temporary.root).definition) or ""
        if secret:
            came = handed.Handed.of(given)
            # Proxies and certificates are those of this account's sessions: whoever builds is no part of one.
            came = came._replace(tools={**uvtool.ways(os.environ), **came.tools})
            handed.write(home, os.path.basename(secret), run, came)
        records.sync_directory(temporary.root)
        markers.mark_changed(run)
        os.rename(temporary.root, run.root)
    except BaseException as error:
        import shutil  # only when something failed

        shutil.rmtree(temporary.root, ignore_errors=True)
        if isinstance(error, OSError) and RunRecord(run.root).exists():
            return  # of two requests at once the other was quicker, and what was handed over is the same
        if secret:
            runqueue.remove_file(secret)
        raise
    records.sync_directory(os.path.dirname(run.root))


def _copy(source: str, path: str, mode: int) -> None:
    """Put a copy of an object under another name, whole or not at all. No link: its mode is another one."""
    import shutil

    temporary = "%s.%s.tmp" % (path, os.urandom(4).hex())
    try:
        shutil.copyfile(source, temporary)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        runqueue.remove_file(temporary)
        raise


def _silent(line: str) -> None:
    """Report to nobody: the submitter sees that the connection lives."""
