import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--ds", type=str)
parser.add_argument("--split", type=str)
parser.add_argument("--output", type=str)
args = parser.parse_args()
run = Run.get_context()
dataset = run.input_datasets["flowers"]
df = dataset.to_pandas_dataframe()
print("rows", len(df), dataset.name, dataset.version, args.ds == dataset.id)
print("train", 0 < len(run.input_datasets["train"].to_pandas_dataframe()) < len(df))
run.log("rows", len(df))
os.makedirs(args.output, exist_ok=True)
df[df.length > 2].to_csv(os.path.join(args.output, "long.csv"), index=False)
