"""What a machine has of Spark, for the person who attaches it: Spark, Java, the cluster's master."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Dict, Mapping, Tuple

from turnout.runtime import layout
from turnout.runtime.spark import http, installation, settings
from turnout.runtime.spark.master import Master, workers

VARIABLES = (
    *("SPARK_HOME", "SPARK_CONF_DIR", "JAVA_HOME"),
    *("HADOOP_HOME", "HADOOP_CONF_DIR", "HADOOP_YARN_HOME", "YARN_CONF_DIR", "HIVE_CONF_DIR", "KRB5_CONFIG"),
)
"""Variables by which Spark and Hadoop find their parts; a login sets them, and a run's supervisor has none."""

_LOGIN_SECONDS = 20.0


def spark(home: layout.Home, request: Dict[str, Any], content: bytes) -> Tuple[Dict[str, Any], bytes]:
    """Reply with `home` and `version` of Spark, `java` and `java_version`, `master`, `variables`, and what is missing.

    Args:
        home: this account's home.
        request: `spark`, what the target says of it.
        content: not used.
    """
    said: Dict[str, Any] = request["spark"]
    variables = _login_variables()
    reply: Dict[str, Any] = {"missing": []}
    named = str(said.get("home") or "")
    version: Tuple[int, ...] = ()
    try:
        found = installation.spark(variables, named, beside=str(said.get("beside") or ""))
        version = found.version
        reply.update(home=found.home, version=found.shown())
    except installation.NotFound as error:
        reply["missing_named" if named else "missing"] = str(error) if named else [str(error)]
    try:
        java = installation.java(variables, version)
        reply.update(java=java.home, java_version=java.version)
    except installation.NotFound as error:
        reply["missing"].append(str(error))
    master = str(said.get("master"))
    if settings.kind_of(master) == settings.STANDALONE:
        reply["master"] = _master(Master(master, said.get("pages")))
    kept = {name: variables[name] for name in VARIABLES if variables.get(name)}
    if reply.get("home"):
        kept.setdefault("SPARK_HOME", reply["home"])
    if reply.get("java"):
        kept.setdefault("JAVA_HOME", reply["java"])
    reply["variables"] = kept
    return reply, b""


def _master(master: Master) -> Dict[str, Any]:
    trouble = master.trouble()
    if trouble:
        return {"trouble": trouble}
    try:
        state = master.state()
    except http.NoAnswer as error:
        return {"page": None, "no_page": str(error)}
    living = workers(state)
    return {
        "page": state["page"],
        "status": state.get("status"),
        "workers": len(living),
        "cores": sum(int(each.get("cores") or 0) for each in living),
        "memory": sum(int(each.get("memory") or 0) for each in living) << 20,
    }


def _login_variables() -> Dict[str, str]:
    """Return this process's variables, and what a login of this account adds to them."""
    values = dict(os.environ)
    shell = values.get("SHELL") or "/bin/sh"
    if os.path.basename(shell) not in ("sh", "bash", "dash", "zsh", "ksh"):
        shell = "/bin/sh"
    try:
        asked = subprocess.run(
            [shell, "-l", "-c", "env -0"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_LOGIN_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return values
    return {**values, **_added(asked.stdout)}


def _added(output: bytes) -> Mapping[str, str]:
    found = {}
    for number, item in enumerate(output.split(b"\0")):
        if number == 0:
            item = item.rpartition(b"\n")[2]  # before it stands what the login itself has written
        name, equals, value = os.fsdecode(item).partition("=")
        if equals and (name in VARIABLES or name == "PATH"):
            found[name] = value
    return found
