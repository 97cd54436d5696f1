"""Small projects as people wrote them for Azure ML SDK v1, one for each area, through `turnout azureml run` and `check`.

What is asserted is what a person sees: what was printed, and what the record holds afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from turnout.runtime.containers import engine as engine_module
from turnout.testing import engines, sparkcluster
from turnout.testing.remotehost import RemoteHost

pytestmark = pytest.mark.system

PROJECTS = Path(__file__).with_name("projects")
CONFIG = {"subscription_id": "a-subscription", "resource_group": "a-group", "workspace_name": "a-workspace"}


@pytest.fixture
def run_project(turnout: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a script of a project, in the Python that is active, and return what it printed; nothing of it may be missing."""
    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))

    def run(name: str, script: str = "submit.py", *arguments: str) -> str:
        shutil.copytree(PROJECTS / name, turnout.directory, dirs_exist_ok=True)
        if (turnout.directory / "dot_azureml").exists():
            (turnout.directory / "dot_azureml").rename(turnout.directory / ".azureml")
        turnout.script(json.dumps(CONFIG), ".azureml/config.json")
        checked = turnout.json("azureml", "check", turnout.directory)
        assert [use for use in checked["uses"] if use["status"] == "missing"] == []
        return str(turnout("azureml", "run", script, *arguments).stdout)

    return run


def has(said: str, *lines: str) -> None:
    """Make sure that lines were printed, in this order."""
    rest = iter(said.splitlines())
    for line in lines:
        assert any(line == each.strip() for each in rest), f"{line!r} is not among\n{said}"


def test_a_script_in_the_python_that_is_active(run_project: Callable[..., str]) -> None:
    said = run_project("local_python")
    has(
        said,
        "Workspace name: a-workspace",
        "Azure region: local",
        "Subscription id: a-subscription",
        "Resource group: a-group",
        "Streaming user_logs/std_log.txt",
        "training with 0.5 in mode test EXAMPLE_VALUE",
        "Execution Summary",
        "Status: Completed)",
        "metrics {'alpha': [0.0, 0.5, 1.0], 'mse': [0.0, 0.25, 0.5], 'rmse': 0.25}",
        "command line ['--regularization', '0.5', '--verbose'] local training/train.py",
        "tags {'stage': 'first'} {'stage': 'first'} azureml.scriptrun 1",
        "metrics {'alpha': [0.0, 0.5, 1.0], 'mse': [0.0, 0.125, 0.25], 'rmse': 0.0625}",
        "best 0.0625 train-on-local",
        "model files ['outputs/model.txt']",
        "local-model\tlocal-model:1\t1",
        "Failed the script ended with exit code 2: "
        "train.py: error: argument --regularization: invalid float value: 'much'",
    )


def test_packages_that_are_listed_in_three_ways(run_project: Callable[..., str], turnout: Any) -> None:
    said = run_project("local_packages")
    has(
        said,
        "registered pip-file 1",
        "system-managed-env {'six': '1.16.0'} {'idna': '3.7'}",
        "conda-file {'six': '1.16.0'} {'idna': '3.7'}",
        "pip-file {'six': '1.16.0'} {'idna': '3.7'}",
        "environment pip-file 1",
        "environment system-managed-env 1",
    )
    assert "conda-file 1" not in said  # it was not registered
    keys = {turnout.json("show", row["id"])["environment"]["key"] for row in turnout.json("runs")}
    assert len(keys) == 1  # the same packages are the same environment, however they were listed


def test_a_container_by_either_switch(
    run_project: Callable[..., str], podman: engines.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {**podman.variables, engine_module.ENGINE_VARIABLE: podman.command}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("BASE_IMAGE", podman.image)
    has(
        run_project("container"),
        "metrics {'total': 6, 'contained': True}",
        "again {'total': 6, 'contained': True} ['outputs/total.txt']",
    )


def test_a_remote_machine_with_a_dataset_and_a_model(run_project: Callable[..., str], remote_host: RemoteHost) -> None:
    said = run_project("remote_vm", "submit.py", remote_host.address, remote_host.user, str(remote_host.key))
    has(
        said,
        "VirtualMachine Succeeded " + remote_host.address,
        "workspace a-workspace a-group a-subscription local",
        "experiment train-on-remote-vm True",
        "found ['numbers.csv']",
        "by name 1 diabetes",
        "registered remote-model 1",
        "metrics {'mean': 3.0, 'six': '1.16.0'}",
        "files ['outputs/model.pkl']",
        "model remote-model 1 {'kind': 'mean'} ['mean', 'six']",
        "content mean 3.0",
        "inputs [True]",
        "left ['local']",
    )


def test_a_spark_script(run_project: Callable[..., str], missing_service: Callable[[str], NoReturn]) -> None:
    try:
        sparkcluster.require()
    except sparkcluster.MissingSpark as error:
        missing_service(str(error))
    has(run_project("spark"), "sum 190", "metrics {'Rows': 20, 'Name': 'counting'}", "framework PySpark")


def test_a_cluster_and_a_compute_instance(run_project: Callable[..., str]) -> None:
    said = run_project("clusters")
    has(
        said,
        "message: ComputeTargetNotFound: Compute Target with name cpu-cluster not found in provided workspace; "
        "there is: local",
        "Succeeded",
        'Provisioning operation finished, operation "Succeeded"',
        "AmlCompute wait for completion finished",
        "Minimum number of nodes requested have been provisioned",
        "Found existing cluster, use it.",
        "AmlCompute Succeeded STANDARD_D2_V2 2 True",
        "target cpu-cluster [0, 1, 4, 9]",
        "target cpu-cluster [0, 1, 4, 9]",
        "active 0 nodes 0",
        "ComputeInstance Running",
        "target my-instance",
        "cpu-cluster AmlCompute Succeeded",
        "my-instance ComputeInstance Succeeded",
        "now 4",
        "left ['local']",
        "ExperimentExecutionException Unknown compute target gone; this workspace has: local",
    )


def test_hyperparameters_of_an_estimator_and_of_a_script(run_project: Callable[..., str]) -> None:
    said = run_project("hyperdrive")
    has(
        said,
        "Best Run Id: True",
        "accuracy 1.01 parameters ['--epochs', '2', '--learning_rate', '0.5']",
        "files ['outputs/model.txt']",
        "model tuned 1 {'Accuracy': '1.01'}",
        "child True Completed",
        "child True Completed",
        "hyperparameters True",
        "metrics [2, 2]",
        "children 2 True",
        "same True ['--data', 'DatasetConsumptionConfig:numbers', '--epochs', '1']",
        "runs True hyperdrive",
        "downloaded ['model.txt']",
    )
    assert "[GENERATOR][INFO]All jobs generated.<END>" in said


def test_estimators_with_data(run_project: Callable[..., str]) -> None:
    has(
        run_project("estimators"),
        "0 True",
        "folder ['one.txt', 'table.csv', 'two.txt'] True test",
        "mounted ['one.txt', 'two.txt']",
        "table ['name', 'value'] 2",
        "metrics {'regularization': 0.8}",
        "packages {'regularization': 0.1, 'accuracy': 1.0, 'six': '1.16.0'} ['--folder', 'DatasetConsumptionConfig:words']",
    )


def test_tables_and_files_from_run_to_run(run_project: Callable[..., str]) -> None:
    has(
        run_project("datasets"),
        "workspaceblobstore - Default = True",
        "/one.csv",
        "/two.csv",
        "frame frame 2",
        "versions [3, 4, 4]",
        "flowers files version 1 FileDataset",
        "flowers table version 1 TabularDataset",
        "frame version 2 TabularDataset",
        "split 4",
        "columns ['length']",
        "dropped ['length']",
        'UserErrorException Cannot find dataset registered with name "no such" in the workspace, '
        "which has: flowers files, flowers table, frame",
        "rows 4 flowers table 1 True",
        "train True",
        "left prepared flowers 1 ['/long.csv']",
        "prepared 2 ['long.csv']",
        "table ['even', 'odd', 'even', 'odd'] 3",
        "files ['one.csv', 'two.csv']",
        "uploaded 2 long ones",
        "again ['/summary.txt']",
    )


def test_all_that_a_run_logs(run_project: Callable[..., str]) -> None:
    said = run_project("logging")
    has(
        said,
        "running Running Running",
        "done Completed by hand",
        "metric Accuracies [0.5, 0.75]",
        "metric Data sized used 100",
        "metric a row {'x': 1, 'y': 0.5}",
        "metric a table {'one': [1, 2], 'two': [3, 4]}",
        "metric again [1, 2.5]",
        "metric an image True",
        "metric first 1",
        "metric flag True",
        "metric many rows {'angle': [0, 1], 'sine': [0.0, 0.5]}",
        "metric word good",
        "one {'again': [1, 2.5]} {}",
        "tags {'Quality': 'good', 'seen': None, 'a': 'b'}",
        "properties someone someone",
        "files ['outputs/many/a.txt', 'outputs/many/deep/b.txt', 'outputs/notes.txt', 'outputs/x.txt', 'picture.png']",
        "UserErrorException metric 'list': run.log does not support list type. Use run.log_list instead",
        "children [0, 1, 10, 20] Completed",
        "broken Failed User program failed with ValueError: too bad",
        "mlflow True mlflow.db",
        "children [{'inner': 1}]",
        "so far [0.5, 0.25]",
        "logged list [1, 2.5, 3]",
        "logged loss [0.5, 0.25]",
        "logged row {'x': 1, 'y': 'a'}",
        "logged step loss 1.0",
        "logged table {'x': [1, 2], 'y': [0.1, 0.2]}",
        "tags yes for ever",
        "files ['logs/progress.log', 'outputs/model.txt', 'picture.png']",
        "listed True",
        "after {'later': 'yes'}",
    )
    for name in ("matrix", "picture.png", "predictions", "residuals"):
        assert f"/{name}\n" in said


def test_a_training_script_on_its_own(run_project: Callable[..., str], turnout: Any) -> None:
    said = run_project("offline", "train.py", "--rate", "0.5")
    has(
        said,
        "offline False True",
        "workspace a-workspace",
        "Attempted to log scalar metric rate:",
        "0.5",
        "Attempted to log list metric numbers:",
        "Attempted to add tag where with value here",
        "Attempted to track file outputs/model.txt at model.txt",
    )
    assert "Could not load a submitted run" in said
    assert [path.name for path in (turnout.directory / "offline-runs").iterdir()]  # nothing of it is lost


def test_runs_are_found_ended_and_fetched(run_project: Callable[..., str]) -> None:
    said = run_project("management")
    has(
        said,
        "keys []",
        "times True True",
        "properties ['ContentSnapshotId', '_azureml.ComputeTargetType']",
        "definition []",
        "ValueError: this is not good",
        "Error:",
        "bad Failed UserError",
        "slow Canceled Canceled",
        "all ['slow', 'bad', 'good']",
        "day ['bad', 'good'] ['bad', 'good']",
        "type 3 0",
        "failed True",
        "properties 1",
        "same True True",
        "experiments ['managed'] ['managed']",
        "files ['outputs/model.txt', 'outputs/notes.txt']",
        "downloaded model.txt ['model.txt', 'notes.txt']",
        "flat ['model.txt', 'notes.txt']",
        "logs True True",
        "with logs True",
        "snapshot True ['train.py']",
        "children [('Completed', {'value': 1})]",
        "top 4 5",
        "Status: Completed",
        "value: 1",
    )


def test_run_configurations_in_files(run_project: Callable[..., str]) -> None:
    has(
        run_project("runconfig"),
        "by hand train.py ['--rate', '0.1'] {'EXAMPLE_ENV_VAR': 'EXAMPLE_VALUE', 'STAGE': 'by hand'} local",
        "{'rate': 0.1, 'stage': 'by hand'}",
        "by name {'rate': 2.0, 'stage': 'by hand'}",
        "json ['--rate', '0.2'] {'rate': 0.2, 'stage': 'json'}",
        "saved True {'STAGE': 'saved'} {'rate': 0.5, 'stage': 'saved'}",
        "saved again True {'rate': 3.0, 'stage': 'saved'}",
        "['saved']",
    )


def test_a_notebook_runs_cell_by_cell(run_project: Callable[..., str], turnout: Any) -> None:
    has(
        run_project("notebook", "train.ipynb"),
        "{'observations': 10}",
        "Writing experiment_files/train.py",
        "Follow it: turnout logs -f " + turnout.json("show", "@last")["id"],
        "Accuracy 0.75",
    )


def test_a_notebook_that_fails_says_in_which_cell(turnout: Any) -> None:
    cells = [{"cell_type": "code", "source": source} for source in ("one = 1", "%matplotlib inline\nprint(one / 0)\n")]
    turnout.script(json.dumps({"cells": cells}), "lab.ipynb")
    command = [*turnout.command, "azureml", "run", "lab.ipynb"]
    done = subprocess.run(command, cwd=turnout.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[1].strip() == 'File "lab.ipynb, cell 2", line 2, in <module>'
    assert lines[2].strip() == "print(one / 0)"
    turnout.script("no notebook", "lab.ipynb")
    assert "the notebook lab.ipynb can't be read" in turnout("azureml", "run", "lab.ipynb", code=2).stderr
