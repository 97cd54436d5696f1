# Tables and files: registered, read here and in the run, written by one run and read by the next.
import pandas as pd
from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath

ws = Workspace.from_config()
default_ds = ws.get_default_datastore()
for ds_name in ws.datastores:
    print(ds_name, "- Default =", ds_name == default_ds.name)
default_ds.upload_files(
    files=["./data/one.csv", "./data/two.csv"], target_path="flowers/", overwrite=True, show_progress=True
)

tab_data_set = Dataset.Tabular.from_delimited_files(path=(default_ds, "flowers/*.csv"))
print(tab_data_set.take(2).to_pandas_dataframe())
try:
    tab_data_set = tab_data_set.register(
        workspace=ws, name="flowers table", description="flowers", tags={"format": "CSV"}, create_new_version=True
    )
except Exception as ex:
    print(ex)
file_data_set = Dataset.File.from_files(path=(default_ds, "flowers/*.csv"))
for file_path in file_data_set.to_path():
    print(file_path)
file_data_set = file_data_set.register(ws, "flowers files", create_new_version=True)

for length in (3, 4):
    frame = pd.DataFrame({"x": range(length), "label": ["even", "odd"] * 2 if length == 4 else ["even", "odd", "even"]})
    registered = Dataset.Tabular.register_pandas_dataframe(
        dataframe=frame, target=(default_ds, "frames"), name="frame", show_progress=False
    )
print("frame", registered.name, registered.version)
print("versions", [len(Dataset.get_by_name(ws, "frame", version=v).to_pandas_dataframe()) for v in (1, 2, "latest")])
for dataset_name in sorted(ws.datasets):
    dataset = Dataset.get_by_name(ws, dataset_name)
    print("\t", dataset.name, "version", dataset.version, type(dataset).__name__)
train, test = Dataset.get_by_name(ws, "flowers table").random_split(percentage=0.5, seed=1)
print("split", len(train.to_pandas_dataframe()) + len(test.to_pandas_dataframe()))
print("columns", list(tab_data_set.keep_columns(["length"]).to_pandas_dataframe().columns))
print("dropped", list(tab_data_set.drop_columns("species").to_pandas_dataframe().columns))
try:
    Dataset.get_by_name(ws, "no such")
except Exception as ex:
    print(type(ex).__name__, ex)

env = Environment("env")
env.python.user_managed_dependencies = True
exp = Experiment(ws, "data")
prepared = OutputFileDatasetConfig(name="prepared", destination=(default_ds, "prepared/{run-id}")).register_on_complete(
    name="prepared flowers"
)
src = ScriptRunConfig(
    ".",
    "prepare.py",
    arguments=["--ds", tab_data_set.as_named_input("flowers"), "--output", prepared, "--split", train.as_named_input("train")],
    environment=env,
)
run = exp.submit(src)
run.wait_for_completion(show_output=True)
print("outputs", [each["identifier"] if "identifier" in each else sorted(each) for each in run.get_details()["outputDatasets"]])
left = Dataset.get_by_name(ws, name="prepared flowers")
print("left", left.name, left.version, left.to_path())

upload = DataReference(
    datastore=default_ds, data_reference_name="results", path_on_datastore="results", mode="upload", path_on_compute="left/here"
)
src = ScriptRunConfig(
    ".",
    "train.py",
    arguments=["--prepared", left.as_named_input("prepared").as_mount(), "--results", str(upload), "--table", registered.as_named_input("frame")],
    environment=env,
)
src.run_config.data_references = {upload.data_reference_name: upload.to_config()}
run = exp.submit(src)
run.wait_for_completion(show_output=True)
default_ds.download(target_path="got", prefix="results", overwrite=True, show_progress=False)
print("uploaded", open("got/results/summary.txt").read())
print("again", Dataset.File.from_files(DataPath(default_ds, "results")).to_path())
