"""What is read back of a run: what has changed since the last time, and at its end what it left.

Names are those of files below the run's record. Files that only grow are read from an offset; of the others the whole content is
sent when their stamp has changed. `changes` may wait for something to happen, so that the other side need not ask again
and again.
"""

from __future__ import annotations

import os
import stat
import time
import zlib
from typing import Any, Dict, Iterator, List, Tuple

from turnout.runtime import agent, layout, states
from turnout.runtime import deletion as deleting
from turnout.runtime.objects import file_digest
from turnout.runtime.record import RunRecord

BUDGET = 4 << 20
"""Bytes of files in one reply, before compression."""

WHOLE = (
    *("placement.json", "environment.json", "launch.json", "application.json"),
    *("result.json", "exit", "step", "cancel"),
)
"""Files of a record that are sent whole whenever they have changed."""

_POLL_SECONDS = 0.02
_LONGEST_WAIT = 5.0
_LOOK_EVERY = 1.0

Answer = Tuple[Dict[str, Any], bytes]


def changes(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Reply with a run's true state, and with what its record has that the other side hasn't.

    Args:
        home: this account's home.
        request: `directory`; `have`, by name the bytes there are of a file that grows, or the stamp of another; `wait`, the
            seconds to wait for a change; `state` and `reason` as they are known.
        content: not used.

    Returns:
        `exists`; `state` and `reason`; `files`, a list of (name, offset, length, stamp or None), whose bytes follow each other
        in the compressed content; `gone`, names that the other side has and this one not; `more`, whether asking again
        brings more at once; `now`, this machine's clock.
    """
    record = RunRecord(str(request["directory"]))
    have: Dict[str, Any] = dict(request.get("have") or {})
    known = (request.get("state"), request.get("reason"))
    deadline = time.monotonic() + min(float(request.get("wait") or 0.0), _LONGEST_WAIT)
    looked = 0.0
    while True:
        if not record.exists():
            return {"exists": False, "now": time.time()}, b""
        if time.monotonic() - looked > _LOOK_EVERY:
            state, reason = _look(home, record, request)
            looked = time.monotonic()
        elif not states.is_final(state):
            current = record.status()
            state, reason = (state, reason) if current[0] == state == states.QUEUED else current
        files, gone, data, more = _new(record.layout, have)
        if files and not states.is_final(state):
            ended = record.status()
            if states.is_final(ended[0]):  # what was read may hold the journal's last line
                state, reason = ended
        if files or gone or (state, reason) != known or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)  # files have no event that also works on a network file system
    reply = {
        "exists": True,
        "state": state,
        "reason": reason,
        "files": files,
        "gone": gone,
        "more": more,
        "now": time.time(),
    }
    return reply, zlib.compress(data, 1)


def inventory(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Reply with what the ended run in `directory` left: `entries` of (name, kind, bytes, digest or link's target).

    Kinds are "f" and "l". Every file is read for its digest.
    """
    record = RunRecord(str(request["directory"]))
    return {"entries": list(_left(record))}, b""


def fetch(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Reply with bytes of files: `wanted` is a list of (name, offset); `pieces` of (name, offset, length) say what came."""
    run = layout.RunLayout(str(request["directory"]))
    pieces: List[Tuple[str, int, int]] = []
    data: List[bytes] = []
    left = BUDGET
    for name, offset in request["wanted"]:
        if left <= 0:
            break
        with open(_inside(run, name), "rb") as stream:
            stream.seek(offset)
            part = stream.read(left)
        pieces.append((name, offset, len(part)))
        data.append(part)
        left -= len(part)
    return {"pieces": pieces}, zlib.compress(b"".join(data), 1)


def delete(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Delete the run in `directory`, if it has ended; reply whether it has."""
    record = RunRecord(str(request["directory"]))
    if not record.exists():
        return {"deleted": True}, b""
    if not states.is_final(str(record.journaled_state().get("state"))):
        return {"deleted": False}, b""
    deleting.delete(record.layout)
    return {"deleted": True}, b""


def _look(home: layout.Home, record: RunRecord, request: Dict[str, Any]) -> Tuple[str, str]:
    asked = {"directories": [record.layout.root], "runtime": request["runtime"]}
    found = agent.look(home, asked)["states"].get(record.layout.run_id)
    return (str(found[0]), str(found[1])) if found else record.status()


def _new(run: layout.RunLayout, have: Dict[str, Any]) -> Tuple[List[List[Any]], List[str], bytes, bool]:
    """Return what the other side lacks: entries for the reply, names that are gone, the bytes, and whether there is more."""
    files: List[List[Any]] = []
    data: List[bytes] = []
    left = BUDGET
    there = set()
    for name, grows in _names(run):
        if left <= 0:
            return files, [], b"".join(data), True
        path = os.path.join(run.root, name)
        try:
            found = os.stat(path)
        except OSError:
            continue
        there.add(name)
        if grows:
            offset = int(have.get(name) or 0)
            if found.st_size == offset:
                continue
            offset = offset if found.st_size > offset else 0
            part = _read(path, offset, left)
            files.append([name, offset, len(part), None])
        else:
            stamp = "%d-%d-%d" % (found.st_size, found.st_mtime_ns, found.st_ino)
            if have.get(name) == stamp:
                continue
            part = _read(path, 0, BUDGET)
            files.append([name, 0, len(part), stamp])
        data.append(part)
        left -= len(part)
    gone = [name for name in have if name in WHOLE and name not in there]
    return files, gone, b"".join(data), left <= 0


def _names(run: layout.RunLayout) -> Iterator[Tuple[str, bool]]:
    """Yield each file of the record that travels while the run lives, and whether it only grows.

    The journal is the last one: who has its last line has all that was there before it.
    """
    for directory in (run.events, run.user_logs, run.system_logs):
        for name in sorted(_list(directory)):
            if not name.startswith("."):
                yield os.path.join(os.path.basename(directory), name), True
    for name in WHOLE:
        yield name, False
    yield os.path.basename(run.journal), True


def _left(record: RunRecord) -> Iterator[List[Any]]:
    run = record.layout
    tops = [os.path.join(os.path.basename(run.code), name) for name in record.watched_directories()]
    for top in [*tops, os.path.basename(run.artifacts)]:
        for directory, directories, names in os.walk(os.path.join(run.root, top)):
            for name in sorted(
                [*names, *(each for each in directories if os.path.islink(os.path.join(directory, each)))]
            ):
                path = os.path.join(directory, name)
                relative = os.path.relpath(path, run.root)
                try:
                    found = os.lstat(path)
                    if stat.S_ISLNK(found.st_mode):
                        yield [relative, "l", 0, os.readlink(path)]
                    elif stat.S_ISREG(found.st_mode):
                        yield [relative, "f", found.st_size, file_digest(path)]
                except OSError:
                    continue  # something that still runs has removed it


def _inside(run: layout.RunLayout, name: str) -> str:
    path = os.path.normpath(os.path.join(run.root, name))
    if os.path.isabs(name) or not path.startswith(run.root + os.sep):
        raise ValueError("%r is no file of a run" % name)
    return path


def _read(path: str, offset: int, limit: int) -> bytes:
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            return stream.read(limit)
    except OSError:
        return b""


def _list(directory: str) -> List[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
