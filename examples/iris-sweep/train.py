"""A support vector classifier over iris; its accuracy on a quarter that it hasn't seen."""

import argparse
import os
import pickle

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from turnout import Run

parser = argparse.ArgumentParser()
parser.add_argument("--kernel", default="linear")
parser.add_argument("--penalty", type=float, default=1.0)
arguments = parser.parse_args()

run = Run.get_context()
features, labels = load_iris(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(features, labels, test_size=0.25, random_state=0)
model = SVC(kernel=arguments.kernel, C=arguments.penalty).fit(train_x, train_y)
accuracy = float(model.score(test_x, test_y))
run.log("accuracy", accuracy)
print(f"{arguments.kernel:8} C {arguments.penalty}   accuracy {accuracy:.4f}")
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.pkl", "wb") as stream:
    pickle.dump(model, stream)
