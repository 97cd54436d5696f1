"""Sends objects over a channel: what the other side lacks, in groups, each of which is safe once it is answered."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from turnout.runtime.objects import ObjectStore
from turnout.runtime.serving.arrival import PART, PLAIN, ZIPPED

FRAME = 1 << 20
GROUP, GROUP_SECONDS = 64 << 20, 1.0
"""Bytes, or time, after which the other side puts on its disk what it has: what a broken connection can cost."""

_SAMPLE = 1 << 16
_WORTH = 0.8
"""Compression that saves less than a fifth costs more time than it saves on most networks."""

Send = Callable[[dict[str, Any], bytes], None]
Progress = Callable[[int, int], None]


def ask_missing(digests: list[str], ask: Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]) -> list[str]:
    """Return which of these objects the other side lacks, in the same order."""
    packed = zlib.compress(b"".join(bytes.fromhex(each) for each in digests), 1)
    answer = zlib.decompress(ask({"operation": "missing"}, packed)[1])
    lacking = {answer[start : start + 32].hex() for start in range(0, len(answer), 32)}
    return [each for each in digests if each in lacking]


def send(store: ObjectStore, digests: list[str], send: Send, answered: Callable[[], object], progress: Progress) -> int:
    """Send objects; return their bytes, before compression.

    Args:
        store: where they are.
        digests: which.
        send: sends a request; its answer is read by `answered`.
        answered: waits for the next answer; only requests that commit have one.
        progress: gets the bytes sent and those there are in all.

    Raises:
        StoreError: an object can't be read.
    """
    total = sum(_size(store, each) for each in digests)
    done = group = waiting = 0
    began = time.monotonic()
    for frame, size in _frames(store, digests):
        done += size
        group += size
        commit = group >= GROUP or time.monotonic() - began > GROUP_SECONDS
        _send(send, frame, commit)
        if commit:
            group, began = 0, time.monotonic()
            waiting += 1
            if waiting > 1:  # one group is written to the disk while the next one is on its way
                answered()
                waiting -= 1
        progress(done, total)
    send({"operation": "store", "form": PLAIN, "commit": True}, b"")
    for _ in range(waiting + 1):
        answered()
    return total


def _send(send: Send, frame: bytes, commit: bool) -> None:
    sample = frame[:_SAMPLE]
    zipped = len(zlib.compress(sample, 1)) < _WORTH * len(sample)
    content = zlib.compress(frame, 1) if zipped else frame
    form = ZIPPED if zipped else PLAIN
    send({"operation": "store", "form": form, "commit": commit, "quiet": not commit}, content)


def _frames(store: ObjectStore, digests: list[str]) -> Iterator[tuple[bytes, int]]:
    """Yield the contents of requests, each with the bytes of objects in it."""
    parts: list[bytes] = []
    size = 0
    for digest in digests:
        descriptor = store.open(digest)
        try:
            name = bytes.fromhex(digest)
            left = os.fstat(descriptor).st_size
            while True:
                data = _read(descriptor, min(left, FRAME))
                left -= len(data)
                ends = left <= 0 or not data
                parts += [PART.pack(name, ends, len(data)), data]
                size += len(data)
                if size >= FRAME or len(parts) > 8192:
                    yield b"".join(parts), size
                    parts, size = [], 0
                if ends:
                    break
        finally:
            os.close(descriptor)
    if parts:
        yield b"".join(parts), size


def _read(descriptor: int, count: int) -> bytes:
    data = os.read(descriptor, count) if count else b""
    while data and len(data) < count:
        more = os.read(descriptor, count - len(data))
        if not more:
            break
        data += more
    return data


def _size(store: ObjectStore, digest: str) -> int:
    try:
        return os.stat(store.path(digest)).st_size
    except OSError:
        return 0  # `open` says what is wrong with it
