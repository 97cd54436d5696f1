# Look after runs: find them, follow them, end them, fetch what they left.
import os
import shutil

from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.core import get_run
from azureml.widgets import RunDetails

ws = Workspace.from_config()
exp = Experiment(ws, "managed")
env = Environment("env")
env.python.user_managed_dependencies = True
src = ScriptRunConfig(source_directory="project", script="train.py", arguments=["--mode", "good"], environment=env)
good = exp.submit(src, tags={"kind": "good", "day": "1"})
details = good.wait_for_completion(show_output=True, wait_post_processing=True)
print("keys", [key for key in ("runId", "target", "status", "startTimeUtc", "endTimeUtc", "properties", "inputDatasets", "outputDatasets", "runDefinition", "logFiles", "submittedBy") if key not in details])
print("times", details["startTimeUtc"].endswith("Z"), details["startTimeUtc"] < details["endTimeUtc"])
print("properties", sorted(key for key in details["properties"] if key in ("_azureml.ComputeTargetType", "ContentSnapshotId")))
print("definition", [key for key in ("script", "arguments", "framework", "communicator", "target", "dataReferences", "data", "outputData", "maxRunDurationSeconds", "nodeCount", "environment", "history", "spark", "docker", "environmentVariables") if key not in details["runDefinition"]])
for name, path in details["logFiles"].items():
    print("log", name)

src.arguments = ["--mode", "bad"]
bad = exp.submit(src, tags={"kind": "bad", "day": "1"})
bad.wait_for_completion(raise_on_error=False, show_output=True)
print("bad", bad.get_status(), bad.get_details()["error"]["error"]["code"])

src.arguments = ["--mode", "slow"]
slow = exp.submit(src, tags={"kind": "slow"})
slow.cancel()
slow.wait_for_completion(show_output=False)
print("slow", slow.get_status(), slow.get_detailed_status()["status"])

print("all", [run.tags["kind"] for run in exp.get_runs()])
print("day", [run.tags["kind"] for run in exp.get_runs(tags={"day": "1"})], [run.get_tags()["kind"] for run in exp.get_runs(tags="day")])
print("type", len(list(exp.get_runs(type="azureml.scriptrun"))), len(list(exp.get_runs(type="hyperdrive"))))
print("failed", [run.id for run in Run.list(exp, status="Failed")] == [bad.id])
print("properties", len(list(exp.get_runs(properties={"who": "me"}))))

same = Run.get(ws, good.id)
print("same", same == good, ws.get_run(good.id).id == get_run(exp, good.id).id == Run(exp, good.id).id)
print(same)
print("experiments", list(ws.experiments), [each.name for each in Experiment.list(ws)])
try:
    Run.get(ws, "no-such-run")
except Exception as ex:
    print(type(ex).__name__, ex)

print("files", [name for name in good.get_file_names() if name.startswith("outputs/")])
good.download_file("outputs/model.txt")
good.download_files(prefix="outputs", output_directory="got")
print("downloaded", open("model.txt").read(), sorted(os.listdir("got/outputs")))
good.download_files(prefix="outputs", output_directory="flat", append_prefix=False)
print("flat", sorted(os.listdir("flat")))
logs = good.get_all_logs(destination="logs-here")
print("logs", any("std_log" in path or "70_driver" in path for path in logs), all(os.path.exists(path) for path in logs))
print("with logs", any("mode good" in text for text in good.get_details_with_logs()["logFiles"].values()))
snapshot = good.restore_snapshot(path="restored")
print("snapshot", os.path.exists(snapshot), snapshot.endswith(".zip") or sorted(os.listdir(snapshot)))

src.arguments = ["--mode", "parent"]
parent = exp.submit(src)
parent.wait_for_completion(show_output=True)
for child in parent.get_children():
    child.wait_for_completion()
print("children", [(child.get_status(), child.get_metrics()) for child in parent.get_children()])
print("top", len(list(exp.get_runs())), len(list(exp.get_runs(include_children=True))))
RunDetails(good).show()
print("data", sorted(RunDetails(good).get_widget_data())[:3])
