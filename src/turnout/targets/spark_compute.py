"""`SparkCompute`: a Spark cluster to which this machine submits, attached to a workspace."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from turnout.exceptions import ComputeTargetException
from turnout.targets import reach, registry, spark_settings
from turnout.targets.compute_target import ComputeTarget

if TYPE_CHECKING:
    from turnout.workspace import Workspace

TYPE = "Spark"


class SparkCompute(ComputeTarget):
    """A Spark cluster that this machine reaches: drivers run here, in this machine's slots, and executors there."""

    @staticmethod
    def attach_configuration(
        master: str = "local[*]",
        spark_home: str = "",
        configuration: Mapping[str, Any] | None = None,
        pages: Sequence[str] = (),
        shared_home: bool = False,
    ) -> SparkComputeAttachConfiguration:
        """Describe a cluster to attach, for `ComputeTarget.attach`.

        Args:
            master: `spark://HOST:PORT`, `yarn`, `k8s://…`, or `local[*]` for this machine's own processors.
            spark_home: Spark's directory here; by default SPARK_HOME, `spark-submit` on the path, or pyspark.
            configuration: Spark's settings for every run on it, by their own names; a run's own stand above them.
            pages: where a standalone master's web page is, such as `http://host:8080` (the default).
            shared_home: whether the cluster's machines see this machine's Turnout home under the same path: then nothing is
                packed for the executors.

        Raises:
            ComputeTargetException: one of them can't be used.
        """
        return SparkComputeAttachConfiguration(
            spark_settings.described(master, spark_home, configuration, pages, shared_home)
        )

    def check(self) -> dict[str, Any]:
        """Look at Spark, Java and the cluster's master again, keep what is there, and return it.

        Raises:
            ComputeTargetException: the master can't be reached.
        """
        facts = ask_spark(self.workspace, self._kept)
        self._kept = {**self._kept, "facts": {**(self._kept.get("facts") or {}), **facts}}
        registry.replace(self.workspace.layout, self.name, self._kept)
        return facts

    def update(self, **changes: Any) -> None:
        """Change what is said of the cluster; it is looked at first, and nothing is changed when that fails.

        Args:
            **changes: `spark`: a dict with `master`, `home`, `conf`, `pages`, `shared_home`.

        Raises:
            ComputeTargetException: it can't be reached or used so.
        """
        unknown = sorted(set(changes) - {"spark"})
        if unknown:
            raise ComputeTargetException(f"{self.name} is reached from this machine: it has no {', '.join(unknown)}")
        kept = {**self._kept, "spark": spark_settings.changed(self._kept["spark"], changes.get("spark") or {})}
        self._kept = {**kept, "facts": ask_spark(self.workspace, kept)}
        registry.replace(self.workspace.layout, self.name, self._kept)

    def detach(self) -> None:
        """Forget the cluster. Raises ComputeTargetException while runs live there."""
        from turnout.targets import leaving

        leaving.remove(self.workspace.layout, self.name)

    def delete(self) -> None:
        """Refuse: the cluster isn't Turnout's. Raises ComputeTargetException."""
        raise ComputeTargetException("Delete is not supported for SparkCompute; use detach")


class SparkComputeAttachConfiguration:
    """What `SparkCompute.attach_configuration` describes.

    Args:
        spark: the cluster, as data.
    """

    def __init__(self, spark: dict[str, Any]) -> None:
        self.spark = spark

    def __repr__(self) -> str:
        return f"SparkComputeAttachConfiguration({self.spark!r})"

    def attach(self, workspace: Workspace, name: str) -> ComputeTarget:
        """Attach the cluster; see `ComputeTarget.attach`."""
        registry.check_name(workspace.layout, name)
        kept: dict[str, Any] = {
            "id": os.urandom(8).hex(),
            "type": TYPE,
            "reach": "local",
            "schedule": "process",
            "spark": self.spark,
            "attached": time.time(),
        }
        registry.add(workspace.layout, name, {**kept, "facts": ask_spark(workspace, kept)})
        return ComputeTarget(workspace, name)


def ask_spark(workspace: Workspace, target: dict[str, Any]) -> dict[str, Any]:
    """Ask a target's machine for its Spark, Java and master; return the facts.

    Raises:
        ComputeTargetException: the machine or the master can't be reached, or what is named isn't there.
    """
    there = target["spark"]
    if str(target.get("reach")) == "local":
        there = {**there, "beside": spark_settings.beside()}
    try:
        facts, _ = reach.make(target, workspace.home).pull({"operation": "spark", "spark": there})
    except (reach.Unreachable, reach.TargetError) as error:
        raise ComputeTargetException(str(error), error) from error
    trouble = spark_settings.trouble(facts, str(there["master"]))
    if trouble:
        raise ComputeTargetException(trouble)
    return {"spark": facts, "checked": time.time()}
