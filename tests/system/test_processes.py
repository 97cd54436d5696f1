"""Runs of several processes on one machine, by v1's configurations, through the real command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

pytestmark = pytest.mark.system

SUBMIT = """
import sys
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from azureml.train.dnn import Mpi
from azureml.train.estimator import Estimator

ws = Workspace.from_config()
environment = Environment("mine")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
kind = sys.argv[1]
if kind == "estimator":
    config = Estimator("project", entry_script="train.py", environment_definition=environment,
                       script_params={"--fail": sys.argv[2]}, process_count_per_node=2, distributed_training=Mpi(2))
else:
    job = {"torch": PyTorchConfiguration("Gloo", process_count=3), "mpi": MpiConfiguration(2),
           "tensorflow": TensorflowConfiguration(1, 2)}[kind]
    config = ScriptRunConfig("project", "train.py", ["--fail", sys.argv[2]], environment=environment,
                             distributed_job_config=job)
run = Experiment(ws, "several").submit(config)
details = run.wait_for_completion(show_output=True, raise_on_error=False)
print(details["status"], sorted(run.get_metrics().items()), details.get("error"))
"""
TRAIN = """
import json, os, sys, time
from azureml.core import Run

task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
rank = int(os.environ.get("RANK") or os.environ.get("OMPI_COMM_WORLD_RANK") or task.get("index", 0))
size = os.environ.get("WORLD_SIZE") or os.environ.get("OMPI_COMM_WORLD_SIZE")
Run.get_context().log("rank" if task.get("type") != "ps" else "server", rank)
if sys.argv[sys.argv.index("--fail") + 1] == str(rank):
    raise ValueError("rank %d does not like it" % rank)
while task.get("type") == "worker" and not isinstance(Run.get_context().get_metrics().get("server"), list):
    time.sleep(0.02)  # both servers are there before the work begins
if sys.argv[-1] != "-1" or task.get("type") == "ps":
    time.sleep(1000)
"""


@pytest.fixture
def project(turnout: Any) -> None:
    turnout.script(SUBMIT, "submit.py")
    turnout.script(TRAIN, "project/train.py")


@pytest.fixture
def mpirun(missing_service: Callable[[str], NoReturn]) -> None:
    if shutil.which("mpirun") is None:
        missing_service("mpirun")


def test_torch_has_as_many_processes_as_were_asked_for(turnout: Any, project: None) -> None:
    done = turnout("azureml", "run", "submit.py", "torch", "-1")
    assert "Completed [('rank', [" in done.stdout
    assert sorted(turnout.json("metrics", "@last")["rank"]) == [0, 1, 2]
    names = {row["name"] for row in turnout.json("files", "@last")}
    assert {"user_logs/std_log.txt", "user_logs/std_log_process_01.txt", "user_logs/std_log_process_02.txt"} <= names


@pytest.mark.parametrize("kind", ["mpi", "estimator"])
def test_mpi_starts_them_by_mpirun(turnout: Any, project: None, mpirun: None, kind: str) -> None:
    turnout("azureml", "run", "submit.py", kind, "-1")
    assert sorted(turnout.json("metrics", "@last")["rank"]) == [0, 1]


def test_parameter_servers_end_with_their_workers(turnout: Any, project: None) -> None:
    turnout("azureml", "run", "submit.py", "tensorflow", "-1")
    found = turnout.json("metrics", "@last")
    assert (found["rank"], sorted(found["server"])) == (0, [0, 1])


def test_one_that_fails_ends_the_run_with_its_words(turnout: Any, project: None) -> None:
    done = turnout("azureml", "run", "submit.py", "torch", "2")
    assert "Failed" in done.stdout.splitlines()[-1]
    assert turnout.json("show", "@last")["reason"] == (
        "the script ended with exit code 1: ValueError: rank 2 does not like it"
    )
    assert Path(turnout.json("show", "@last")["directory"]).exists()


def test_more_nodes_are_refused(turnout: Any, project: None) -> None:
    text = SUBMIT.replace("MpiConfiguration(2)", "MpiConfiguration(2, node_count=2)")
    turnout.script(text + "\n", "submit.py")
    command = [Path(sys.executable).with_name("turnout"), "azureml", "run", "submit.py", "mpi", "-1"]
    done = subprocess.run(command, cwd=turnout.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a run on more than one node is not carried out yet" in done.stderr
    assert turnout.json("runs") == []
