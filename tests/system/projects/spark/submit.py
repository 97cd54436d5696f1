# Spark: the framework decides how the script is launched.
import sys

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import RunConfiguration

ws = Workspace.from_config()
run_config = RunConfiguration(framework="pyspark")
run_config.target = "local"
run_config.spark.configuration["spark.app.name"] = "counting"
run_config.spark.configuration["spark.driver.extraJavaOptions"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
run_config.environment.python.user_managed_dependencies = True
run_config.environment.python.interpreter_path = sys.executable
script_run_config = ScriptRunConfig(source_directory="./", script="train-spark.py", arguments=["--rows", 20], run_config=run_config)
run = Experiment(ws, "train-on-spark").submit(config=script_run_config)
run.wait_for_completion(show_output=True)
print("metrics", run.get_metrics())
print("framework", run.get_details()["runDefinition"]["framework"])
