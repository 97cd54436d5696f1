import argparse
import os

import pandas as pd
from azureml.core import Dataset, Run, Workspace

parser = argparse.ArgumentParser()
parser.add_argument("--prepared", type=str)
parser.add_argument("--results", type=str)
parser.add_argument("--table", type=str)
args = parser.parse_args()
run = Run.get_context()
ws = run.experiment.workspace
df = pd.read_csv(os.path.join(args.prepared, "long.csv"))
print("prepared", len(df), os.listdir(args.prepared))
table = Dataset.get_by_id(ws, id=args.table).to_pandas_dataframe()
print("table", list(table["label"]), len(Dataset.get_by_name(ws, "frame", version=1).to_pandas_dataframe()))
print("files", [os.path.basename(path) for path in Dataset.get_by_name(ws, "flowers files").download(target_path="flowers", overwrite=True)])
os.makedirs(args.results, exist_ok=True)
with open(os.path.join(args.results, "summary.txt"), "w") as f:
    f.write("%d long ones" % len(df))
