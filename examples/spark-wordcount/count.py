"""Counts the words of a text of some megabytes, which the executors make as they read it.

Runs as it is (`python count.py`, `spark-submit --py-files words.py count.py`) and under Turnout (`--framework pyspark`), which
brings words.py to the executors by itself and records what is logged.
"""

import argparse
import json
import os
from functools import partial
from operator import add

import words
from pyspark.sql import SparkSession

from turnout import Run

TASK = 8
"""Megabytes that one task counts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=20, help="how long the text is")
    parser.add_argument("--seed", type=int, default=0, help="which text it is")
    options = parser.parse_args()

    run = Run.get_context()
    os.makedirs("outputs", exist_ok=True)
    spark = SparkSession.builder.appName("word count").getOrCreate()

    blocks = spark.sparkContext.parallelize(range(options.megabytes), max(1, options.megabytes // TASK))
    text = blocks.flatMap(partial(words.block, seed=options.seed))
    counts = text.mapPartitions(words.counted).reduceByKey(add).cache()

    run.log("words", counts.values().sum())
    run.log("distinct words", counts.count())
    top = counts.takeOrdered(20, key=lambda pair: (-pair[1], pair[0]))
    with open("outputs/top.json", "w") as out:
        json.dump(dict(top), out, indent=1)
    print("the most frequent words:", ", ".join(f"{word} ({count:,})" for word, count in top[:5]))
    spark.stop()


if __name__ == "__main__":
    main()
