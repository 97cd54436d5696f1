"""Brings the files that an ended run left on its target: each verified by digest, none twice, and on where it stopped."""

from __future__ import annotations

import contextlib
import os
import re
import time
import zlib
from collections.abc import Collection
from typing import Any

from turnout.runtime import layout
from turnout.runtime.objects import file_digest
from turnout.targets.reach import Reach, TargetError

_PARTIAL = ".incoming"
_TOPS = ("code/", "artifacts/")
_TOGETHER = 256
_DIGEST = re.compile("[0-9a-f]{64}").fullmatch


class OutOfTime(Exception):
    """There is more to bring than the time allowed for."""


def collect(
    reach: Reach,
    directory: str,
    run: layout.RunLayout,
    deadline: float | None = None,
    limit: int | None = None,
    names: Collection[str] | None = None,
) -> list[tuple[str, int]]:
    """Bring what the run left; return names and bytes of what stays there.

    Args:
        reach: the way to the target.
        directory: the run's record there.
        run: the record here.
        deadline: monotonic time at which to stop; None for never.
        limit: larger files, in bytes, stay there; None to bring them all.
        names: the artifacts to bring; None for all.

    Raises:
        OutOfTime: the deadline came first; what came is kept.
        TargetError: what came isn't what the target says that it has.
        OSError: it can't be written here.
    """
    entries = reach.run({"operation": "inventory", "directory": directory})["entries"]
    wanted: list[tuple[str, int, str]] = []
    left: list[tuple[str, int]] = []
    for name, kind, size, content in entries:
        path = _checked(run, name)
        if kind == "l":
            _link(path, str(content))
        elif not _DIGEST(str(content)):  # it names a file here, too
            raise TargetError(f"the agent told a digest that is none: {content!r}")
        elif _is_there(path, int(size), str(content)):
            continue
        elif (limit is not None and size > limit) or (names is not None and name.split("/", 1)[1] not in names):
            left.append((name, int(size)))
        else:
            wanted.append((name, int(size), str(content)))
    while wanted:
        _fetch(
            reach, directory, run, wanted
        )  # something in any case: looking what there is may take longer than allowed
        if wanted and deadline is not None and time.monotonic() >= deadline:
            raise OutOfTime
    with contextlib.suppress(OSError):
        os.rmdir(os.path.join(run.root, _PARTIAL))
    return left


def _fetch(reach: Reach, directory: str, run: layout.RunLayout, wanted: list[tuple[str, int, str]]) -> None:
    """Ask for as much as one answer holds; take what is complete off `wanted`."""
    asked: list[tuple[str, int]] = []
    begun = set()
    for name, _, digest in wanted[:_TOGETHER]:
        # Of several files with one content the first one takes what is here of it.
        asked.append((name, 0 if digest in begun else _size(_partial(run, digest))))
        begun.add(digest)
    reply, content = reach.pull({"operation": "fetch", "directory": directory, "wanted": asked})
    data = memoryview(zlib.decompress(content))
    position = 0
    for name, offset, length in reply["pieces"]:
        found, size, digest = wanted[0]
        if name != found:
            raise TargetError(f"the agent sent {name!r} where {found!r} was asked for")
        partial = _partial(run, digest)
        _append(partial, int(offset), data[position : position + length])
        position += length
        if length == 0 and offset + length < size:
            os.unlink(partial)
            raise TargetError(f"{name} has become shorter on the target while it was fetched; try again")
        if offset + length < size:
            break
        if file_digest(partial) != digest:
            os.unlink(partial)
            raise TargetError(f"{name} changed on the target while it was fetched; try again")
        path = _checked(run, name)
        os.makedirs(os.path.dirname(path), layout.DIRECTORY_MODE, exist_ok=True)
        os.replace(partial, path)
        wanted.pop(0)


def _checked(run: layout.RunLayout, name: Any) -> str:
    """Return where a file belongs here; only below the run, and through no link. Raises TargetError."""
    text = str(name)
    parts = text.split("/")
    if not text.startswith(_TOPS) or any(part in ("", ".", "..") for part in parts):
        raise TargetError(f"the agent named a file that doesn't belong to a run: {text!r}")
    above = run.root
    for part in parts[:-1]:
        above = os.path.join(above, part)
        if os.path.islink(above):
            raise TargetError(f"the agent named a file beyond a link: {text!r}")
    return os.path.join(run.root, text)


def _link(path: str, target: str) -> None:
    os.makedirs(os.path.dirname(path), layout.DIRECTORY_MODE, exist_ok=True)
    if os.path.lexists(path):
        if os.path.islink(path) and os.readlink(path) == target:
            return
        os.unlink(path)
    os.symlink(target, path)


def _is_there(path: str, size: int, digest: str) -> bool:
    try:
        return os.lstat(path).st_size == size and not os.path.islink(path) and file_digest(path) == digest
    except OSError:
        return False


def _partial(run: layout.RunLayout, digest: str) -> str:
    return os.path.join(run.root, _PARTIAL, digest)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _append(path: str, offset: int, data: memoryview) -> None:
    os.makedirs(os.path.dirname(path), layout.DIRECTORY_MODE, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE), "wb") as stream:
        stream.seek(offset)
        stream.write(data)
        stream.truncate()
