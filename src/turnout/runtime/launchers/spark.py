"""Starts a script by `spark-submit`: the driver is the run's process, the executors are the cluster's.

Options are those of Spark's "Submitting Applications", settings those of its "Configuration" and of the page of each cluster
manager. The driver runs where the run does (client mode), except on YARN when cluster mode is asked for.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Tuple

from turnout.runtime import layout
from turnout.runtime.launchers import Context, Launcher
from turnout.runtime.launchers.companion import Companion
from turnout.runtime.spark import packing, settings

V1_NAME = "Azure ML Experiment"
"""The application's name that v1 put into every configuration."""

_ELSEWHERE = "elsewhere.py"


class SparkLauncher(Launcher):
    """`spark-submit … SCRIPT ARGUMENTS…`."""

    def find(self, context: Context, built: Any) -> Dict[str, Any]:
        """Return Spark, Java, what executors can see of this machine, and the archives of what they can't."""
        from turnout.runtime.spark import finding

        return finding.find(context, built)

    def describe(self, found: Dict[str, Any]) -> Dict[str, Any]:
        """Return which Spark and Java there were, and whether executors saw this machine's files."""
        from turnout.runtime.spark import finding

        return finding.describe(found)

    def companion(self, context: Context) -> Companion:
        """Return what follows the run's application on its cluster."""
        from turnout.runtime.spark.companion import SparkCompanion

        return SparkCompanion(context)

    def command(
        self, definition: Dict[str, Any], rank: int, interpreter: str, found: Dict[str, Any]
    ) -> Tuple[List[str], Dict[str, str]]:
        """Return `spark-submit` with its options, the script and its arguments, and the variables that it needs.

        What the run or its target or the installation's `spark-defaults.conf` says stands above what Turnout would set.
        """
        configuration = definition.get("configuration") or {}
        own = settings.of_run(definition)
        master = settings.master_of(definition, own)
        mode = deploy_mode(definition)
        ours = _ours(definition, master, mode, interpreter, found)
        defaults = found.get("defaults") or {}
        passed = {name: value for name, value in own.items() if _is_passed(name, value, master)}
        chosen = {name: value for name, value in ours.items() if name not in defaults}
        chosen.update(passed)
        for name, sign in (
            ("spark.archives", ","),
            (settings.EXECUTOR_VARIABLE + "PYTHONPATH", os.pathsep),
            (settings.MASTER_VARIABLE + "PYTHONPATH", os.pathsep),
        ):
            if name in ours:  # joined: neither does what the other does
                chosen[name] = sign.join(filter(None, [ours[name], own.get(name) or defaults.get(name)]))
        argv = [str(found["submit"]), "--master", master, "--deploy-mode", mode]
        packages = ((definition.get("environment") or {}).get("definition") or {}).get("spark") or {}
        if packages.get("repositories"):
            argv += ["--repositories", ",".join(map(str, packages["repositories"]))]
        if packages.get("packages"):
            argv += ["--packages", ",".join(coordinate(each) for each in packages["packages"])]
        for name in sorted(chosen):
            argv += ["--conf", "%s=%s" % (name, chosen[name])]
        script = str(configuration.get("script"))
        if mode == "cluster":  # the driver begins in a directory of YARN's
            code = str(found["code"])
            argv += [os.path.join(str(found["runtime"]), "turnout/runtime/spark", _ELSEWHERE), code]
        argv += [script, *map(str, definition.get("arguments") or [])]
        variables = {"SPARK_HOME": str(found["spark_home"])}
        if found.get("java_home"):
            variables["JAVA_HOME"] = str(found["java_home"])
        return argv, variables


def deploy_mode(definition: Mapping[str, Any]) -> str:
    """Return where a run's driver runs: `client` (where the run does) or `cluster`.

    v1's `hdi.yarn_deploy_mode` is `cluster` in every configuration, also where nobody has chosen it. It is followed on a
    YARN target whose nodes see the run's record, and nowhere else: the driver's reports would be lost.

    Raises:
        settings.SettingsError: cluster mode is asked for where it can't be.
    """
    own = settings.of_run(definition)
    kind = settings.kind_of(settings.master_of(definition, own))
    target = (definition.get("target") or {}).get("spark") or {}
    asked = own.get(settings.DEPLOY_MODE)
    if asked is None:
        v1 = str(((definition.get("configuration") or {}).get("hdi") or {}).get("yarnDeployMode") or "").lower()
        return "cluster" if kind == settings.YARN and v1 == "cluster" and target.get("shared_home") else "client"
    if asked == "client":
        return asked
    way = "leave %s out, or set it to client" % settings.DEPLOY_MODE
    if kind == settings.STANDALONE:
        raise settings.SettingsError("a standalone Spark cluster has no cluster mode for Python applications; %s" % way)
    if kind != settings.YARN:
        raise settings.SettingsError(
            "cluster mode on %s is not carried out: the driver's reports would be lost; %s" % (kind, way)
        )
    if not target.get("shared_home"):
        raise settings.SettingsError(
            "in cluster mode the driver runs on a node of the cluster, which has to see the run's record: say that it does "
            "(turnout target update --shared-home), or " + way
        )
    return asked


def coordinate(package: Mapping[str, Any]) -> str:
    """Return a Spark package as Maven names it, `group:artifact:version`."""
    return ":".join(str(package.get(part) or "") for part in ("group", "artifact", "version"))


def _is_passed(name: str, value: str, master: str) -> bool:
    """Say whether a setting is an option of its own, v1's filling, or of another cluster manager."""
    if name in (settings.MASTER, settings.DEPLOY_MODE):
        return False
    if name == "spark.app.name":
        return value != V1_NAME
    return not name.startswith("spark.yarn.") or master == "yarn"


def _ours(
    definition: Mapping[str, Any], master: str, mode: str, interpreter: str, found: Mapping[str, Any]
) -> Dict[str, str]:
    """Return what Turnout sets where nobody else does."""
    kind = settings.kind_of(master)
    run_id = str(definition.get("id"))
    python = "spark.pyspark.python"
    ours = {"spark.app.name": run_id, python: interpreter}
    if kind == settings.YARN:
        ours["spark.yarn.tags"] = run_id
    if mode == "client":
        ours["spark.pyspark.driver.python"] = interpreter
        if not (found.get("defaults") or {}).get("spark.eventLog.dir"):
            ours.update(
                {
                    "spark.eventLog.enabled": "true",
                    "spark.eventLog.dir": "file://" + str(found["event_log"]),
                    "spark.eventLog.compress": "true",
                }
            )
    if kind == settings.IN_PROCESS:
        return ours
    variables = dict(found.get("variables") or {})
    if found.get("visible"):
        variables.update(found.get("run_variables") or {})
        path = [str(found["code"]), str(found["runtime"])]
    else:
        ours[python] = "./%s/bin/python" % packing.ENVIRONMENT
        ours["spark.archives"] = "%s#%s,%s#%s" % (
            found["environment"],
            packing.ENVIRONMENT,
            found["files"],
            packing.FILES,
        )
        variables[layout.EXECUTOR_VARIABLE] = run_id
        path = ["%s/code" % packing.FILES, "%s/runtime" % packing.FILES]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [*path[:1], variables.get("PYTHONPATH"), *path[1:]]))
    for name, value in variables.items():
        ours[settings.EXECUTOR_VARIABLE + name] = value
        if mode == "cluster":
            ours[settings.MASTER_VARIABLE + name] = value
    if kind == settings.STANDALONE and found.get("address"):
        ours["spark.driver.host"] = str(found["address"])
    return ours
