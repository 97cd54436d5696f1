import argparse
import glob
import os

import six
from azureml.core import Dataset, Run
from azureml.core.model import Model

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", type=str, dest="data_folder", help="data folder mounting point")
args = parser.parse_args()
run = Run.get_context()
ws = run.experiment.workspace
print("workspace", ws.name, ws.resource_group, ws.subscription_id, ws.location)
print("experiment", run.experiment.name, run.id.startswith("train-on-remote-vm_"))
found = glob.glob(os.path.join(args.data_folder, "**/*.csv"), recursive=True)
print("found", [os.path.basename(path) for path in found])
mean = sum(float(line) for path in found for line in open(path)) / 3
run.log("mean", mean)
run.log("six", six.__version__)
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.pkl", "w") as f:
    f.write("mean %s" % mean)
print("by name", Dataset.get_by_name(ws, name="diabetes").version, ws.datasets["diabetes"].name)
model = Model.register(workspace=ws, model_path="outputs/model.pkl", model_name="remote-model", tags={"kind": "mean"})
print("registered", model.name, model.version)
