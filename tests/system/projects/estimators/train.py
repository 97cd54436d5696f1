import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--folder", type=str)
parser.add_argument("--regularization", type=float, default=0.1)
parser.add_argument("--verbose", action="store_true")
args = parser.parse_args()
run = Run.get_context()
print("folder", sorted(os.listdir(args.folder)), args.verbose, os.environ.get("STAGE"))
run.log("regularization", args.regularization)
if "table" in run.input_datasets:
    print("mounted", sorted(os.listdir(run.input_datasets["words"])))
    df = run.input_datasets["table"].to_pandas_dataframe()
    print("table", list(df.columns), len(df))
else:
    import six
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    run.log("accuracy", model.score([[0.0], [1.0]], [0, 1]))
    run.log("six", six.__version__)
