import argparse
import os

import mylib
from azureml.core.run import Run

parser = argparse.ArgumentParser()
parser.add_argument("--regularization", type=float, default=0.01)
parser.add_argument("--verbose", action="store_true")
args = parser.parse_args()

run = Run.get_context()
print("training with", args.regularization, "in mode", os.environ["MODE"], os.environ["EXAMPLE_ENV_VAR"])
for alpha in mylib.get_alphas():
    run.log("alpha", alpha)
    run.log("mse", alpha * args.regularization)
run.log("rmse", args.regularization ** 2)
os.makedirs("./outputs", exist_ok=True)
with open("outputs/model.txt", "w") as f:
    f.write("%s" % args.regularization)
print("files beside", sorted(name for name in os.listdir(".") if name.endswith(".py")))
