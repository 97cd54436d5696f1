"""A cluster behind a head node: a real agent there, a directory as Spark, a port as the master."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.exceptions import ComputeTargetException
from turnout.targets import registry
from turnout.targets.compute_target import ComputeTarget
from turnout.targets.hdinsight_compute import HDInsightCompute
from turnout.testing import sparkparts
from turnout.workspace import Workspace


@pytest.fixture
def master() -> Iterator[sparkparts.MasterPage]:
    with sparkparts.MasterPage() as made:
        made.add_worker(cores=4, memory=8192)
        yield made


@pytest.fixture
def head(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The account on the head node, whose login says where Spark and Java are."""
    monkeypatch.setenv("SHELL", "/bin/sh")
    for name in ("SPARK_HOME", "SPARK_CONF_DIR", "HADOOP_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    spark = sparkparts.make_spark(machine / "spark", "3.5.3")
    java = sparkparts.make_java(machine / "java", "11.0.2")
    (machine / ".profile").write_text(
        f"echo welcome\nexport SPARK_HOME={spark} JAVA_HOME={java} HADOOP_CONF_DIR=/etc/h\n"
    )
    return machine


def attach(workspace: Workspace, **given: Any) -> ComputeTarget:
    described = HDInsightCompute.attach_configuration(username="sshuser", address="head", **given)
    return ComputeTarget.attach(workspace, "cluster", described)


def test_v1s_arguments_come_first_and_mean_what_they_did() -> None:
    names = list(inspect.signature(HDInsightCompute.attach_configuration).parameters)
    assert names[:10] == [
        "username", "subscription_id", "resource_group", "cluster_name", "resource_id", "address", "ssh_port", "password",
        "private_key_file", "private_key_passphrase",
    ]  # fmt: skip
    described = HDInsightCompute.attach_configuration("sshuser", address="head")
    options = described.options
    assert (options["user"], options["address"], options["port"]) == ("sshuser", "head", 22)
    assert (options["type"], options["spark"]) == ("HDInsight", {"master": "yarn"})


def test_the_head_node_tells_what_it_has_and_runs_get_what_its_login_sets(head: Path) -> None:
    workspace = Workspace.from_config()
    target = attach(workspace)
    assert isinstance(target, HDInsightCompute)
    assert target.type == "HDInsight"
    told = target.facts["spark"]
    assert (told["home"], told["version"], told["java_version"]) == (str(head / "spark"), "3.5.3", 11)
    assert told["missing"] == []
    assert target.facts["home"] == str(head / ".turnout")
    variables = {"SPARK_HOME": str(head / "spark"), "JAVA_HOME": str(head / "java"), "HADOOP_CONF_DIR": "/etc/h"}
    assert target.serialize()["variables"] == variables
    again = ComputeTarget(workspace, "cluster")
    assert (type(again), again.serialize()) == (HDInsightCompute, target.serialize())
    with pytest.raises(ComputeTargetException, match="Delete is not supported for HDInsightCompute; use detach"):
        target.delete()


def test_a_check_sees_what_the_login_says_now(head: Path) -> None:
    target = attach(Workspace.from_config())
    newer = sparkparts.make_spark(head / "newer", "4.0.1")
    (head / ".profile").write_text(f"export SPARK_HOME={newer} JAVA_HOME={head / 'java'} HADOOP_CONF_DIR=/etc/other\n")
    target.reach().close()  # a login is asked by a new agent
    assert target.check()["spark"]["version"] == "4.0.1"
    assert target.serialize()["variables"]["SPARK_HOME"] == newer
    assert target.serialize()["variables"]["HADOOP_CONF_DIR"] == "/etc/other"
    (line,) = target.facts["spark"]["missing"]
    assert line == f"Spark 4.0.1 needs Java 17 or newer; JAVA_HOME is {head / 'java'}, Java 11"


def test_a_master_behind_it_that_is_down_leaves_nothing(head: Path, backend: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"spark://127.0.0.1:{probe.getsockname()[1]}"
    workspace = Workspace.from_config()
    with pytest.raises(ComputeTargetException) as refused:
        attach(workspace, master=url, password="s3cret")
    assert "can't be reached: connection refused; start the master, or correct --spark-master" in str(refused.value)
    assert (registry.names(workspace.layout), backend.kept) == ([], {})
    with pytest.raises(ComputeTargetException, match=r"there is no Spark in /no/spark \(no bin/spark-submit\)"):
        attach(workspace, spark_home="/no/spark")
    assert registry.names(workspace.layout) == []


def test_a_change_is_tried_before_it_is_kept(head: Path, master: sparkparts.MasterPage) -> None:
    workspace = Workspace.from_config()
    target = attach(workspace, master=master.url, pages=[master.page], configuration={"spark.executor.memory": "1g"})
    assert target.facts["spark"]["master"]["workers"] == 1
    before = registry.load(workspace.layout, "cluster")
    for spark in ({"home": "/no/spark"}, {"master": "mesos://h:1"}, {"conf": {"a": "1"}}):
        with pytest.raises(ComputeTargetException):
            target.update(spark=spark)
        assert registry.load(workspace.layout, "cluster") == before
    target.update(spark={"conf": {"spark.executor.memory": "", "spark.ui.port": "4050"}})
    assert ComputeTarget(workspace, "cluster").serialize()["spark"] == {
        "master": master.url, "pages": [master.page], "conf": {"spark.ui.port": "4050"},
    }  # fmt: skip
    target.update(spark={"master": "yarn"})
    assert target.serialize()["spark"] == {"master": "yarn", "conf": {"spark.ui.port": "4050"}}
    assert "master" not in target.facts["spark"]
    assert target.serialize()["variables"]["SPARK_HOME"] == str(head / "spark")
