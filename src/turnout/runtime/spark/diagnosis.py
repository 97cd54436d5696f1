"""Says in one line why a driver failed, from what Spark wrote to its log. Pure, but for reading the log's end."""

from __future__ import annotations

import re

_TAIL = 1 << 20
_UNRESOLVED = re.compile(r"::\s+([\w.\-]+#[\w.\-]+;[\w.\-]+): (?:not found|[^\n]*)")
_NO_PYTHON = re.compile(r"turnout: (the executor on \S+ has no Python [^\n]*)")
_PYTHONS = re.compile(
    r"(?:Python in worker has different version|worker_version\W+)[^\d\n]*(\d+)(?:\.|, )(\d+)"
    r"[^\n\d]*?driver[^\d\n]*(\d+\.\d+)"
)
_SUBMITTED = re.compile(r"Submitted application (application_\d+_\d+)")
_CLASS_VERSION = re.compile(r"UnsupportedClassVersionError")


def of_log(path: str) -> str:
    """Return why the driver whose log this is failed; an empty string when that isn't one of the known reasons."""
    return of_text(_end_of(path))


def of_text(text: str) -> str:
    """Return the reason that a driver's output shows; see `of_log`."""
    found = _NO_PYTHON.search(text)
    if found:
        return found.group(1).strip()
    if "PYTHON_VERSION_MISMATCH" in text or "Python in worker has different version" in text:
        found = _PYTHONS.search(text)
        told = " (Python %s.%s there, %s on the driver)" % found.groups() if found else ""
        return (
            "the executors' Python has another minor version than the driver's%s: leave spark.pyspark.python and "
            "PYSPARK_PYTHON out, or choose an environment whose Python the cluster has" % told
        )
    if "UNRESOLVED DEPENDENCIES" in text or "unresolved dependency" in text:
        names = sorted({match.replace("#", ":").replace(";", ":") for match in _UNRESOLVED.findall(text)})
        return (
            "Spark packages can't be resolved%s; check name and version, or add a repository to environment.spark"
            % (": " + ", ".join(names) if names else "")
        )
    if "All masters are unresponsive" in text:
        return "the Spark master stopped answering while the script began"
    if _CLASS_VERSION.search(text):
        return "this Java is too old for this Spark: set JAVA_HOME to a newer one"
    return ""


def submitted(path: str) -> str:
    """Return the id of the application that `spark-submit` says it has submitted to YARN; an empty string for none."""
    found = _SUBMITTED.search(_end_of(path))
    return found.group(1) if found else ""


def _end_of(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _TAIL))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
