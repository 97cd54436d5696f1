"""Remembers what a person's own interpreter said of itself, for as long as all that it looked at stays as it was.

Asking costs a start of that interpreter, as much as a short script takes: a sweep of many would ask it again for each trial.
What it looked at is seen by stat(2): the interpreter, and where it looks for packages, the metadata of each and whatever
can add a directory. A time that is younger than two seconds, or lies in the future, proves nothing: then it isn't remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from turnout.runtime import layout, records
from turnout.runtime.builders import inspection

_YOUNG_NS = 2 * 10**9
_CUSTOMIZE = ("sitecustomize.py", "usercustomize.py")


class Question:
    """What is asked of an interpreter, or was: a `inspection.Pending` that may have its answer already.

    Attributes:
        pid: the process that answers; 0 when none has to.

    Args:
        home: this machine's home.
        interpreter: path of a Python.
    """

    def __init__(self, home: layout.Home, interpreter: str) -> None:
        self._file = file_name(home, interpreter)
        self._interpreter = interpreter
        self._began = time.time_ns()
        self._answer = _recall(self._file, interpreter)
        self._pending = None if self._answer is not None else inspection.begin(interpreter)
        self.pid = 0 if self._pending is None else self._pending.pid

    def finish(self, timeout: float) -> Dict[str, Any]:
        """Return what `inspection.Pending.finish` returns, at once if nothing has changed since it was asked last."""
        if self._pending is None:
            assert self._answer is not None
            return self._answer
        answer = self._pending.finish(timeout)
        if "error" not in answer:
            try:
                _remember(self._file, self._interpreter, self._pending.path, answer, self._began - _YOUNG_NS)
            except OSError:
                pass  # it is asked again, then: not worth a failure of the run
        return answer


def file_name(home: layout.Home, interpreter: str) -> str:
    """Return the file that holds the answer; hosts that share a home, and accounts, have one each."""
    asked = json.dumps([os.uname().nodename, os.environ.get("HOME"), interpreter])
    return os.path.join(home.interpreters, hashlib.sha256(asked.encode("utf-8")).hexdigest()[:32] + ".json")


def _recall(file: str, interpreter: str) -> Optional[Dict[str, Any]]:
    try:
        kept = records.read_json(file)
        if kept["seen"] == _look(interpreter, kept["path"])[0]:
            return {"python": dict(kept["python"]), "packages": list(kept["packages"])}
    except (OSError, ValueError, LookupError, TypeError):
        pass  # never asked, or damaged
    return None


def _remember(file: str, interpreter: str, path: List[str], answer: Dict[str, Any], settled: int) -> None:
    """Keep an answer, if all that it rests on was as it is at `settled`, in ns of the clock."""
    if os.path.realpath(str(answer["python"].get("executable"))) != os.path.realpath(interpreter):
        return  # a script that chooses an interpreter, by something that can't be seen from here
    seen, newest = _look(interpreter, path)
    if newest >= settled:
        return
    os.makedirs(os.path.dirname(file), layout.DIRECTORY_MODE, exist_ok=True)
    records.write_json(file, {"interpreter": interpreter, "path": path, "seen": seen, **answer})


def _look(interpreter: str, path: List[str]) -> Tuple[str, int]:
    """Return a digest of how all looks that an answer rests on, and the latest time found there, in ns."""
    found: List[Any] = [os.path.realpath(interpreter)]
    newest = 0
    for file in _files(interpreter, path):
        try:
            it = os.stat(file)
        except (OSError, ValueError):
            found.append(file)
            continue
        newest = max(newest, it.st_mtime_ns, it.st_ctime_ns)
        found += (file, it.st_dev, it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns)
    for directory in path:  # what was removed from it has left no other trace
        try:
            newest = max(newest, os.stat(directory).st_mtime_ns)
        except (OSError, ValueError):
            pass
    return hashlib.sha256(json.dumps(found).encode("utf-8")).hexdigest(), newest


def _files(interpreter: str, path: List[str]) -> Iterator[str]:
    """Yield the files that an interpreter's answer rests on, also those that aren't there."""
    yield interpreter
    directory = os.path.dirname(interpreter)
    for beside in (directory, os.path.dirname(directory)):
        yield os.path.join(beside, "pyvenv.cfg")
    for directory in path:
        beginning = directory + os.sep  # os.path.join takes as long as the stat(2) that follows
        for name in _CUSTOMIZE:
            yield beginning + name
        try:
            names = sorted(os.listdir(directory))
        except (OSError, ValueError):
            continue  # an archive, or a directory that isn't there
        for name in names:
            if name.endswith(".pth"):
                yield beginning + name
            elif name.endswith(".dist-info"):
                yield beginning + name + "/METADATA"
                yield beginning + name + "/direct_url.json"
            elif name.endswith(".egg-info") or name == "EGG-INFO":
                yield beginning + name
                yield beginning + name + "/PKG-INFO"
                yield beginning + name + "/direct_url.json"
