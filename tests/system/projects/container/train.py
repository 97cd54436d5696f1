import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=str, dest="data_folder")
args = parser.parse_args()
run = Run.get_context()
path = args.data_folder
if os.path.isdir(path):
    path = os.path.join(path, os.listdir(path)[0])
with open(path) as f:
    total = sum(int(line) for line in f)
run.log("total", total)
run.log("contained", os.environ.get("HOME", "") != os.environ.get("OUTER_HOME", "none"))
os.makedirs("outputs", exist_ok=True)
with open("outputs/total.txt", "w") as f:
    f.write(str(total))
print("in", os.getcwd(), "as", os.uname().nodename)
