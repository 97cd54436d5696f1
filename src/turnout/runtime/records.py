"""Reads and writes the two kinds of file that a record is made of.

Append-only journals of JSON lines (one writer a file, one `write(2)` a line, a torn last line harmless) and small files
that are written whole and renamed into place. Everything else in the record builds on these.
"""

import errno
import json
import math
import os

from turnout.runtime import exclusive, layout

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterator, List, Tuple

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors that say of a disk, or of an account's share of it, that it is full."""


def write_atomic(path: str, data: bytes, sync: bool = False) -> None:
    """Write `data` to `path` so that readers see the old content or all of the new.

    Args:
        path: the file; its directory exists.
        data: the whole content.
        sync: also wait until the disk has it (the caller syncs the directory).
    """
    # The random part keeps threads apart, which share the pid.
    temporary = "%s.%d-%s.tmp" % (path, os.getpid(), os.urandom(4).hex())
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        try:
            write_all(descriptor, data)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_json(path: str, value: "Any", sync: bool = False) -> None:
    """Write `value` as JSON, whole or not at all. NaN and infinities are refused with ValueError."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    write_atomic(path, text.encode("utf-8", "surrogateescape") + b"\n", sync=sync)


def create_json(path: str, value: "Any") -> bool:
    """Write a JSON file that isn't there yet, whole or not at all; return False when there is one.

    Of several who create it at once, the first one's stands.
    """
    temporary = "%s.%d-%s.tmp" % (path, os.getpid(), os.urandom(4).hex())
    write_json(temporary, value)
    try:
        exclusive.place(temporary, path)
    except FileExistsError:
        return False
    finally:
        exclusive.discard(temporary)
    return True


class DamagedFile(ValueError):
    """A file of the record doesn't hold what belongs there; the message is one line that names it.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str, why: "Any") -> None:
        super(DamagedFile, self).__init__("%s is damaged: %s" % (path, why))
        self.path = path


def read_json(path: str) -> "Any":
    """Read a JSON file. Raises OSError when it can't be read, DamagedFile (a ValueError) when it isn't JSON."""
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        return json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(path, error) from error


def sync_directory(path: str) -> None:
    """Wait until the disk has the entries of a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class JsonLines:
    """The one writer of an append-only file of JSON lines.

    Each `append` is one `write(2)` on a descriptor opened with O_APPEND, so a process killed at any moment leaves at most
    one torn line, which readers skip and the next writer ends first.
    """

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        if end and os.pread(self._descriptor, 1, end - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def append(self, value: "Dict[str, Any]") -> None:
        """Append one object as a line."""
        self.append_line(json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")))

    def append_line(self, text: str) -> None:
        """Append one line of JSON that the caller has made; `text` has no line end."""
        write_all(self._descriptor, text.encode("ascii") + b"\n")

    def sync(self) -> None:
        """Wait until the disk has what was appended."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_lines(
    path: str, offset: int = 0, limit: int = -1, without: bytes = b""
) -> "Tuple[List[Dict[str, Any]], int, int]":
    """Read the JSON objects of a journal from a byte offset on.

    Args:
        path: the file.
        offset: where to begin, in bytes.
        limit: the most bytes to read, -1 for all: a reader of huge files keeps its memory small.
        without: lines that contain these bytes are passed over unparsed.

    Returns:
        The objects, the offset after the last whole line (to continue from), and how many whole lines did not parse.
        A file that isn't there reads as empty.
    """
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            data = stream.read(limit)
    except FileNotFoundError:
        return [], offset, 0
    end = data.rfind(b"\n") + 1
    values: "List[Dict[str, Any]]" = []
    skipped = 0
    for line in data[:end].split(b"\n"):
        if not line or (without and without in line):
            continue
        try:
            value = json.loads(line.decode("utf-8"))
        except ValueError:
            skipped += 1
            continue
        if isinstance(value, dict):
            values.append(value)
        else:
            skipped += 1
    return values, offset + end, skipped


def moment(value: "Any") -> float:
    """Return a time as it stands in a record, or 0.0 for what is no time: a record that was damaged is still read."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def last_line(path: str, block: int = 4096, member: str = "") -> "Dict[str, Any]":
    """Return the last whole line that parses, or an empty dict; reads from the end of the file.

    Args:
        path: the file.
        block: how many bytes to read at first.
        member: only a line that has this member, a string, counts.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    try:
        end = os.fstat(descriptor).st_size
        size = block
        while True:
            start = max(0, end - size)
            data = os.pread(descriptor, end - start, start)
            for value in _parsed_backwards(data, whole=start == 0):
                if not member or isinstance(value.get(member), str):
                    return value
            if start == 0:
                return {}
            size *= 8
    finally:
        os.close(descriptor)


def _parsed_backwards(data: bytes, whole: bool) -> "Iterator[Dict[str, Any]]":
    lines = data.split(b"\n")
    for line in reversed(lines[:-1] if whole else lines[1:-1]):
        try:
            value = json.loads(line.decode("utf-8"))
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
