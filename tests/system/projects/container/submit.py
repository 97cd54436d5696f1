# A container on this computer, in the two ways that v1 had, and a dataset in it.
import os

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import DockerConfiguration

ws = Workspace.from_config()
datastore = ws.get_default_datastore()
datastore.upload_files(["numbers.txt"], target_path="numbers", overwrite=True, show_progress=True)
dataset = Dataset.File.from_files(path=(datastore, "numbers/numbers.txt"))

env = Environment("docker-env")
env.docker.enabled = True
env.docker.base_image = os.environ["BASE_IMAGE"]
env.python.user_managed_dependencies = True
env.python.interpreter_path = "python3"
src = ScriptRunConfig(source_directory=".", script="train.py", arguments=["--data", dataset.as_named_input("numbers").as_mount()])
src.run_config.environment = env
run = Experiment(ws, "in-docker").submit(src)
run.wait_for_completion(show_output=True)
print("metrics", run.get_metrics())

env = Environment("docker-env-2")
env.docker.base_image = os.environ["BASE_IMAGE"]
env.python.user_managed_dependencies = True
env.python.interpreter_path = "python3"
src = ScriptRunConfig(
    source_directory=".",
    script="train.py",
    arguments=["--data", dataset.as_named_input("numbers").as_download()],
    compute_target="local",
    environment=env,
    docker_runtime_config=DockerConfiguration(use_docker=True),
)
run = Experiment(ws, "in-docker").submit(src)
run.wait_for_completion(show_output=False)
print("again", run.get_metrics(), [name for name in run.get_file_names() if name.startswith("outputs/")])
