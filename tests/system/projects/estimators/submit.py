# Estimators, as they were before ScriptRunConfig took their place.
from azureml.core import Dataset, Datastore, Experiment, Workspace
from azureml.core.runconfig import DEFAULT_CPU_IMAGE
from azureml.train.estimator import Estimator
from azureml.train.sklearn import SKLearn

print(DEFAULT_CPU_IMAGE.split("/")[0])
ws = Workspace.from_config()
ds = Datastore.get(ws, datastore_name="workspaceblobstore")
ds.upload(src_dir="data", target_path="words", overwrite=True, show_progress=True)
dataset = Dataset.File.from_files(path=ds.path("words/**/*.txt"))
table = Dataset.Tabular.from_delimited_files(path=[(ds, "words/table.csv")])

script_params = {
    "--folder": ds.path("words").as_mount(),
    "--regularization": 0.8,
    "--verbose": "",
}
est = Estimator(
    source_directory=".",
    entry_script="train.py",
    script_params=script_params,
    compute_target="local",
    inputs=[dataset.as_named_input("words").as_mount(), table.as_named_input("table")],
    environment_variables={"STAGE": "test"},
    user_managed=True,
)
print(est.conda_dependencies.serialize_to_string().count("azureml"), est.run_config.environment.python.user_managed_dependencies)
run = Experiment(ws, "estimated").submit(est)
run.wait_for_completion(show_output=True)
print("metrics", run.get_metrics())

est = SKLearn(
    source_directory=".",
    entry_script="train.py",
    script_params={"--folder": dataset.as_named_input("words").as_download()},
    compute_target="local",
    framework_version="0.20.3",
    pip_packages=["six==1.16.0"],
    use_docker=False,
)
run = Experiment(ws, "estimated").submit(est)
run.wait_for_completion()
print("packages", run.get_metrics(), run.get_details()["runDefinition"]["arguments"])
