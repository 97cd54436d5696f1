"""Looks at the machine for a run that is about to be launched by spark-submit, and packs what its executors lack."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from turnout.runtime import layout
from turnout.runtime.launchers import CannotLaunch, Context
from turnout.runtime.spark import http, installation, packing, ports, settings
from turnout.runtime.spark.master import Master, sees_this_home

if TYPE_CHECKING:
    from turnout.runtime.builders.contract import Built


def find(context: Context, built: Built) -> Dict[str, Any]:
    """Return what `SparkLauncher.command` depends on.

    Returns:
        `submit`, `spark_home`, `spark_version`, `java_home`, `java_version`; `defaults`; `visible`, whether executors see
        this machine's files, and then `run_variables`, else the archives `environment` and `files`; `code`, `runtime`,
        `event_log`, directories; `variables` for executors; `address`, by which they find the driver.

    Raises:
        CannotLaunch: Spark or Java isn't there, or something doesn't suit the run.
    """
    if built.image is not None:
        raise CannotLaunch("spark-submit doesn't start a script in a container; choose a uv or conda environment")
    target = (context.definition.get("target") or {}).get("spark") or {}
    try:
        own = settings.of_run(context.definition)
        master = settings.master_of(context.definition, own)
        kind = settings.kind_of(master)
        settings.refuse_secrets(own, context.secrets, context.secrets.values())
        in_process = kind == settings.IN_PROCESS
        spark = installation.spark(
            context.variables,
            named=str(target.get("home") or ""),
            prefix=built.prefix or "",
            beside=str(target.get("beside") or ""),
            own=in_process,
        )
        java = installation.java(context.variables, spark.version)
    except (settings.SettingsError, installation.NotFound) as error:
        raise CannotLaunch(str(error)) from error
    _check_python(own, context.variables, built.interpreter)
    os.makedirs(context.run.spark_events, layout.DIRECTORY_MODE, exist_ok=True)
    found: Dict[str, Any] = {
        "submit": spark.submit,
        "spark_home": spark.home,
        "spark_version": spark.shown(),
        "java_home": java.home,
        "java_version": java.version,
        "defaults": installation.defaults(spark.home, context.variables),
        "visible": in_process or bool(target.get("shared_home")),
        "code": context.run.code,
        "runtime": context.runtime,
        "event_log": context.run.spark_events,
        "variables": _for_executors(context.definition),
    }
    if kind == settings.STANDALONE:
        found["address"] = ports.towards(*settings.addresses(master)[0])
        found["visible"] = found["visible"] or _is_all_here(Master(master, target.get("pages")))
    if found["visible"]:
        found["run_variables"] = _run_variables(context)
    else:
        _pack(context, built, found)
    return found


def describe(found: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the record keeps of it: no settings of the installation's, which may hold passwords."""
    kept = ("submit", "spark_home", "spark_version", "java_home", "java_version", "visible", "address")
    return {name: found[name] for name in kept if found.get(name) not in (None, "")}


def _is_all_here(master: Master) -> bool:
    try:
        return sees_this_home(master.state())
    except http.NoAnswer:
        return False


def _for_executors(definition: Mapping[str, Any]) -> Dict[str, str]:
    """Return the variables that the run and its environment set: executors get them, too, as the driver does."""
    values = dict((definition.get("environment") or {}).get("variables") or {})
    values.update((definition.get("variables") or {}).get("configured") or {})
    return {name: str(value) for name, value in values.items() if name not in ("PATH", "HOME")}


def _run_variables(context: Context) -> Dict[str, str]:
    definition = context.definition
    return {
        layout.HOME_VARIABLE: context.home.root,
        layout.WORKSPACE_VARIABLE: str((definition.get("workspace") or {}).get("name") or ""),
        layout.RUN_DIRECTORY_VARIABLE: context.run.root,
        layout.RUN_ID_VARIABLE: context.run.run_id,
        layout.EXPERIMENT_VARIABLE: str(definition.get("experiment") or ""),
    }


def _pack(context: Context, built: Built, found: Dict[str, Any]) -> None:
    run = context.run
    version = _version(built.interpreter)
    prefix = built.prefix or _own_prefix(built.interpreter)
    # An environment that was built here never changes, so its archive is kept beside it and goes with it.
    place = built.prefix if built.prefix and built.facts is not None else None
    archive = os.path.join(place or run.shipped, "executors.tar.gz")
    try:
        found["environment"] = packing.environment(archive, prefix, built.interpreter, version)
        names = packing.snapshot_files(run.code, run.manifest)
        found["files"] = packing.files(os.path.join(run.shipped, "files.tar.gz"), run.code, names, context.runtime)
    except OSError as error:
        raise CannotLaunch("what executors need can't be packed: %s" % error) from error


def _own_prefix(interpreter: str) -> Optional[str]:
    """Return the virtual environment of an interpreter that a person has named; None when it is in none."""
    prefix = os.path.dirname(os.path.dirname(interpreter))
    return prefix if os.path.exists(os.path.join(prefix, "pyvenv.cfg")) else None


def _check_python(own: Mapping[str, str], variables: Mapping[str, str], interpreter: str) -> None:
    """Refuse another version of Python for executors than the driver's, where that can be seen from here.

    Spark itself says so in the trace of the first task that fails.
    """
    named = own.get("spark.pyspark.python")
    if named is None or not os.path.isabs(named) or not os.path.exists(named):
        return
    here, there = _version(interpreter), _version(named)
    if here and there and here != there:
        raise CannotLaunch(
            "executors would use Python %s (spark.pyspark.python=%s), and the driver has Python %s: Spark needs the same "
            "minor version on both; leave the setting out, or choose an environment with Python %s"
            % (there, named, here, there)
        )


def _version(interpreter: str) -> str:
    """Return an interpreter's version, such as "3.11"; an empty string when it doesn't tell."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        asked = subprocess.run(
            [interpreter, "-I", "-S", "-c", code], stdin=subprocess.DEVNULL, capture_output=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.decode("ascii", "replace").strip()
