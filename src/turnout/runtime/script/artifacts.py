"""Keeps files in a record under a name of their own, and copies them out again.

An artifact is whole or not there: it is copied under a temporary name beside the artifacts and linked into place.
What is there is never changed: the same content again is no error, other content under the same name is refused.
"""

import os

from turnout.runtime import exclusive, layout
from turnout.runtime.script.exceptions import UserErrorException
from turnout.runtime.script.writer import record_error

MYPY = False
if MYPY:
    from typing import Any, BinaryIO, List, Tuple

_BLOCK = 1 << 20


def artifact_name(name: "Any") -> str:
    """Return an artifact's name in normal form: relative, `/`-separated, without `.` and `..`.

    Raises:
        UserErrorException: it is no string, empty, absolute, or leads out of the record.
    """
    text = os.fspath(name) if hasattr(name, "__fspath__") else name
    if not isinstance(text, str) or not text or "\0" in text:
        raise UserErrorException("an artifact's name must be a string that isn't empty, not %r" % (name,))
    normal = os.path.normpath(text)
    if os.path.isabs(normal) or normal == os.curdir or normal.split(os.sep)[0] == os.pardir:
        raise UserErrorException("the artifact name %r leads out of the run's record; give a relative path" % text)
    return normal


def keep(run: layout.RunLayout, name: str, source: "Any", existing: "Any" = None, replace: bool = False) -> int:
    """Copy a file or a stream into the record as the artifact `name`; return its size in bytes.

    Args:
        run: the record.
        name: the artifact's name, from `artifact_name`.
        source: a path, or a stream to read from where it stands (text is kept as UTF-8).
        existing: the file that the run has under this name so far, or None.
        replace: take the place of another artifact of that name.

    Raises:
        UserErrorException: there is no such file, or the run has other content under that name.
        RecordException: the record can't be written.
    """
    opened = hasattr(source, "read")
    if not opened:
        source = _checked_file(name, source)
    target = os.path.join(run.artifacts, name)
    temporary = os.path.join(run.root, ".artifact-%d-%s.tmp" % (os.getpid(), os.urandom(4).hex()))
    try:
        size = _copy_stream(source, temporary, run) if opened else _copy_file(source, temporary, run)
        if existing is not None and not replace and not same_content(existing, temporary):
            raise _conflict(name)
        _put(temporary, target, name, replace, run)
    finally:
        try:
            os.unlink(temporary)
        except OSError:
            pass
    return size


def copy_out(source: str, target: str) -> None:
    """Copy an artifact to a path of the caller's; directories are made, a file there is replaced, whole or not at all.

    Raises:
        UserErrorException: it can't be written there.
    """
    try:
        if os.path.exists(target) and os.path.samefile(source, target):
            return
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        temporary = "%s.%d-%s.tmp" % (target, os.getpid(), os.urandom(4).hex())
        try:
            with open(source, "rb") as stream, open(temporary, "wb") as out:
                _pump(stream, out)
            os.rename(temporary, target)
        except BaseException:
            try:
                os.unlink(temporary)
            except OSError:
                pass
            raise
    except OSError as error:
        raise UserErrorException("%s can't be written: %s" % (target, error.strerror or error)) from None


def files_below(name: str, folder: str) -> "List[Tuple[str, str]]":
    """Return (artifact name, path) of each file below a folder, sorted; names keep the paths relative to it.

    Raises:
        UserErrorException: there is no such folder.
    """
    if not os.path.isdir(folder):
        raise UserErrorException("there is no folder %s to keep as %s" % (folder, name))
    found = []
    for directory, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(directory, file)
            if os.path.isfile(path):
                found.append((artifact_name(os.path.join(name, os.path.relpath(path, folder))), path))
    return sorted(found)


def same_content(one: str, other: str) -> bool:
    """Say whether two files hold the same bytes."""
    with open(one, "rb") as first, open(other, "rb") as second:
        if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
            return False
        while True:
            block = first.read(_BLOCK)
            if block != second.read(_BLOCK):
                return False
            if not block:
                return True


def _checked_file(name: str, source: "Any") -> str:
    if not isinstance(source, str) and not hasattr(source, "__fspath__"):
        raise UserErrorException("%s: give a path or a stream to keep, not a %s" % (name, type(source).__name__))
    path = os.fspath(source)
    if not os.path.isfile(path):
        found = "is a folder; use run.upload_folder" if os.path.isdir(path) else "is not a file that is there"
        raise UserErrorException("%s, to be kept as %s, %s" % (path, name, found))
    return str(path)


def _copy_file(source: str, temporary: str, run: layout.RunLayout) -> int:
    try:
        stream = open(source, "rb")
    except OSError as error:
        raise UserErrorException("%s can't be read: %s" % (source, error.strerror or error)) from None
    with stream:
        return _copy_stream(stream, temporary, run)


def _copy_stream(stream: "Any", temporary: str, run: layout.RunLayout) -> int:
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, layout.FILE_MODE)
        with os.fdopen(descriptor, "wb") as out:
            return _pump(stream, out)
    except OSError as error:
        raise record_error(error, run.root, "the file") from error


def _pump(stream: "Any", out: "BinaryIO") -> int:
    size = 0
    while True:
        block = stream.read(_BLOCK)
        if not block:
            return size
        size += out.write(block.encode("utf-8") if isinstance(block, str) else block)


def _put(temporary: str, target: str, name: str, replace: bool, run: layout.RunLayout) -> None:
    """Link the finished copy into place, so that of two processes with the same name one sees the other's file."""
    try:
        _make_directory(os.path.dirname(target))
        if replace:
            os.rename(temporary, target)
        else:
            exclusive.place(temporary, target)
    except FileExistsError:
        if not os.path.isfile(target) or not same_content(target, temporary):
            raise _conflict(name) from None
    except (NotADirectoryError, IsADirectoryError):
        raise _conflict(name) from None
    except OSError as error:
        raise record_error(error, run.artifacts, "the artifact %s" % name) from error


def _make_directory(path: str) -> None:
    if not os.path.isdir(path):
        _make_directory(os.path.dirname(path))
        try:
            os.mkdir(path, layout.DIRECTORY_MODE)
        except FileExistsError:
            if not os.path.isdir(path):
                raise


def _conflict(name: str) -> UserErrorException:
    return UserErrorException(
        "Resource Conflict: the run has a different artifact named %s already, and artifacts are never changed; "
        "choose another name" % name
    )
