import argparse
import os
import sys
import time

from azureml.core import Environment, Run, ScriptRunConfig

parser = argparse.ArgumentParser()
parser.add_argument("--mode")
args = parser.parse_args()
run = Run.get_context()
print("mode", args.mode)
run.log("value", 1)
if args.mode == "bad":
    raise ValueError("this is not good")
if args.mode == "slow":
    time.sleep(600)
if args.mode == "parent":
    env = Environment("env")
    env.python.user_managed_dependencies = True
    env.python.interpreter_path = sys.executable
    child = run.submit_child(ScriptRunConfig(".", "train.py", arguments=["--mode", "good"], environment=env))
    print("child", child.parent.id == run.id)
os.makedirs("outputs", exist_ok=True)
for name in ("model.txt", "notes.txt"):
    with open("outputs/" + name, "w") as f:
        f.write(name)
run.add_properties({"who": "me"})
