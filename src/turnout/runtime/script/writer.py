"""Writes the events that this process reports about a run: one append-only file, one `write(2)` an event.

What a call returned from is in the file, whatever happens to the process next. Threads share the file; a forked process
opens one of its own at its first event. `run.log` in a training loop goes through here, so a line is put together by
hand.
"""

import errno
import json
import os
import threading
import weakref
from json.encoder import encode_basestring_ascii
from os import getpid
from time import time

from turnout.runtime import events, layout
from turnout.runtime.script.exceptions import RecordException

MYPY = False
if MYPY:
    from typing import Any, Dict, Tuple

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
quote = encode_basestring_ascii
"""Returns a string as JSON text, in ASCII; the part of the json module that is written in C."""

_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def json_text(value: "Any") -> str:
    """Return a value of JSON types, with any float, as the JSON text that `events.decode_value` undoes."""
    return _encode(events.encode_value(value))


def record_error(error: OSError, path: str, lost: str) -> RecordException:
    """Return the exception that says why the record can't be written.

    Args:
        error: what the system said.
        path: the file or directory in question.
        lost: what was not recorded, as the subject of a sentence.
    """
    if error.errno in _NO_SPACE:
        why = "there is no space left for %s (%s); free some and report it again" % (path, error.strerror)
    else:
        why = "%s can't be written: %s" % (path, error.strerror or error)
    return RecordException("%s was not recorded: %s" % (lost, why), inner_exception=error)


class _File:
    """The event file of one process; opened at the first event.

    A failed write may leave a torn line (a full disk): the next write ends it first, so that readers lose only that
    line. The lock may be taken again by the thread that holds it, since a signal handler may report an event too.
    """

    __slots__ = ("_descriptor", "_directory", "_lock", "_torn", "path")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._descriptor = -1
        self._lock = threading.RLock()
        self._torn = False
        self.path = directory

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._descriptor < 0:
                self._open()
            if self._torn:
                data = b"\n" + data
            written = os.write(self._descriptor, data)
            if written != len(data):
                self._torn = True
                while written < len(data):
                    written += os.write(self._descriptor, data[written:])
            self._torn = False

    def _open(self) -> None:
        try:
            os.mkdir(self._directory, layout.DIRECTORY_MODE)
        except FileExistsError:
            pass
        # The random part keeps apart what pid and host don't: pids are reused, and containers share host names.
        name = "%s-%d-%s" % (os.uname().nodename.replace("/", "_"), getpid(), os.urandom(4).hex())
        self.path = os.path.join(self._directory, name + events.SUFFIX)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, layout.FILE_MODE)

    def sync(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.fsync(self._descriptor)

    def close(self) -> None:
        with self._lock:
            self.abandon()

    def abandon(self) -> None:
        """Close without the lock: in a forked process a thread that isn't there may hold it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class EventWriter:
    """Appends events to the record of one run. Get one from `writer_for`.

    Args:
        directory: the run's `events` directory; it is made at the first event, its parent must be there.
    """

    __slots__ = ("__weakref__", "_directory", "_files")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        # By pid: a forked process finds no entry of its own. `setdefault` is atomic, so no lock is held across a fork.
        self._files: "Dict[int, _File]" = {}

    def append(self, members: str) -> None:
        """Append one event.

        Args:
            members: the members of its JSON object but the time, as text: `"e":"metric",…`.

        Raises:
            RecordException: the event could not be written; the file stays readable, and later events may succeed.
        """
        data = ('{"t":%.6f,%s}\n' % (time(), members)).encode("ascii")
        try:
            (self._files.get(getpid()) or self._adopt()).write(data)
        except OSError as error:
            path = self._adopt().path
            raise record_error(error, path, "the event {%s}" % members[:120]) from error

    def event(self, event: "Dict[str, Any]") -> None:
        """Append an event given as a dict without its time; its values may hold any float."""
        self.append(json_text(event)[1:-1])

    def sync(self) -> None:
        """Wait until the disk has what this process has reported. Raises RecordException when it can't."""
        file = self._files.get(getpid())
        if file is not None:
            try:
                file.sync()
            except OSError as error:
                raise record_error(error, file.path, "what was reported last") from error

    def close(self) -> None:
        """Close the file; a later event opens another."""
        file = self._files.get(getpid())
        if file is not None:
            file.close()

    def abandon(self) -> None:
        """Let go of all files, without waiting for anyone who may be writing."""
        files, self._files = self._files, {}
        for file in files.values():
            file.abandon()

    def __del__(self) -> None:
        self.abandon()

    def __reduce__(self) -> "Tuple[Any, ...]":
        return writer_for, (self._directory,)

    def _adopt(self) -> _File:
        """Return this process's file, closing here what was inherited through a fork: its owner goes on writing it."""
        pid = getpid()
        for other in [number for number in self._files if number != pid]:
            inherited = self._files.pop(other, None)
            if inherited is not None:
                inherited.abandon()
        return self._files.setdefault(pid, _File(self._directory))


_writers: "weakref.WeakValueDictionary[str, EventWriter]" = weakref.WeakValueDictionary()


def writer_for(directory: str) -> EventWriter:
    """Return this process's writer for the events of a run; all `Run` objects of one run share it."""
    writer = _writers.get(directory)
    if writer is None:
        writer = _writers.setdefault(directory, EventWriter(directory))
    return writer


def _forget_inherited() -> None:
    """Close in a forked process what belongs to its parent (a new pid namespace may even repeat the parent's pid)."""
    for writer in list(_writers.values()):
        writer.abandon()


if hasattr(os, "register_at_fork"):  # Python 3.7
    os.register_at_fork(after_in_child=_forget_inherited)
