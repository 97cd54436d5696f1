"""Builds a virtual environment from a lock of pip requirements, with uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any, BinaryIO, Dict, List, Mapping, Optional

from turnout.runtime import layout, records
from turnout.runtime.builders import BuildFailed, Built, inspection, shelf

TOOL_VARIABLE = "TURNOUT_UV"

_PIP_TO_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "PYTHONPATH", "PYTHONHOME")


def find(environment: Dict[str, Any], home: layout.Home) -> Optional[Built]:
    """Return the environment if it is on the shelf."""
    return shelf.find(home, str(environment.get("key")))


def build(environment: Dict[str, Any], home: layout.Home, log: BinaryIO) -> Built:
    """Make the virtual environment that the lock describes."""
    return shelf.build_once(home, str(environment.get("key")), log, lambda into: _make(environment, home, log, into))


def tool(home: layout.Home) -> str:
    """Return the path of uv: TURNOUT_UV, what the submitter provided, else the first on the path.

    Raises:
        BuildFailed: there is none.
    """
    provided = os.path.join(home.tools, "uv")
    for candidate in (os.environ.get(TOOL_VARIABLE), provided, shutil.which("uv")):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise BuildFailed("uv is not there: reinstall turnout (it comes with it), or set %s" % TOOL_VARIABLE)


def _make(environment: Dict[str, Any], home: layout.Home, log: BinaryIO, into: str) -> Dict[str, Any]:
    uv = tool(home)
    began = time.monotonic()
    lock = environment.get("lock") or {}
    _run([uv, "venv", "--no-project", "--python", str(environment.get("python")), into], log, into)
    interpreter = os.path.join(into, "bin", "python")
    text = str(lock.get("requirements") or "")
    if text.strip():
        path = into + ".requirements.txt"
        records.write_atomic(path, text.encode("utf-8"))
        try:
            _run([uv, "pip", "sync", "--python", interpreter, *(lock.get("options") or []), path], log, into)
        finally:
            os.unlink(path)
    facts: Dict[str, Any] = {"kind": "uv", "key": environment.get("key"), "interpreter": interpreter}
    facts.update(inspection.inspect(interpreter))
    facts.update({"built": time.time(), "seconds": round(time.monotonic() - began, 3)})
    return facts


def variables(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return uv's environment: the person's, with pip's variables under uv's names, since uv does not read pip's.

    What would name another virtual environment or project is left out.
    """
    values = {name: value for name, value in environ.items() if name not in _MISLEADING}
    for pip, uv in _PIP_TO_UV.items():
        value = values.get(pip, "")
        if uv == "UV_FIND_LINKS":
            value = ",".join(item for item in value.split() if "://" in item or os.path.exists(item))
        if value:
            values.setdefault(uv, value)
    return values


def _run(argv: List[str], log: BinaryIO, into: str) -> None:
    """Run uv; its output goes to the log as it comes. Raises BuildFailed with its last words."""
    log.write(("$ uv %s\n" % " ".join(argv[1:])).encode("utf-8", "surrogateescape"))
    # What the supervisor inherited may name another virtual environment or project.
    values = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON")
    }
    try:
        process = subprocess.Popen(
            argv, env=values, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        raise BuildFailed("uv can't be started: %s" % error) from error
    words: List[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        log.write(line)
        words.append(line.decode("utf-8", "replace").strip())
    if process.wait():
        raise BuildFailed("the environment can't be built: %s" % said(words))


def said(words: List[str]) -> str:
    """Return what uv said of a failure, in one line: its error and what it gives as the cause."""
    told = [word for word in words if word and not word.startswith(("$", "Using ", "Creating ", "Activate "))]
    for position, word in enumerate(told):
        if word.startswith(("error", "×", "x ", "Failed")):
            told = told[position:]
            break
    plain = [word.strip("×╰─▶│├^ ") for word in told[:12]]
    line = " ".join(word for word in plain if word)
    return line[7:600] if line.startswith("error: ") else line[:600] or "uv said nothing"
