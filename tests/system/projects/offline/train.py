import argparse

from azureml.core import Dataset, Run
from azureml.core.run import _OfflineRun

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
args = parser.parse_args()
run = Run.get_context()
if isinstance(run, _OfflineRun) or run.id.startswith("OfflineRun"):
    print("offline", hasattr(run, "experiment"), run.id.startswith("OfflineRun_"))
    from azureml.core import Workspace

    ws = Workspace.from_config()
else:
    ws = run.experiment.workspace
print("workspace", ws.name)
run.log("rate", args.rate)
run.log("accuracy", 0.5, step=3)
run.log_list("numbers", [1, 2])
run.log_row("row", x=1)
run.tag("where", "here")
run.tag(key="again", value="here")
with open("model.txt", "w") as f:
    f.write("model")
run.upload_file("outputs/model.txt", "model.txt")
with run.child_run("child") as child:
    child.log("child", 1)
run.complete()
try:
    Run.get_context(allow_offline=False)
except Exception as ex:
    print(type(ex).__name__, getattr(ex, "message", ex))
