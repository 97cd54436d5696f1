"""What each process of a run of several is given, by the launcher that its communicator names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import launchers
from turnout.runtime.builders.contract import Built
from turnout.runtime.launchers import processes
from turnout.runtime.launchers.mpi import MpiLauncher
from turnout.runtime.launchers.tensorflow import TensorflowLauncher
from turnout.runtime.launchers.torch import TorchLauncher


def definition(communicator: str, **sections: Any) -> dict[str, Any]:
    configuration = {"framework": "Python", "communicator": communicator, "script": "train.py", **sections}
    return {"configuration": configuration, "arguments": ["--alpha", "1"]}


def context(value: dict[str, Any], path: str = "") -> Any:
    return launchers.Context(None, None, value, {"PATH": path}, {}, "/runtime")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("communicator", "kind"),
    [
        ("nccl", TorchLauncher),
        ("gloo", TorchLauncher),
        ("IntelMpi", MpiLauncher),
        ("OpenMpi", MpiLauncher),
        ("Mpi", MpiLauncher),
        ("ParameterServer", TensorflowLauncher),
    ],
)
def test_the_communicator_names_the_launcher(communicator: str, kind: type) -> None:
    assert type(launchers.of(definition(communicator))) is kind


def test_an_unknown_communicator_is_refused_with_those_there_are() -> None:
    with pytest.raises(launchers.UnknownLauncherError, match=r"communicator 'ParallelTask' \(there is: Python, .*nccl"):
        launchers.of(definition("ParallelTask"))


def test_torch_processes_find_each_other() -> None:
    launcher = TorchLauncher()
    value = definition("nccl", pytorch={"processCount": 2})
    found = {"starter": "/runtime/starter.py", "ports": [4000]}
    argv, extra = launcher.command(value, 0, "/env/python", found)
    assert argv[:2] == ["/env/python", "/runtime/starter.py"]
    assert argv[3:] == ["/env/python", "train.py", "--alpha", "1"]
    assert extra == {}
    told = json.loads(argv[2])["processes"]
    assert [each["variables"]["RANK"] for each in told] == ["0", "1"]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "4000", "WORLD_SIZE": "2", "NODE_RANK": "0"}
    for each in told:
        assert common.items() <= each["variables"].items()
        assert each["variables"]["LOCAL_RANK"] == each["variables"]["RANK"]
    assert launcher.describe(found) == {"ports": [4000]}
    alone = launcher.processes(definition("gloo", pytorch={}), [1])
    assert [each["variables"]["WORLD_SIZE"] for each in alone] == ["1"]


def test_workers_and_parameter_servers_know_the_whole_cluster() -> None:
    value = definition("ParameterServer", tensorflow={"workerCount": 2, "parameterServerCount": 1})
    launcher = TensorflowLauncher()
    assert launcher.ports(value) == 3
    told = launcher.processes(value, [1, 2, 3])
    configs = [json.loads(each["variables"]["TF_CONFIG"]) for each in told]
    assert configs[0]["cluster"] == {"worker": ["127.0.0.1:1", "127.0.0.1:2"], "ps": ["127.0.0.1:3"]}
    assert [each["task"] for each in configs] == [
        {"type": "worker", "index": 0},
        {"type": "worker", "index": 1},
        {"type": "ps", "index": 0},
    ]
    assert [each["waits"] for each in told] == [True, True, False]


def test_free_ports_are_apart() -> None:
    assert len(set(processes.free_ports(20))) == 20


def test_one_process_under_mpi_needs_no_mpirun() -> None:
    value = definition("IntelMpi", mpi={"processCountPerNode": 1})
    found = MpiLauncher().find(context(value), Built("/env/python", {}))
    assert found == {}
    argv, extra = MpiLauncher().command(value, 0, "/env/python", found)
    assert argv == ["/env/python", "train.py", "--alpha", "1"]
    assert (extra["OMPI_COMM_WORLD_RANK"], extra["OMPI_COMM_WORLD_SIZE"], extra["PMI_SIZE"]) == ("0", "1", "1")


def test_several_processes_under_mpi_are_started_by_mpirun(tmp_path: Path) -> None:
    value = definition("IntelMpi", mpi={"processCountPerNode": 4})
    with pytest.raises(launchers.CannotLaunch, match="mpirun is not there, which starts 4 processes"):
        MpiLauncher().find(context(value, str(tmp_path)), Built("/env/python", {}))
    mpirun = tmp_path / "mpirun"
    mpirun.write_text("#!/bin/sh\n")
    mpirun.chmod(0o755)
    found = MpiLauncher().find(context(value, str(tmp_path)), Built("/env/python", {}))
    argv, extra = MpiLauncher().command(value, 0, "/env/python", found)
    assert argv[0] == str(mpirun)
    assert ("--allow-run-as-root" in argv) == (os.getuid() == 0)
    assert argv[-6:] == ["-n", "4", "/env/python", "train.py", "--alpha", "1"]
    assert extra == {}


def test_a_command_is_started_as_often_as_a_script() -> None:
    value = definition("nccl", pytorch={"processCount": 2}, command="echo $RANK")
    argv, _ = TorchLauncher().command(value, 0, "/env/python", {"starter": "s", "ports": [1]})
    assert argv[3:] == ["/bin/sh", "-c", "echo $RANK"]
