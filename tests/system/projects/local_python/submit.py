# Train the model on this computer, in the Python that is active.
import azureml.core
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.widgets import RunDetails

print("This notebook was created using version 1.28.0 of the Azure ML SDK")
print("You are currently using version", azureml.core.VERSION, "of the Azure ML SDK")

ws = Workspace.from_config()
print("Workspace name: " + ws.name, "Azure region: " + ws.location, "Subscription id: " + ws.subscription_id, "Resource group: " + ws.resource_group, sep="\n")

experiment = Experiment(workspace=ws, name="train-on-local")

user_managed_env = Environment("user-managed-env")
user_managed_env.python.user_managed_dependencies = True
user_managed_env.environment_variables = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE", "MODE": "test"}

src = ScriptRunConfig(source_directory="./", script="training/train.py", arguments=["--regularization", 0.5, "--verbose"])
src.run_config.environment = user_managed_env

run = experiment.submit(config=src, tags={"stage": "first"})
print(run)
RunDetails(run).show()
details = run.wait_for_completion(show_output=True)
print(run)
print("metrics", run.get_metrics())
print("command line", details["runDefinition"]["arguments"], details["target"], details["runDefinition"]["script"])
print("tags", run.get_tags(), run.tags, run.type, run.number)

# Another run with another value: the same object, changed.
src.arguments = ["--regularization", 0.25]
run = experiment.submit(src)
run.wait_for_completion()
print("metrics", run.get_metrics())

minimum_rmse_runid = None
minimum_rmse = None
for run in experiment.get_runs():
    run_metrics = run.get_metrics()
    run_details = run.get_details()
    run_rmse = run_metrics["rmse"]
    run_id = run_details["runId"]
    if minimum_rmse is None or run_rmse < minimum_rmse:
        minimum_rmse, minimum_rmse_runid = run_rmse, run_id
found = ws.experiments["train-on-local"]
print("best", minimum_rmse, found.name)
best_run = azureml.core.Run(experiment, minimum_rmse_runid)
print("model files", [name for name in best_run.get_file_names() if name.startswith("outputs")])
best_run.download_file(name="outputs/model.txt", output_file_path="model.txt")
model = best_run.register_model(model_name="local-model", model_path="outputs/model.txt", tags={"area": "test"})
print(model.name, model.id, model.version, sep="\t")

# What fails is said, where it failed.
src.arguments = ["--regularization", "much"]
run = experiment.submit(src)
try:
    run.wait_for_completion(show_output=False)
except azureml.exceptions.ActivityFailedException as error:
    print("failed:", "Activity Failed" in str(error), error.message[:200])
print(run.get_status(), run.get_details()["error"]["error"]["message"])
