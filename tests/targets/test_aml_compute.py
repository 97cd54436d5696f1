"""v1's clusters by vm_size: names of this machine's queue."""

from __future__ import annotations

import os
from typing import Any

import pytest

from turnout import ComputeTarget, ComputeTargetException, Workspace
from turnout.runtime import records, runqueue, slots
from turnout.targets.aml_compute import AmlCompute
from turnout.testing.runs import write_run


@pytest.fixture
def workspace(home: Any) -> Workspace:
    return Workspace.from_config()


def test_the_idiom_of_every_project(workspace: Workspace, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(workspace=workspace, name="cpu-cluster")
    config = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2", min_nodes=1, max_nodes=4, idle_seconds_before_scaledown=2400, tags={"a": "b"}
    )
    made = ComputeTarget.create(workspace, "cpu-cluster", config)
    assert "at most 4 of its runs at once take this machine's slots" in caplog.text
    made.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    assert 'Provisioning operation finished, operation "Succeeded"' in capsys.readouterr().out
    found = ComputeTarget(workspace=workspace, name="cpu-cluster")
    assert type(found) is AmlCompute
    assert (found.type, found.vm_size, found.tags, found.provisioning_state) == (
        "AmlCompute", "STANDARD_D2_V2", {"a": "b"}, "Succeeded",
    )  # fmt: skip
    assert "cpu-cluster" in workspace.compute_targets
    assert found.serialize() == {"name": "cpu-cluster", "type": "AmlCompute", "reach": "local", "schedule": "process"}


def test_its_status_is_in_v1s_shape(workspace: Workspace) -> None:
    config = AmlCompute.provisioning_configuration("STANDARD_NC6", min_nodes=0, max_nodes=2)
    cluster = ComputeTarget.create(workspace, "gpu", config)
    told = cluster.get_status().serialize()
    assert told["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT1800S"}
    assert (told["currentNodeCount"], told["allocationState"], told["vmSize"]) == (0, "Steady", "STANDARD_NC6")
    assert set(told["nodeStateCounts"].values()) == {0}
    assert told["vmPriority"] == cluster.vm_priority == "Dedicated"
    assert cluster.status.allocation_state == "Steady"


def test_the_runs_that_it_has_are_its_nodes(workspace: Workspace) -> None:
    cluster = ComputeTarget.create(workspace, "cpu", AmlCompute.provisioning_configuration(max_nodes=2))
    ours, other = write_run(workspace.layout, "pass"), write_run(workspace.layout, "pass")
    records.write_json(ours.definition, {**records.read_json(ours.definition), "target": cluster.serialize()})
    for run in (ours, other):
        runqueue.enqueue(workspace.home, run.root, {"cpus": 1}, os.path.join(workspace.home.runtime, "x"))
    assert cluster.list_nodes() == []
    assert [run.id for run in cluster.get_active_runs()] == [ours.run_id]
    for entry in runqueue.entries(workspace.home)[0]:
        runqueue.mark_started(workspace.home, entry, slots.Grant((0,), ()))
    assert [node["runId"] for node in cluster.list_nodes()] == [ours.run_id]
    assert cluster.get_status().node_state_counts.running_node_count == 1
    assert list(cluster.get_active_runs(status="Completed")) == []


def test_it_is_changed_and_deleted(workspace: Workspace) -> None:
    cluster = ComputeTarget.create(workspace, "cpu", AmlCompute.provisioning_configuration(max_nodes=2))
    cluster.update(min_nodes=1, max_nodes=8)
    again = ComputeTarget(workspace, "cpu")
    assert isinstance(again, AmlCompute)
    assert (again.scale_settings.minimum_node_count, again.scale_settings.maximum_node_count) == (1, 8)
    with pytest.raises(ComputeTargetException, match="less than"):
        cluster.update(max_nodes=0)
    again.refresh_state()
    again.delete()
    assert "cpu" not in workspace.compute_targets


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "max nodes count is mandatory"),
        ({"max_nodes": 1, "min_nodes": 2}, "less than min_nodes 2"),
        ({"max_nodes": 1, "vm_priority": "cheap"}, "dedicated or lowpriority"),
    ],
)
def test_what_v1_refused_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ComputeTargetException, match=said):
        AmlCompute.provisioning_configuration(**given)


def test_names_that_are_v1s_or_taken_are_refused(workspace: Workspace) -> None:
    config = AmlCompute.provisioning_configuration(max_nodes=1)
    ComputeTarget.create(workspace, "cpu", config)
    for name in ("cpu", "local", "amlcompute"):
        with pytest.raises(ComputeTargetException):
            ComputeTarget.create(workspace, name, config)
    with pytest.raises(ComputeTargetException, match="this machine"):
        ComputeTarget(workspace, "local").delete()


def test_this_machine_is_what_can_be_had(workspace: Workspace) -> None:
    [size] = AmlCompute.supported_vmsizes(workspace)
    assert size["vCPUs"] == os.cpu_count()
    assert size["memoryGB"] > 0
