"""Attaching a Spark cluster to which this machine submits."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from turnout.exceptions import ComputeTargetException
from turnout.targets import registry
from turnout.targets.compute_target import ComputeTarget
from turnout.targets.spark_compute import SparkCompute
from turnout.workspace import Workspace

configuration = SparkCompute.attach_configuration


def test_this_machines_processors_are_a_target(home: Path) -> None:
    workspace = Workspace.from_config()
    target = ComputeTarget.attach(workspace, "spark", configuration(configuration={"spark.a": 1}))
    assert isinstance(target, SparkCompute)
    assert target.type == "Spark"
    kept = registry.load(workspace.layout, "spark")["spark"]
    assert kept == {"master": "local[*]", "conf": {"spark.a": "1"}}
    target.update(spark={"conf": {"spark.a": "", "spark.b": "x"}})
    assert registry.load(workspace.layout, "spark")["spark"] == {"master": "local[*]", "conf": {"spark.b": "x"}}
    with pytest.raises(ComputeTargetException, match="is reached from this machine: it has no address, user"):
        target.update(address="box", user="me")
    with pytest.raises(ComputeTargetException, match="use detach"):
        target.delete()
    assert isinstance(ComputeTarget(workspace, "spark"), SparkCompute)
    target.detach()
    assert registry.names(workspace.layout) == []


def test_a_master_that_is_down_is_refused_and_nothing_is_kept(home: Path) -> None:
    workspace = Workspace.from_config()
    with socket.socket() as taken:  # bound and not listening: nobody answers there, and nobody else can take it
        taken.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ComputeTargetException, match=r"can't be reached: connection refused; start the master"):
            ComputeTarget.attach(workspace, "spark", configuration(master))
        assert registry.names(workspace.layout) == []
        target = ComputeTarget.attach(workspace, "spark", configuration())
        before = registry.load(workspace.layout, "spark")
        with pytest.raises(ComputeTargetException, match="start the master"):
            target.update(spark={"master": master})
    assert registry.load(workspace.layout, "spark") == before


def test_a_spark_that_is_named_and_not_there_is_refused(home: Path, tmp_path: Path) -> None:
    workspace = Workspace.from_config()
    with pytest.raises(ComputeTargetException, match="there is no Spark in "):
        ComputeTarget.attach(workspace, "spark", configuration(spark_home=str(tmp_path)))
    assert registry.names(workspace.layout) == []
