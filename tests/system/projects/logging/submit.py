# Everything that a run can say of itself.
import os

from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.environment import Environment
from azureml.mlflow import get_mlflow_tracking_uri

ws = Workspace.from_config()
exp = Experiment(ws, "logging-api")

# Interactive: the notebook is the run.
run = exp.start_logging(outputs=None, snapshot_directory=".", display_name="by hand")
run.log(name="first", value=1)
run.log("Data sized used", 100, description="rows")
run.log_list("Accuracies", [0.5, 0.75])
run.log_row("a row", x=1, y=0.5)
for angle in range(2):
    run.log_row("many rows", angle=angle, sine=angle / 2)
run.log_table("a table", {"one": [1, 2], "two": [3, 4]})
run.log_image(name="an image", path="picture.png")
run.log("again", 1)
run.log("again", 2.5)
run.log("word", "good")
run.log("flag", True)
run.tag("Quality", "good")
run.tag("seen")
run.set_tags({"a": "b"})
run.add_properties({"author": "someone"})
with open("notes.txt", "w") as f:
    f.write("notes")
run.upload_file(name="outputs/notes.txt", path_or_stream="./notes.txt")
os.makedirs("many/deep", exist_ok=True)
for name in ("many/a.txt", "many/deep/b.txt"):
    with open(name, "w") as f:
        f.write(name)
run.upload_folder(name="outputs/many", path="many")
run.upload_files(["outputs/x.txt"], ["notes.txt"])
print("running", run.status, run.get_status())
run.complete()
print("done", run.get_status(), run.display_name)
metrics = run.get_metrics()
for name in sorted(metrics):
    print("metric", name, metrics[name] if name != "an image" else metrics[name].startswith("aml://artifactId/ExperimentRun/dcid."))
print("one", run.get_metrics(name="again"), run.get_metrics("no such"))
print("tags", run.get_tags())
print("properties", run.get_properties()["author"], run.properties["author"])
print("files", run.get_file_names())
try:
    run.add_properties({"author": "someone else"})
except Exception as ex:
    print(type(ex).__name__, ex)
try:
    run.log("list", [1, 2])
except Exception as ex:
    print(type(ex).__name__, ex)
try:
    run.download_file("outputs/none.txt")
except Exception as ex:
    print(type(ex).__name__, ex)

# With children.
with exp.start_logging(snapshot_directory=None) as parent:
    for number in range(2):
        with parent.child_run(name="child %d" % number) as child:
            child.log("number", number)
    for child, value in zip(parent.create_children(count=2), (10, 20)):
        child.log("number", value)
        child.complete()
print("children", sorted(child.get_metrics()["number"] for child in parent.get_children()), parent.get_status())
print("recursive", len(parent.get_metrics(recursive=True)), [child.name for child in parent.get_children()][:2])

try:
    with exp.start_logging(snapshot_directory=None) as broken:
        raise ValueError("too bad")
except ValueError:
    print("broken", broken.get_status(), broken.get_details()["error"]["error"]["message"])

print("mlflow", ws.get_mlflow_tracking_uri() == get_mlflow_tracking_uri(ws), ws.get_mlflow_tracking_uri().split("/")[-1])

# Submitted.
env = Environment("env")
env.python.user_managed_dependencies = True
run = exp.submit(ScriptRunConfig(".", "train.py", environment=env))
run.wait_for_completion(show_output=True)
metrics = run.get_metrics()
for name in sorted(metrics):
    print("logged", name, metrics[name])
print("tags", run.get_tags()["best"], run.get_properties()["kept"])
print("files", [name for name in run.get_file_names() if name.startswith(("outputs", "logs/", "picture"))])
print("listed", [each.id for each in Run.list(exp, tags="best")] == [run.id])
run.tag("later", "yes")
run.remove_tags("best") if hasattr(run, "remove_tags") else None
print("after", run.get_tags())
