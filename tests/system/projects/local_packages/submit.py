# The same script in three environments, each of which says in another way which packages it has.
from azureml.core import Experiment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import Environment
from azureml.core.runconfig import RunConfiguration
from azureml.core.script_run_config import ScriptRunConfig

ws = Workspace.from_config()
exp = Experiment(ws, "packages")

system_managed_env = Environment("system-managed-env")
system_managed_env.python.user_managed_dependencies = False
conda_dep = CondaDependencies.create(pip_packages=["six==1.16.0"])
conda_dep.add_pip_package("idna==3.7")
system_managed_env.python.conda_dependencies = conda_dep
system_managed_env.register(workspace=ws)

conda_env = Environment.from_conda_specification(name="conda-file", file_path="environment.yml")
pip_env = Environment.from_pip_requirements(name="pip-file", file_path="requirements.txt")
registered = pip_env.register(ws)
print("registered", registered.name, registered.version)

runs = []
for environment in (Environment.get(workspace=ws, name="system-managed-env"), conda_env, pip_env):
    run_config = RunConfiguration()
    run_config.environment = environment
    run = exp.submit(ScriptRunConfig(source_directory=".", script="train.py", run_config=run_config))
    runs.append(run)
for run in runs:
    run.wait_for_completion(show_output=False, wait_post_processing=True)
    print(run.get_environment().name, run.get_metrics("six"), run.get_metrics(name="idna"))
for name, environment in sorted(Environment.list(workspace=ws).items()):
    if not name.startswith("AzureML"):
        print("environment", name, environment.python.conda_dependencies.serialize_to_string().count("six==1.16.0"))
