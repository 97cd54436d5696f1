"""Finds Spark and Java on this machine, and says whether they go together."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
from typing import Dict, List, Mapping, NamedTuple, Tuple

from turnout.runtime.spark import settings

_SUBMIT = "bin/spark-submit"
_CORE = re.compile(r"spark-core_[\d.]+-(\d+)\.(\d+)\.(\d+)[^/]*\.jar")
_RELEASE = re.compile(r'JAVA_VERSION="([^"]+)"')
_SAID = re.compile(r'version "([^"]+)"')
_JAVA_PLACES = (
    "/usr/lib/jvm/default-java",
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
)
_JAVA_NEEDED = ((4, 17), (3, 8))
"""By Spark's major version the oldest Java that it runs on (Spark's "Overview"); the newest first."""


class NotFound(Exception):
    """Spark or Java isn't there, or they don't go together; the message is one line with the way out."""


class Spark(NamedTuple):
    """An installation of Spark: its directory, and its version such as (4, 0, 1), or () when it doesn't tell."""

    home: str
    version: Tuple[int, ...]

    @property
    def submit(self) -> str:
        """The command that submits applications."""
        return os.path.join(self.home, _SUBMIT)

    def shown(self) -> str:
        """Return the version as text."""
        return ".".join(map(str, self.version)) or "of an unknown version"


class Java(NamedTuple):
    """A Java: its directory (JAVA_HOME), and its major version such as 17, 0 when it doesn't tell."""

    home: str
    version: int


def spark(
    variables: Mapping[str, str], named: str = "", prefix: str = "", beside: str = "", own: bool = False
) -> Spark:
    """Find Spark.

    Args:
        variables: the run's, of which SPARK_HOME and PATH count.
        named: what the target says (`--spark-home`); nothing else counts then.
        prefix: the run's environment, which may hold the package pyspark.
        beside: the pyspark that is installed with Turnout, if there is one.
        own: whether the environment's comes before the machine's.

    Raises:
        NotFound: there is none, or the one that is named isn't one.
    """
    if named:
        if not _is_spark(named):
            raise NotFound("there is no Spark in %s (no %s): correct the target's --spark-home" % (named, _SUBMIT))
        return Spark(named, _version(named))
    bins = [part for part in (variables.get("PATH") or "").split(os.pathsep) if part != os.path.join(prefix, "bin")]
    submit = shutil.which("spark-submit", path=os.pathsep.join(bins)) if bins else None
    machine = [variables.get("SPARK_HOME") or "", _home_of(submit) if submit else ""]
    packages = glob.glob(os.path.join(glob.escape(prefix), "lib/python*/site-packages/pyspark")) if prefix else []
    for home in [*packages, *machine] if own else [*machine, *packages]:
        if home and _is_spark(home):
            return Spark(home, _version(home))
    if beside and _is_spark(beside):
        return Spark(beside, _version(beside))
    raise NotFound(
        "no Spark on %s: set SPARK_HOME or the target's --spark-home, or put pyspark into the run's environment "
        "(on the submitter's machine also: pip install 'turnout[spark]')" % os.uname().nodename
    )


def java(variables: Mapping[str, str], version: Tuple[int, ...] = ()) -> Java:
    """Find a Java for a version of Spark: JAVA_HOME, else the first of PATH and the usual places that is new enough.

    Args:
        variables: the run's, of which JAVA_HOME and PATH count.
        version: Spark's; () for any.

    Raises:
        NotFound: there is none, or none that is new enough.
    """
    needed = next((java for spark, java in _JAVA_NEEDED if version and version[0] >= spark), 0)
    where = os.uname().nodename
    wanted = "Spark %s needs Java %d or newer" % (".".join(map(str, version)), needed)
    named = variables.get("JAVA_HOME")
    if named:
        if not os.access(os.path.join(named, "bin/java"), os.X_OK):
            raise NotFound("JAVA_HOME is %s, where there is no bin/java; correct it, or unset it" % named)
        found = Java(named, _java_version(named))
        if found.version and found.version < needed:
            raise NotFound("%s; JAVA_HOME is %s, Java %d" % (wanted, named, found.version))
        return found
    seen: List[Java] = []
    for home in _java_homes(variables):
        found = Java(home, _java_version(home))
        if not found.version or found.version >= needed:
            return found
        seen.append(found)
    if not seen:
        raise NotFound("no Java on %s, which Spark needs: install one (on Debian openjdk-17-jre-headless)" % where)
    there = ", ".join("Java %d in %s" % (each.version, each.home) for each in seen)
    raise NotFound(
        "%s; %s has %s: install one (on Debian openjdk-17-jre-headless), or set JAVA_HOME" % (wanted, where, there)
    )


def defaults(home: str, variables: Mapping[str, str]) -> Dict[str, str]:
    """Return what the installation's `spark-defaults.conf` says; nothing when there is none."""
    directory = variables.get("SPARK_CONF_DIR") or os.path.join(home, "conf")
    try:
        with open(os.path.join(directory, "spark-defaults.conf"), encoding="utf-8", errors="replace") as stream:
            return settings.parse_properties(stream.read())
    except OSError:
        return {}


def _is_spark(home: str) -> bool:
    return os.access(os.path.join(home, _SUBMIT), os.X_OK) and bool(_version(home) or _has_jars(home))


def _has_jars(home: str) -> bool:
    return os.path.isdir(os.path.join(home, "jars"))


def _home_of(submit: str) -> str:
    """Return the Spark that a `spark-submit` on the path belongs to.

    It may be a link into an installation, or the one that the package pyspark puts beside its interpreter.
    """
    home = os.path.dirname(os.path.dirname(os.path.realpath(submit)))
    if _is_spark(home):
        return home
    found = glob.glob(os.path.join(glob.escape(home), "lib/python*/site-packages/pyspark"))
    return found[0] if found else ""


def _version(home: str) -> Tuple[int, ...]:
    try:
        names = os.listdir(os.path.join(home, "jars"))
    except OSError:
        return ()
    for name in names:
        match = _CORE.fullmatch(name)
        if match:
            return tuple(int(part) for part in match.groups())
    return ()


def _java_homes(variables: Mapping[str, str]) -> List[str]:
    homes = []
    found = shutil.which("java", path=variables.get("PATH"))
    if found:
        homes.append(os.path.dirname(os.path.dirname(os.path.realpath(found))))
    for place in _JAVA_PLACES:
        homes.extend(sorted(glob.glob(place), reverse=True))
    there = [os.path.realpath(home) for home in homes if os.access(os.path.join(home, "bin/java"), os.X_OK)]
    return list(dict.fromkeys(there))


def _java_version(home: str) -> int:
    """Return the major version: from the file `release` that every Java since 8 has, else by asking it."""
    try:
        with open(os.path.join(home, "release"), encoding="utf-8", errors="replace") as stream:
            match = _RELEASE.search(stream.read())
    except OSError:
        match = None
    if match is None:
        try:
            asked = subprocess.run(
                [os.path.join(home, "bin/java"), "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20
            )
        except (OSError, subprocess.SubprocessError):
            return 0
        match = _SAID.search(asked.stderr.decode("utf-8", "replace"))
    return major(match.group(1)) if match else 0


def major(text: str) -> int:
    """Return the major version of a Java that calls itself `1.8.0_372`, `17.0.15` or `21`; 0 for anything else."""
    match = re.match(r"(?:1\.)?(\d+)", text)
    return int(match.group(1)) if match else 0
