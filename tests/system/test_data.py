"""Datasets, datastores and models of v1's projects, here and on a host that shares nothing with the submitter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.testing.remotehost import RemoteHost

pytestmark = pytest.mark.system

SUBMIT = """
import sys
from azureml.core import Dataset, Environment, Experiment, Model, ScriptRunConfig, Workspace
from azureml.data import OutputFileDatasetConfig

ws = Workspace.from_config()
store = ws.get_default_datastore()
store.upload("data", target_path="mine", show_progress=False)
files = Dataset.File.from_files((store, "mine"))
words = Dataset.File.from_files([(store, "mine/one.txt")]).register(ws, "words")
output = OutputFileDatasetConfig("left", destination=(store, "left/{run-id}")).register_on_complete("left")
environment = Environment("bare")
if len(sys.argv) > 2:
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.argv[2]
config = ScriptRunConfig("project", "train.py", compute_target=sys.argv[1], environment=environment, arguments=[
    "--files", files.as_named_input("files").as_mount(),
    "--copy", files.take(1).as_named_input("copy").as_download(),
    "--reference", store.path("mine/two.txt").as_mount(),
    "--words", words.as_named_input("words"),
    "--output", output,
])
run = Experiment(ws, "data").submit(config)
details = run.wait_for_completion(show_output=True)
print("inputs", [each["consumptionDetails"]["inputName"] for each in details["inputDatasets"]])
left = Dataset.get_by_name(ws, "left")
print("left", left.version, left.to_path(), open(left.download("got")[0]).read())
model = Model(ws, "letters")
print("model", model.version, model.tags, model.run_id == run.id, model.snapshot_id == run.get_snapshot_id())
print("model files", sorted(open(model.download("models")).read().split()))
print("lineage", sorted(set(map(str, (len(each) for each in model.datasets.values())))))
print("named in the script", Dataset.get_by_name(ws, "again").to_path())
print("uploaded", open(Dataset.File.from_files((store, "back/said.txt")).download("back")[0]).read())
"""
TRAIN = """
import argparse, os
from azureml.core import Dataset, Datastore, Model, Run

parser = argparse.ArgumentParser()
for name in ("files", "copy", "reference", "words", "output"):
    parser.add_argument("--" + name)
options = parser.parse_args()
run = Run.get_context()
ws = run.experiment.workspace
print("files", sorted(os.listdir(options.files)), os.listdir(options.copy))
assert run.input_datasets["files"] == options.files == os.environ["files"]
print("reference", open(options.reference).read())
open(os.path.join(options.copy, "one.txt"), "a").close()  # a copy may be written to
assert options.words == run.input_datasets["words"].id
print("words", [open(path).read() for path in run.input_datasets["words"].download()])
print("by name", Dataset.get_by_name(ws, "words").version, Dataset.get_by_name(ws, "words").to_path())
with open(os.path.join(options.output, "result.txt"), "w") as out:
    out.write("computed")
os.makedirs("outputs/letters", exist_ok=True)
for letter in "ab":
    with open("outputs/letters/" + letter, "w") as out:
        out.write(letter)
run.upload_file("outputs/letters/c", options.reference)
with open("outputs/whole", "w") as out:
    out.write("a b")
model = run.register_model("letters", "outputs/whole", tags={"kind": "test"})
print("registered", model.name, model.version, open(Model.get_model_path("letters")).read())
with open("said.txt", "w") as out:
    out.write("from the run")
store = ws.get_default_datastore()
store.upload_files(["said.txt"], target_path="back", show_progress=False)
print("store", store.name, store.datastore_type, Datastore.get(ws, "workspaceblobstore").name)
Dataset.File.from_files((store, "back/said.txt")).register(ws, "again")
print("again", Dataset.get_by_name(ws, "again").version)
"""


@pytest.fixture
def project(turnout: Any) -> Path:
    turnout.script(SUBMIT, "submit.py")
    turnout.script(TRAIN, "project/train.py")
    turnout.script("one", "data/one.txt")
    turnout.script("two", "data/two.txt")
    return Path(turnout.directory)


def _expect_all(said: str) -> None:
    for line in (
        "files ['one.txt', 'two.txt'] ['one.txt']",
        "reference two",
        "words ['one']",
        "by name 1 ['/one.txt']",
        "registered letters 1 a b",
        "store workspaceblobstore AzureBlob workspaceblobstore",
        "again 1",
        "inputs ['files', 'copy', 'words']",
        "left 1 ['/result.txt'] computed",
        "model 1 {'kind': 'test'} True True",
        "model files ['a', 'b']",
        "named in the script ['/said.txt']",
        "uploaded from the run",
    ):
        assert line in said, line


def test_a_run_reads_and_leaves_data_here(turnout: Any, project: Path) -> None:
    _expect_all(turnout("azureml", "run", "submit.py", "local", sys.executable).stdout)
    shown = turnout("show", "@last").stdout
    assert "words: dataset words:1, as it is, 1 file, 3 B" in shown
    assert f"left: workspaceblobstore/left/{turnout.json('show', '@last')['id']}, dataset left" in shown
    record = Path(turnout.json("show", "@last")["directory"])
    assert not (record / "data").exists()  # what was placed for the script is gone with it
    assert "inputs/files/one.txt" in (record / "data.manifest").read_text()


def test_a_bare_environment_is_enough(turnout: Any, project: Path) -> None:
    _expect_all(turnout("azureml", "run", "submit.py", "local").stdout)


def test_a_run_reads_and_leaves_data_elsewhere(turnout: Any, project: Path, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout("target", "alias", "cpu-cluster", "box")
    _expect_all(turnout("azureml", "run", "submit.py", "cpu-cluster").stdout)
    shown = turnout.json("show", "@last")
    assert shown["placement"]["host"] == remote_host.name
    assert shown["target"]["cluster"] == "cpu-cluster"
    assert "cpu-cluster, which is box\n" in turnout("show", "@last").stdout
    runs = list(remote_host.path(".turnout/workspaces").glob("*/runs/*"))
    assert runs
    assert not [run for run in runs if (run / "data").exists()]  # gone with the script


SWEEP = """
import sys
from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.train.hyperdrive import GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, choice

ws = Workspace.from_config()
store = ws.get_default_datastore()
store.upload("data", target_path="mine", show_progress=False)
files = Dataset.File.from_files((store, "mine"))
output = OutputFileDatasetConfig("left", destination=(store, "left/{run-id}")).register_on_complete("left")
environment = Environment("bare")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
config = ScriptRunConfig("project", "trial.py", ["--data", files.as_named_input("data").as_mount(), "--out", output],
                         environment=environment)
sweep = Experiment(ws, "sweep").submit(HyperDriveConfig(
    hyperparameter_sampling=GridParameterSampling({"--x": choice(1, 2)}), primary_metric_name="score",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=2, run_config=config))
sweep.wait_for_completion()
versions = {version: Dataset.get_by_name(ws, "left", version) for version in (1, 2)}
print("left", sorted(open(found.download()[0]).read() for found in versions.values()))
print("apart", len({found._definition["sources"][0]["path"] for found in versions.values()}))
print("of the sweep", sweep.get_details()["inputDatasets"], sweep.get_details()["outputDatasets"])
print("of a trial", [len(run.get_details()["inputDatasets"]) for run in sweep.get_children()])
"""


def test_each_trial_of_a_sweep_leaves_data_of_its_own(turnout: Any, project: Path) -> None:
    turnout.script(SWEEP, "sweep.py")
    turnout.script(
        "import os, sys\nfrom azureml.core import Run\n"
        "words = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "assert sorted(os.listdir(words['--data'])) == ['one.txt', 'two.txt']\n"
        "open(os.path.join(words['--out'], 'x.txt'), 'w').write(words['--x'])\n"
        "Run.get_context().log('score', int(words['--x']))\n",
        "project/trial.py",
    )
    said = turnout("azureml", "run", "sweep.py").stdout
    for line in ("left ['1', '2']", "apart 2", "of the sweep [] []", "of a trial [1, 1]"):
        assert line in said, line
