# Run configurations in files: written by hand, and saved by the SDK.
import json
import os

from azureml.core import Experiment, RunConfiguration, ScriptRunConfig, Workspace

ws = Workspace.from_config()
exp = Experiment(ws, "from-files")


def go(config, **kwargs):
    run = exp.submit(ScriptRunConfig(source_directory=".", run_config=config, **kwargs))
    run.wait_for_completion(show_output=False)
    return run.get_metrics()


by_hand = RunConfiguration.load(path=".", name="by_hand")
print("by hand", by_hand.script, by_hand.arguments, by_hand.environment.environment_variables, by_hand.target)
print(go(by_hand))
print("by name", go("by_hand", arguments=["--rate", 2]))
in_json = RunConfiguration.load(".azureml/in_json.runconfig")
print("json", in_json.arguments, go(in_json))

src = ScriptRunConfig(source_directory=".", script="train.py", arguments=["--rate", 0.5], compute_target="local")
src.run_config.environment.python.user_managed_dependencies = True
src.run_config.environment_variables = {"STAGE": "saved"}
src.run_config.save(path=".", name="saved")
src.run_config.save(path=".", name="saved2.runconfig", separate_environment_yaml=True)
print(sorted(os.listdir(".azureml")))
loaded = RunConfiguration.load(path=".", name="saved")
print("saved", loaded.environment.python.user_managed_dependencies, loaded.environment_variables, go(loaded, script="train.py", arguments=["--rate", 0.5]))
loaded = RunConfiguration.load(path=".", name="saved2")
print("saved again", loaded.environment.python.user_managed_dependencies, go(loaded, script="train.py", arguments=["--rate", 3]))
try:
    RunConfiguration.load(path=".", name="none")
except Exception as ex:
    print(type(ex).__name__, ex)
RunConfiguration.delete(path=".", name="saved2")
print(sorted(name for name in os.listdir(".azureml") if name.startswith("saved")))
