import os
import random

from azureml.core import Run

run = Run.get_context()
run.log("loss", 0.5)
run.log("loss", 0.25)
run.log("step loss", 1.0, step=1)
run.log_list("list", [1, 2.5, 3])
run.log_row("row", x=1, y="a")
run.log_table("table", {"x": [1, 2], "y": [0.1, 0.2]})
run.log_image("picture", path="picture.png")
run.log_confusion_matrix(
    "matrix",
    {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": {"class_labels": ["a", "b"], "matrix": [[1, 0], [0, 1]]}},
)
run.log_predictions(
    "predictions",
    {"schema_type": "predictions", "schema_version": "1.0.0", "data": {"bin_averages": [0.1], "bin_errors": [0.0], "bin_counts": [1], "bin_edges": [0, 1]}},
)
run.log_residuals("residuals", {"schema_type": "residuals", "schema_version": "1.0.0", "data": {"bin_edges": [0, 1], "bin_counts": [1]}})
run.tag("best", random.choice(["yes"]))
run.add_properties({"kept": "for ever"})
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.txt", "w") as f:
    f.write("model")
os.makedirs("logs", exist_ok=True)
with open("logs/progress.log", "w") as f:
    f.write("50 %")
with run.child_run(name="inner") as child:
    child.log("inner", 1)
print("children", [each.get_metrics() for each in run.get_children()])
run.flush()
print("so far", run.get_metrics()["loss"])
run.complete()
