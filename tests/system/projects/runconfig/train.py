import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
args = parser.parse_args()
run = Run.get_context()
run.log("rate", args.rate)
run.log("stage", os.environ.get("STAGE", "none"))
