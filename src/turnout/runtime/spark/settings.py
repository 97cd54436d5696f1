"""Spark's settings (`spark.…` properties): read, joined and checked. Pure.

Names and meanings are those of Spark's "Configuration" and "Submitting Applications".
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from turnout.runtime import redaction

LOCAL = "local[*]"
"""The master of a run whose target names none: all processors of the machine."""

STANDALONE, YARN, KUBERNETES, IN_PROCESS = "standalone", "yarn", "kubernetes", "local"

MASTER = "spark.master"
DEPLOY_MODE = "spark.submit.deployMode"
EXECUTOR_VARIABLE = "spark.executorEnv."
MASTER_VARIABLE = "spark.yarn.appMasterEnv."

_LOCAL_MASTER = re.compile(r"local(\[(\*|\d+)(,\d+)?\]|-cluster\[\d+,\d+,\d+\])?")
_STANDALONE_MASTER = re.compile(r"spark://[^\s/,]+:\d+(,[^\s/,]+:\d+)*")
_NAME = re.compile(r"spark\.[A-Za-z0-9_.\-]+")
_MEMORY = re.compile(r"\s*([0-9]+)(b|[kmgtp]b?)?\s*", re.IGNORECASE)
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


class SettingsError(ValueError):
    """A setting that can't be used; the message is one line that names it and the way out."""


def kind_of(master: str) -> str:
    """Return which cluster manager a master URL names.

    Raises:
        SettingsError: none that Spark has.
    """
    if _LOCAL_MASTER.fullmatch(master):
        return IN_PROCESS
    if _STANDALONE_MASTER.fullmatch(master):
        return STANDALONE
    if master == "yarn":
        return YARN
    if master.startswith("k8s://") and len(master) > len("k8s://"):
        return KUBERNETES
    raise SettingsError(
        "%r is no Spark master; give spark://HOST:PORT, yarn, k8s://HOST:PORT, or local[*] for this machine" % master
    )


def addresses(master: str) -> List[Tuple[str, int]]:
    """Return host and port of each master that a standalone URL names; several stand by for each other."""
    found = []
    for part in master[len("spark://") :].split(","):
        host, _, port = part.rpartition(":")
        found.append((host.strip("[]"), int(port)))
    return found


def checked(settings: Mapping[str, Any]) -> Dict[str, str]:
    """Return settings as Spark takes them, all text.

    Raises:
        SettingsError: a name that Spark would ignore, or a value that can't be one.
    """
    found: Dict[str, str] = {}
    for name, value in settings.items():
        if not _NAME.fullmatch(str(name)):
            raise SettingsError(
                "%r is no setting of Spark's: they begin with spark., such as spark.executor.memory" % str(name)
            )
        if value is None:
            continue
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            found[name] = str(value)
        else:
            raise SettingsError("the setting %s is text or a number, not %r" % (name, value))
        if "\n" in found[name] or "\0" in found[name]:
            raise SettingsError("the setting %s has a line break" % name)
    for name in ("spark.executor.memory", "spark.driver.memory"):
        if name in found:
            memory(name, found[name])
    mode = found.get(DEPLOY_MODE)
    if mode is not None and mode not in ("client", "cluster"):
        raise SettingsError("%s is client or cluster, not %r" % (DEPLOY_MODE, mode))
    return found


def memory(name: str, text: str, unit: str = "m") -> int:
    """Return the bytes that a size of Spark's means, such as `2g`; a number alone counts `unit`s.

    Raises:
        SettingsError: it is no size; `name` is that of the setting.
    """
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise SettingsError("%s is a size such as 512m or 4g, not %r" % (name, text))
    return int(match.group(1)) * _UNITS[(match.group(2) or unit)[0].lower()]


def parse_properties(text: str) -> Dict[str, str]:
    """Read a `spark-defaults.conf`: a name and a value a line, divided by blanks, `=` or `:`; `#` begins a remark."""
    found = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#!":
            continue
        name, value = re.match(r"(\S+?)(?:\s*[=:]\s*|\s+|$)(.*)", line).groups()  # type: ignore[union-attr]
        found[name] = value.strip()
    return found


def refuse_secrets(settings: Mapping[str, str], names: Iterable[str], values: Iterable[str]) -> None:
    """Refuse settings that would show a secret: Spark shows them all, in its web page and in the event log.

    Args:
        settings: what was asked for.
        names: the names of the run's secrets.
        values: their values.

    Raises:
        SettingsError: one of them is asked for on executors, or stands in a setting.
    """
    secret_names = set(names)
    secret_values = [value for value in values if len(value) >= redaction.SHORTEST]
    for name, value in settings.items():
        for prefix in (EXECUTOR_VARIABLE, MASTER_VARIABLE):
            if name.startswith(prefix) and name[len(prefix) :] in secret_names:
                raise SettingsError(
                    "the secret %s can't be given to executors (%s): Spark shows their variables in its web page and in the "
                    "event log; use it on the driver only, or have executors read it from a store of the cluster's"
                    % (name[len(prefix) :], name)
                )
        if any(secret in value for secret in secret_values):
            raise SettingsError(
                "the setting %s holds the value of a secret: Spark shows settings in its web page and in the event log; "
                "read the secret in the script, from its variable" % name
            )


def asked_memory(settings: Mapping[str, str]) -> int:
    """Return the bytes of memory that one executor is to have (`spark.executor.memory`, 1 GB by default)."""
    return memory("spark.executor.memory", settings.get("spark.executor.memory") or "1g")


def asked_cores(settings: Mapping[str, str]) -> int:
    """Return the processors without which no executor starts on a standalone cluster (`spark.executor.cores`)."""
    text = settings.get("spark.executor.cores") or "1"
    if not re.fullmatch("[0-9]+", text) or int(text) < 1:
        raise SettingsError("spark.executor.cores is a number from 1 on, not %r" % text)
    return int(text)


def of_run(definition: Mapping[str, Any]) -> Dict[str, str]:
    """Return the settings of a run: its own over its target's.

    Args:
        definition: the content of run.json.

    Raises:
        SettingsError: one can't be used.
    """
    target = (definition.get("target") or {}).get("spark") or {}
    own = ((definition.get("configuration") or {}).get("spark") or {}).get("configuration") or {}
    return {**checked(target.get("conf") or {}), **checked(own)}


def master_of(definition: Mapping[str, Any], settings: Optional[Mapping[str, str]] = None) -> str:
    """Return the master of a run: that of its own settings, else its target's, else `local[*]`."""
    target = (definition.get("target") or {}).get("spark") or {}
    own = of_run(definition) if settings is None else settings
    return own.get(MASTER) or str(target.get("master") or LOCAL)
