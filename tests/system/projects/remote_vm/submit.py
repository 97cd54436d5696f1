# A machine over SSH: attach it, and send it a run with a dataset.
import sys

from azureml.core import Dataset, Experiment, Workspace
from azureml.core.compute import ComputeTarget, RemoteCompute
from azureml.core.compute_target import ComputeTargetException
from azureml.core.model import Model
from azureml.core.runconfig import CondaDependencies, RunConfiguration
from azureml.core import ScriptRunConfig

address, username, private_key_file = sys.argv[1:4]
ws = Workspace.from_config()
try:
    attached_dsvm_compute = RemoteCompute(workspace=ws, name="attach-dsvm")
    print("found existing:", attached_dsvm_compute.name)
except ComputeTargetException:
    attach_config = RemoteCompute.attach_configuration(
        address=address, ssh_port=22, username=username, private_key_file=private_key_file
    )
    attached_dsvm_compute = ComputeTarget.attach(workspace=ws, name="attach-dsvm", attach_configuration=attach_config)
    attached_dsvm_compute.wait_for_completion(show_output=True)
print(attached_dsvm_compute.type, attached_dsvm_compute.provisioning_state, attached_dsvm_compute.address)

ds = ws.get_default_datastore()
ds.upload(src_dir="./data", target_path="diabetes", overwrite=True, show_progress=True)
dataset = Dataset.File.from_files(ds.path("diabetes"))
dataset = dataset.register(workspace=ws, name="diabetes", description="numbers", create_new_version=True)

conda_run_config = RunConfiguration(framework="python")
conda_run_config.target = attached_dsvm_compute
conda_run_config.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["six==1.16.0"])

src = ScriptRunConfig(
    source_directory=".",
    script="train.py",
    arguments=["--data-folder", dataset.as_named_input("diabetes").as_mount()],
    run_config=conda_run_config,
)
run = Experiment(workspace=ws, name="train-on-remote-vm").submit(config=src)
run.wait_for_completion(show_output=True)
print("metrics", run.get_metrics())
print("files", [name for name in run.get_file_names() if name.startswith("outputs/")])

model = Model(ws, "remote-model")
print("model", model.name, model.version, model.tags, sorted(model.run.get_metrics()))
print("content", open(model.download(target_dir="here", exist_ok=True)).read())
print("inputs", [each["dataset"]["id"] == dataset.id for each in run.get_details()["inputDatasets"]])
attached_dsvm_compute.detach()
print("left", [name for name in ws.compute_targets])
