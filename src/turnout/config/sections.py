"""The smaller sections of a RunConfiguration: history, Spark, and what v1 asked of its kinds of compute."""

from __future__ import annotations

from typing import Any

from turnout.elements import ConfigElement, Field


class HistoryConfiguration(ConfigElement):
    """What the record of a run keeps.

    Attributes:
        output_collection: whether outputs are collected.
        snapshot_project: whether a snapshot is kept.
        directories_to_watch: which directories are collected beside `outputs`.
    """

    output_collection: bool
    snapshot_project: bool
    directories_to_watch: list[str]

    FIELDS = (
        Field("output_collection", "outputCollection", bool, True),
        Field("snapshot_project", "snapshotProject", bool, True),
        Field("directories_to_watch", "directoriesToWatch", list, lambda: ["logs"]),
    )


class SparkConfiguration(ConfigElement):
    """Spark's settings, by their own names."""

    configuration: dict[str, Any]

    FIELDS = (
        Field(
            "configuration",
            "configuration",
            dict,
            # v1's own two, so that its files compare as unchanged.
            lambda: {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1},
        ),
    )


class HdiConfiguration(ConfigElement):
    """How a run on HDInsight is deployed: `cluster` or `client`."""

    yarn_deploy_mode: str

    FIELDS = (Field("yarn_deploy_mode", "yarnDeployMode", str, "cluster"),)


class AmlComputeConfiguration(ConfigElement):
    """The cluster that v1 made for one run, with the target `amlcompute`."""

    vm_size: str | None
    vm_priority: str | None
    _retain_cluster: bool
    _name: str | None
    _cluster_max_node_count: int | None

    FIELDS = (
        Field("vm_size", "vmSize"),
        Field("vm_priority", "vmPriority"),
        Field("_retain_cluster", "retainCluster", bool, False),
        Field("_name", "name"),
        Field("_cluster_max_node_count", "clusterMaxNodeCount", int),
    )


class ResourceConfiguration(ConfigElement):
    """What a run asks for of its compute target.

    Args:
        cpu: CPU slots; one when it is None.
        memory_in_gb: memory in GB; kept in the record. Targets without a limit of their own don't enforce it.
        gpu: GPUs; none when it is None.
    """

    cpu: int | None
    memory_in_gb: float | None
    gpu: int | None

    FIELDS = (Field("cpu", "cpu", int), Field("memory_in_gb", "memoryInGB", object), Field("gpu", "gpu", int))

    def __init__(self, cpu: int | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        super().__init__()
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu


class KubernetesComputeConfiguration(ConfigElement):
    """Which type of node a run on Kubernetes gets."""

    instance_type: str | None

    FIELDS = (Field("instance_type", "instanceType"),)


class ApplicationEndpointConfiguration(ConfigElement):
    """A service that runs beside the script.

    Args:
        type: its kind.
        port: its port.
        properties: its settings.
    """

    type: str | None
    port: int | None
    properties: dict[str, str] | None

    FIELDS = (Field("type", "type"), Field("port", "port", int), Field("properties", "properties", dict))

    def __init__(
        self,
        type: str | None = None,  # noqa: A002 - v1's name
        port: int | None = None,
        properties: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.type = type
        self.port = port
        self.properties = None if properties is None else dict(properties)
