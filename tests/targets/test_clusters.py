"""Names over targets: which machine stands for what a script asks for."""

from __future__ import annotations

from typing import Any

import pytest

from turnout import ComputeTarget, ComputeTargetException, Workspace
from turnout.targets import clusters, registry
from turnout.targets.aml_compute import AmlCompute
from turnout.targets.compute_instance import ComputeInstance

BOX = {
    "type": "VirtualMachine",
    "reach": "ssh",
    "schedule": "process",
    "id": "b",
    "address": "box",
    "home": "/h",
    "facts": {"python": "3.11"},
}


@pytest.fixture
def workspace(home: Any) -> Workspace:
    return Workspace.from_config()


@pytest.fixture
def box(workspace: Any) -> str:
    registry.add(workspace.layout, "gpu-box", BOX)
    return "gpu-box"


def made(workspace: Any, name: str, vm_size: str, most: int = 2) -> Any:
    return ComputeTarget.create(workspace, name, AmlCompute.provisioning_configuration(vm_size, max_nodes=most))


def test_a_size_goes_to_the_target_that_stands_for_it(workspace: Any, box: str, caplog: Any) -> None:
    clusters.map_size(workspace, "STANDARD_NC*", box)
    cluster = made(workspace, "gpu-cluster", "Standard_NC6")
    assert cluster.machine.name == box
    assert cluster.serialize()["name"] == box
    assert cluster.serialize()["cluster"] == "gpu-cluster"
    assert cluster.serialize()["address"] == "box"
    assert cluster.facts == {"python": "3.11"}
    assert "gpu-cluster is the target gpu-box" in caplog.text
    assert made(workspace, "cpu-cluster", "STANDARD_D2_V2").machine.name == "local"


def test_the_last_pattern_counts_and_can_be_forgotten(workspace: Any, box: str) -> None:
    clusters.map_size(workspace, "*", box)
    clusters.map_size(workspace, "STANDARD_D*", "local")
    assert clusters.machine_for(workspace, "standard_d2") == "local"
    assert clusters.machine_for(workspace, "") == box
    clusters.map_size(workspace, "*", None)
    assert clusters.sizes(workspace) == [("STANDARD_D*", "local")]
    assert clusters.machine_for(workspace, "") == "local"


def test_only_a_target_can_stand_for_something(workspace: Any, box: str) -> None:
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        clusters.map_size(workspace, "*", "nowhere")
    assert clusters.sizes(workspace) == []
    clusters.map_size(workspace, "*", box)
    cluster = made(workspace, "one", "x")
    with pytest.raises(ComputeTargetException, match="one is a name over another target"):
        clusters.keep(workspace, "two", {"type": "AmlCompute"}, "one")
    registry.remove(workspace.layout, box)
    with pytest.raises(ComputeTargetException, match="one stands for the target gpu-box, which is gone"):
        cluster.serialize()


def test_how_many_runs_a_cluster_has_at_once_is_told(workspace: Any) -> None:
    cluster = made(workspace, "cpu", "x", most=3)
    assert cluster.share() == {"group": {"name": f"{workspace.id}/cpu", "at_most": 3}}
    assert ComputeTarget(workspace, "local").share() == {}


def test_an_instance_is_always_there(workspace: Any, caplog: Any) -> None:
    configuration = ComputeInstance.provisioning_configuration(
        "STANDARD_D3_V2", ssh_public_access=False, tags={"a": "b"}
    )
    made = ComputeTarget.create(workspace, "mine", configuration)
    made.wait_for_completion(show_output=True)
    assert isinstance(made, ComputeInstance)
    assert type(ComputeInstance(workspace=workspace, name="mine")) is ComputeInstance
    assert made.type == "ComputeInstance"
    assert made.tags == {"a": "b"}
    assert made.get_status().state == "Running"
    assert made.get_status().serialize()["vmSize"] == "STANDARD_D3_V2"
    for act in (made.stop, made.start, made.restart):
        caplog.clear()
        act(wait_for_completion=True, show_output=True)
        assert "does nothing: mine is this machine" in caplog.text
    assert list(made.get_active_runs()) == []
    made.delete(wait_for_completion=True)
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(workspace, "mine")
