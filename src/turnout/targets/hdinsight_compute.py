"""`HDInsightCompute`: a Spark cluster that is reached over SSH, by its head node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnout.exceptions import ComputeTargetException, NotYetException
from turnout.targets import registry, spark_settings
from turnout.targets.remote_compute import RemoteCompute, RemoteComputeAttachConfiguration
from turnout.targets.spark_compute import ask_spark

TYPE = "HDInsight"
"""v1's type of such a target."""


class HDInsightCompute(RemoteCompute):
    """The head node of a Spark cluster, attached by its address: drivers run there, executors on the cluster."""

    @staticmethod
    def attach_configuration(
        username: str = "",
        subscription_id: str | None = None,
        resource_group: str | None = None,
        cluster_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int | str | None = "22",
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        home: str = "",
        interpreter: str = "",
        master: str = "yarn",
        spark_home: str = "",
        configuration: Mapping[str, Any] | None = None,
        pages: Sequence[str] = (),
        shared_home: bool = False,
    ) -> RemoteComputeAttachConfiguration:
        """Describe a cluster to attach, for `ComputeTarget.attach`.

        Args:
            username: the account on the head node; empty for what ssh's configuration says.
            subscription_id: v1's way to name a cluster of its cloud, like `resource_group`, `cluster_name` and `resource_id`:
                not carried out, since there is no cloud to ask for its address.
            resource_group: see `subscription_id`.
            cluster_name: see `subscription_id`.
            resource_id: see `subscription_id`.
            address: the head node: a name, an IP address, or a Host of ~/.ssh/config.
            ssh_port: sshd's port.
            password: kept in the system's keyring, never in a file.
            private_key_file: a key; by default those that ssh finds itself.
            private_key_passphrase: opens that key; kept in the system's keyring.
            home: Turnout's home there; `~/.turnout` by default.
            interpreter: a Python there; by default the first that is found.
            master: the cluster's; `yarn` as HDInsight's was, or `spark://HOST:PORT`, `k8s://…`, `local[*]`.
            spark_home: Spark's directory there; found by default.
            configuration: Spark's settings for every run on it; a run's own stand above them.
            pages: where a standalone master's web page is, as the head node reaches it.
            shared_home: whether the cluster's machines see Turnout's home on the head node under the same path.

        Raises:
            ComputeTargetException: this names no machine, or something can't be used.
        """
        if resource_id or cluster_name:
            raise NotYetException(
                "a cluster can't be found by its id in a cloud; give the address of its head node: "
                "HDInsightCompute.attach_configuration(username=…, address=…, private_key_file=…)"
            )
        described = RemoteCompute.attach_configuration(
            username=username,
            address=address,
            ssh_port=ssh_port,
            password=password,
            private_key_file=private_key_file,
            private_key_passphrase=private_key_passphrase,
            home=home,
            interpreter=interpreter,
        )
        described.options["type"] = TYPE
        described.options["spark"] = spark_settings.described(master, spark_home, configuration, pages, shared_home)
        return described

    def delete(self) -> None:
        """Refuse, as in v1: the cluster isn't Turnout's. Raises ComputeTargetException."""
        raise ComputeTargetException("Delete is not supported for HDInsightCompute; use detach")

    def check(self) -> dict[str, Any]:
        """Look at the head node and its cluster again, keep what is there, and return it; see `facts`.

        Raises:
            ComputeTargetException: it can't be reached or used.
        """
        super().check()
        self._kept = with_spark(self.workspace, self._kept)
        registry.replace(self.workspace.layout, self.name, self._kept)
        return self.facts

    def update(self, **changes: Any) -> None:
        """Change how the head node is reached, or what is said of its cluster (`spark`); see `RemoteCompute.update`."""
        spark = spark_settings.changed(self._kept["spark"], changes.pop("spark", None) or {})
        ask_spark(self.workspace, {**self._kept, **changes, "spark": spark})
        super().update(**changes, spark=spark)
        self._kept = with_spark(self.workspace, self._kept)
        registry.replace(self.workspace.layout, self.name, self._kept)


def with_spark(workspace: Any, kept: dict[str, Any]) -> dict[str, Any]:
    """Return a target with what its machine has of Spark, and the variables by which a run there finds it."""
    facts = ask_spark(workspace, kept)
    variables = facts["spark"].get("variables") or {}
    return {**kept, "facts": {**(kept.get("facts") or {}), **facts}, "variables": variables}
