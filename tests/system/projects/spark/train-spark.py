import argparse

import pyspark
from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int)
args = parser.parse_args()
run = Run.get_context()
spark = pyspark.sql.SparkSession.builder.getOrCreate()
frame = spark.range(args.rows)
run.log("Rows", frame.count())
run.log("Name", spark.sparkContext.appName)
print("sum", frame.groupBy().sum("id").collect()[0][0])
spark.stop()
