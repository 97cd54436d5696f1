# Tune the script's parameters, once through an estimator and once through a ScriptRunConfig.
import os
import sys

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    uniform,
)
from azureml.train.hyperdrive.run import HyperDriveRun
from azureml.widgets import RunDetails

ws = Workspace.from_config()
exp = Experiment(workspace=ws, name="tuning")
compute = ComputeTarget.create(ws, "cpu-cluster", AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2))
compute.wait_for_completion(show_output=True)
datastore = ws.get_default_datastore()
datastore.upload("data", target_path="tuning-data", overwrite=True)
dataset = Dataset.File.from_files((datastore, "tuning-data"))

env = Environment("env")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable

# 1. An estimator, with the dataset as its input.
est = Estimator(
    source_directory="./",
    entry_script="train.py",
    script_params={"--epochs": 2},
    compute_target=compute,
    inputs=[dataset.as_named_input("numbers").as_mount()],
    environment_definition=env,
)
param_sampling = GridParameterSampling({"--learning_rate": choice(0.1, 0.5, 0.9)})
hyperdrive_config = HyperDriveConfig(
    estimator=est,
    hyperparameter_sampling=param_sampling,
    policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1),
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=4,
    max_concurrent_runs=2,
)
hyperdrive_run = exp.submit(config=hyperdrive_config)
RunDetails(hyperdrive_run).show()
hyperdrive_run.wait_for_completion(show_output=True)
assert hyperdrive_run.get_status() == "Completed"
best_run = hyperdrive_run.get_best_run_by_primary_metric()
best_run_metrics = best_run.get_metrics()
parameter_values = best_run.get_details()["runDefinition"]["arguments"]
print("Best Run Id:", best_run.id == hyperdrive_run.id + best_run.id[len(hyperdrive_run.id):])
print("accuracy", max(best_run_metrics["accuracy"]), "parameters", parameter_values)
print("files", [name for name in best_run.get_file_names() if name.startswith("outputs")])
model = best_run.register_model(model_name="tuned", model_path="outputs/model.txt", properties={"Accuracy": max(best_run_metrics["accuracy"])})
print("model", model.name, model.version, model.properties)

# 2. A ScriptRunConfig, with the dataset among its arguments.
src = ScriptRunConfig(
    source_directory=".",
    script="train.py",
    arguments=["--data", dataset.as_named_input("numbers").as_download(), "--epochs", 1],
    compute_target=compute,
    environment=env,
)
config = HyperDriveConfig(
    run_config=src,
    hyperparameter_sampling=RandomParameterSampling({"learning_rate": uniform(0.05, 0.5), "batch": choice(range(1, 3))}),
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=2,
)
run = exp.submit(config)
run.wait_for_completion(show_output=False)
for child in run.get_children_sorted_by_primary_metric():
    print("child", sorted(child) == ["best_primary_metric", "hyperparameters", "run_id", "status"], child["status"])
print("hyperparameters", sorted(run.get_hyperparameters().items())[0][1].startswith("{"))
print("metrics", sorted(len(each) for each in run.get_metrics().values()))
print("children", len(list(run.get_children())), all(child.parent.id == run.id for child in run.get_children()))
again = HyperDriveRun(exp, run.id)
best = again.get_best_run_by_primary_metric()
print("same", best.id == run.get_best_run_by_primary_metric().id, best.get_details()["runDefinition"]["arguments"][:4])
run_ids = [each.id for each in exp.get_runs()]
print("runs", run_ids == [run.id, hyperdrive_run.id], run.type)
os.makedirs("model", exist_ok=True)
best.download_file("outputs/model.txt", output_file_path="model/")
print("downloaded", os.listdir("model"))
