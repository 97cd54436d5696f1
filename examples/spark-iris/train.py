"""Logistic regression over scikit-learn's iris data, by pyspark.ml.

Runs as it is (`python train.py`, `spark-submit train.py`) and under Turnout (`--framework pyspark`), which records what is
logged and keeps the model. Spark isn't in requirements.txt: whatever launches the script brings its own.
"""

import argparse
import json
import os

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from turnout import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regularisation", type=float, default=0.01, help="strength of the penalty, from 0")
    parser.add_argument("--seed", type=int, default=0, help="of the split into training and test data")
    parser.add_argument(
        "--model",
        metavar="PLACE",
        help="where Spark writes the model in its own form; on a cluster a place that all machines see, such as "
        "hdfs:///models/iris (default: outputs/model on local[*], else nowhere)",
    )
    options = parser.parse_args()

    run = Run.get_context()
    os.makedirs("outputs", exist_ok=True)
    spark = SparkSession.builder.appName("iris").getOrCreate()

    iris = load_iris()
    rows = [(float(label), Vectors.dense(row)) for label, row in zip(iris.target, iris.data, strict=False)]
    # Split here: Spark's randomSplit goes by partitions, and how many there are is up to the cluster.
    train, test = (
        spark.createDataFrame(part, ["label", "features"])
        for part in train_test_split(rows, test_size=0.3, random_state=options.seed, stratify=iris.target)
    )

    model = LogisticRegression(regParam=options.regularisation, family="multinomial").fit(train)
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(test))
    run.log("regularisation", options.regularisation)
    run.log("accuracy", accuracy)
    print(f"regularisation {options.regularisation:g}   accuracy {accuracy:.3f}")

    # A model in Spark's own form is written by executors, on their machines. Its numbers are here, and enough to predict.
    with open("outputs/model.json", "w") as out:
        described = {
            "classes": iris.target_names.tolist(),
            "features": iris.feature_names,
            "coefficients": model.coefficientMatrix.toArray().tolist(),
            "intercepts": model.interceptVector.toArray().tolist(),
            "regularisation": options.regularisation,
        }
        json.dump(described, out, indent=1)
    place = options.model or ("outputs/model" if spark.sparkContext.master.startswith("local") else None)
    if place:
        model.write().overwrite().save(place)
    spark.stop()


if __name__ == "__main__":
    main()
