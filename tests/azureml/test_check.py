"""`turnout azureml check`: what it finds in sources and notebooks, and what it says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from turnout.azureml import check

SCRIPT = """
import azureml.core
import azureml.core as core, numpy
from azureml.core import Workspace as W, Experiment, Dataset
from azureml.train.automl import AutoMLConfig
from azureml.core.authentication import MsiAuthentication

ws = W.from_config(auth=MsiAuthentication())
print(core.VERSION, ws.name, ws.datastores, ws.resource_group)
run = Experiment(ws, "x").submit(None)
run.log("a", 1)
run.register_model("m")
run.experiment.workspace.get_default_keyvault()
other = unknown()
other.nothing()
ws = "a string"
ws.upper()
with Experiment(ws, "y").start_logging() as logged:
    logged.take_snapshot(".")
"""


def found(path: Path, text: str) -> dict[str, tuple[str, int]]:
    path.write_text(text)
    uses, unreadable = check.check(str(path))
    assert unreadable == []
    return {use.name: (use.status, use.line) for use in uses}


def test_names_and_members_are_judged_where_they_stand(tmp_path: Path) -> None:
    uses = found(tmp_path / "submit.py", SCRIPT)
    assert uses["azureml.core.Workspace"] == ("works", 4)
    assert uses["azureml.core.Workspace.from_config"] == ("works", 8)
    assert uses["azureml.core.VERSION"] == ("works", 9)
    assert uses["azureml.core.Workspace.name"] == ("works", 9)
    assert uses["azureml.core.Workspace.datastores"] == ("works", 9)
    assert uses["azureml.core.Workspace.resource_group"] == ("differs", 9)
    assert uses["azureml.core.Dataset"] == ("works", 4)
    assert uses["azureml.train.automl.AutoMLConfig"] == ("missing", 5)
    assert uses["azureml.core.authentication.MsiAuthentication"] == ("differs", 6)
    assert uses["azureml.core.Run.log"] == ("works", 11)
    assert uses["azureml.core.Run.register_model"] == ("works", 12)
    assert uses["azureml.core.Workspace.get_default_keyvault"] == ("differs", 13)
    assert uses["azureml.core.Run.take_snapshot"] == ("missing", 19)
    assert not [name for name in uses if "nothing" in name or "upper" in name or "numpy" in name]


def test_what_to_use_instead_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from azureml.core.webservice import AciWebservice\n")
    [use], _ = check.check(str(tmp_path))
    assert (use.file, use.line, use.status) == ("a.py", 1, "missing")
    assert use.words.startswith("serving models is not what Turnout is for")


def test_notebooks_are_read_cell_by_cell(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "from azureml.core import Nothing"},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install x\n", "from azureml.core import Run"]},
        {"cell_type": "code", "source": "run = Run.get_context()\nrun.log_image('x')"},
    ]
    uses = found(tmp_path / "lab.ipynb", json.dumps({"cells": cells}))
    assert uses == {
        "azureml.core.Run": ("works", 3),
        "azureml.core.Run.get_context": ("works", 4),
        "azureml.core.Run.log_image": ("works", 5),
    }


def test_a_star_brings_all_names_of_a_module(tmp_path: Path) -> None:
    uses = found(tmp_path / "a.py", "from azureml.train.hyperdrive import *\nHyperDriveConfig.unheard\n")
    assert uses["azureml.train.hyperdrive"] == ("works", 1)
    assert uses["azureml.train.hyperdrive.HyperDriveConfig.unheard"] == ("missing", 2)


def test_what_cant_be_read_is_said_and_what_is_not_the_projects_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'two'\n")
    for hidden in (".git", "venv", "__pycache__"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "x.py").write_text("import azureml.nowhere\n")
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    uses, unreadable = check.check(str(tmp_path))
    assert uses == []
    assert [each.file for each in unreadable] == ["old.py"]


@pytest.mark.parametrize("name", ["azureml.core", "azureml.core.Workspace", "azureml.core.Run.get_metrics"])
def test_some_names_that_must_work(name: str) -> None:
    assert check.judged(name) == ("works", "")


@pytest.mark.parametrize(
    "name",
    [
        "azureml.core.Dataset.get_profile",  # whichever of its objects' classes
        "azureml.core.Dataset.submit_profile_run",
        "azureml.core.authentication.AbstractAuthentication.get_token",
        "azureml.core.authentication.TokenAuthentication.get_token",  # as its base
        "azureml.core.container_registry.ContainerRegistry.password",
        "azureml.core.environment.DockerBuildContext",
        "azureml.core.environment.Environment.r",
        "azureml.core.environment.RSection.cran_packages",
        "azureml.core.runconfig.AmlComputeConfiguration.vm_size",
        "azureml.core.runconfig.ApplicationEndpointConfiguration",
        "azureml.core.runconfig.DatacacheConfiguration",
        "azureml.core.runconfig.Dataset.to_pandas_dataframe",  # another class of that name
        "azureml.core.runconfig.EnvironmentDefinition.r",  # v1's other name of Environment
        "azureml.core.runconfig.KubernetesComputeConfiguration",
        "azureml.core.runconfig.ParallelTaskConfiguration.worker_count_per_node",  # of a class that is refused
        "azureml.core.runconfig.RunConfiguration.datacaches",
        "azureml.core.runconfig.RunConfiguration.paralleltask",
        "azureml.data.azure_storage_datastore.AzureBlobDatastore.register_dbfs",
        "azureml.data.output_dataset_config.OutputDatasetConfig.as_input",
    ],
)
def test_what_is_refused_when_it_is_used_does_not_work(name: str) -> None:
    status, words = check.judged(name)
    assert status == "missing"
    assert words


@pytest.mark.parametrize(
    "name",
    [
        "azureml.core.authentication.ArmTokenAuthentication.update_arm_access_token",
        "azureml.core.container_registry.ContainerRegistry.username",
        "azureml.core.runconfig.DockerConfiguration.shared_volumes",
        "azureml.core.runconfig.RunConfiguration.node_count",
        "azureml.data.azure_storage_datastore.AzureBlobDatastore.sas_token",
        "azureml.train.hyperdrive.HyperDriveConfig.pipeline",
        "azureml.train.hyperdrive.HyperDriveRun.get_portal_url",
    ],
)
def test_what_has_no_effect_or_only_in_part_differs(name: str) -> None:
    status, words = check.judged(name)
    assert status == "differs"
    assert words


def test_members_of_sections_are_found_where_they_are(tmp_path: Path) -> None:
    text = """
from azureml.core import Environment, Experiment, RunConfiguration, ScriptRunConfig
from azureml.core.compute import AmlCompute
from azureml.train.estimator import Estimator

environment = Environment("mine")
environment.python.user_managed_dependencies = True
environment.docker.base_image = None
environment.docker.gpu_support = True
environment.environment_variables.update(A="b")
configuration = RunConfiguration()
configuration.spark.configuration["spark.app.name"] = "mine"
configuration.history.none_such = True
estimator = Estimator("project")
estimator.run_config.environment.python.interpreter_path = "python3"
estimator.conda_dependencies.serialize_to_string()
run = Experiment(None, "x").submit(estimator)
run.id.startswith("x")
run.get_best_run_by_primary_metric()
run.get_hyperparameters()
run.experiment.workspace.sku.lower()
source = ScriptRunConfig("project")
source.arguments.append("--more")
source.run_config.history.none_such
AmlCompute(None, "x").status.allocation_state
"""
    uses = found(tmp_path / "submit.py", text)
    missing = {name for name, (status, _) in uses.items() if status == "missing"}
    assert missing == {"azureml.core.RunConfiguration.history.none_such"}
    assert uses["azureml.core.Environment.docker.gpu_support"][0] == "differs"
    assert uses["azureml.core.Run.get_best_run_by_primary_metric"][0] == "works"
