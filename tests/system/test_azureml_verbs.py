"""The verbs of v1's command line, as a script in CI calls them one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

TRAIN = """
import sys
from azureml.core import Run
run = Run.get_context()
print("arguments", sys.argv[1:])
run.log("loss", 1 / float(sys.argv[2]))
open("outputs/model.txt", "w").write("a model")
"""
DATASET = {
    "datasetType": "Tabular",
    "parameters": {"path": {"datastoreName": "workspaceblobstore", "relativePath": "rows/*.csv"}},
    "registration": {"name": "rows", "description": "some", "createNewVersion": True},
}
SWEEP = """
sampling: {type: grid, parameter_space: [{name: --x, expression: choice, values: [1, 2]}]}
primary_metric_name: loss
primary_metric_goal: minimize
max_total_runs: 2
"""


@pytest.fixture
def az(turnout: Any) -> Any:
    def call(*words: str, code: int = 0) -> Any:
        done = turnout("azureml", *words, code=code)
        lines = done.stdout.splitlines()
        begins = [number for number, line in enumerate(lines) if line in ("{", "[")]
        return json.loads("\n".join(lines[begins[-1] :])) if begins else done

    turnout.script(TRAIN)
    attached = call("folder", "attach", "-w", "mine", "-g", "rg", "-e", "exp")
    assert (attached["Workspace name"], attached["Resource group"], attached["Experiment name"]) == (
        "mine",
        "rg",
        "exp",
    )
    return call


def test_a_folder_is_attached_once_and_kept(turnout: Any, az: Any) -> None:
    folder = Path(turnout.directory) / ".azureml"
    assert json.loads((folder / "config.json").read_text())["workspace_name"] == "mine"
    assert {"config.json", "conda_dependencies.yml", "local", "docker"} <= {each.name for each in folder.iterdir()}
    (folder / "conda_dependencies.yml").write_text("mine\n")
    az("folder", "attach", "-w", "mine")
    assert (folder / "conda_dependencies.yml").read_text() == "mine\n"
    assert az("workspace", "show")["name"] == "mine"


def test_a_script_is_submitted_and_its_model_registered(turnout: Any, az: Any) -> None:
    run = az("run", "submit-script", "-c", "local", "-e", "exp", "-t", "run.json", "train.py", "--x", "4")
    assert run["status"] == "Completed"
    assert json.loads((Path(turnout.directory) / "run.json").read_text())["runId"] == run["runId"]
    assert turnout.json("metrics", run["runId"])["loss"] == 0.25
    words = ["-n", "kept", "--asset-path", "outputs/model.txt", "-f", "run.json", "--tag", "a=b", "-t", "model.json"]
    model = az("model", "register", *words)
    assert (model["id"], model["runId"], model["tags"]) == ("kept:1", run["runId"], {"a": "b"})
    assert az("model", "show", "-n", "kept")["version"] == 1
    turnout("azureml", "model", "download", "-i", "kept:1", "-t", "got")
    assert (Path(turnout.directory) / "got" / "model.txt").read_text() == "a model"
    az("run", "update", "-r", run["runId"], "--add-tag", "c=d")
    assert az("run", "show", "-r", run["runId"])["tags"] == {"c": "d"}
    assert [each["runId"] for each in az("run", "list", "-e", "exp")] == [run["runId"]]
    turnout("azureml", "model", "delete", "-i", "kept:1")
    assert turnout("azureml", "model", "list").stdout == "[]\n"


def test_a_run_that_fails_ends_the_command_with_1(turnout: Any, az: Any) -> None:
    run = az("run", "submit-script", "-c", "local", "train.py", "--x", "0", code=1)
    assert run["status"] == "Failed"
    turnout("azureml", "run", "submit-script", "-c", "nowhere", "train.py", code=2)
    turnout("azureml", "run", "unheard-of", code=2)


def test_a_sweep_is_submitted_as_a_file_says(turnout: Any, az: Any) -> None:
    turnout.script(SWEEP, "hdconfig.yml")
    turnout.script(TRAIN.replace("sys.argv[2]", "sys.argv[sys.argv.index('--x') + 1]"))
    run = az(
        "run", "submit-hyperdrive", "--hyperdrive-configuration-name", "hdconfig", "-c", "local", "-e", "exp", "train.py"
    )  # fmt: skip
    assert run["status"] == "Completed"
    assert run["runId"].startswith("HD_")


def test_data_is_uploaded_and_registered(turnout: Any, az: Any) -> None:
    turnout.script("a,b\n1,2\n", "data/one.csv")
    assert az("datastore", "upload", "-p", "data", "-u", "rows")["path"] == "rows"
    turnout.script(json.dumps(DATASET), "dataset.json")
    made = az("dataset", "register", "-f", "dataset.json")
    assert (made["name"], made["version"], made["datasetType"], made["description"]) == ("rows", 1, "Tabular", "some")
    assert az("dataset", "show", "-n", "rows")["id"] == made["id"]
    assert az("datastore", "download", "-p", "back", "--prefix", "rows")["files"] == 1
    assert (Path(turnout.directory) / "back" / "rows" / "one.csv").exists()
    turnout("azureml", "dataset", "unregister", "-n", "rows")
    assert turnout("azureml", "dataset", "list").stdout == "[]\n"


def test_targets_are_made_and_shown(turnout: Any, az: Any) -> None:
    az("computetarget", "create", "amlcompute", "-n", "cpu-cluster", "--vm-size", "STANDARD_D2_V2", "--max-nodes", "2")
    az("computetarget", "create", "computeinstance", "-n", "mine", "-s", "STANDARD_D2_V2")
    shown = az("computetarget", "show", "-n", "cpu-cluster")
    assert shown["properties"]["scaleSettings"]["maxNodeCount"] == 2
    run = az("run", "submit-script", "-c", "local", "--ct", "cpu-cluster", "train.py", "--x", "1")
    assert (run["status"], run["target"]) == ("Completed", "cpu-cluster")
    turnout("azureml", "computetarget", "delete", "-n", "cpu-cluster")
    turnout("azureml", "computetarget", "show", "-n", "cpu-cluster", code=2)
