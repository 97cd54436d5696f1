# A cluster that is made unless it is there, and a compute instance.
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeInstance, ComputeTarget
from azureml.core.compute_target import ComputeTargetException

ws = Workspace.from_config()


def cluster():
    cpu_cluster_name = "cpu-cluster"
    try:
        cpu_cluster = ComputeTarget(workspace=ws, name=cpu_cluster_name)
        print("Found existing cluster, use it.")
    except ComputeTargetException as error:
        print("message:", error.message)
        compute_config = AmlCompute.provisioning_configuration(
            vm_size="STANDARD_D2_V2", min_nodes=0, max_nodes=2, idle_seconds_before_scaledown=2400
        )
        cpu_cluster = ComputeTarget.create(ws, cpu_cluster_name, compute_config)
    cpu_cluster.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    return cpu_cluster


first = cluster()
second = cluster()
print(first.type, first.provisioning_state, first.vm_size, first.scale_settings.maximum_node_count, type(second) is AmlCompute)
status = first.get_status()
print(status.allocation_state, status.serialize()["scaleSettings"]["maxNodeCount"], status.node_state_counts.serialize())

env = Environment("env")
env.python.user_managed_dependencies = True
src = ScriptRunConfig(source_directory=".", script="train.py", compute_target="cpu-cluster", environment=env)
runs = [Experiment(ws, "on-a-cluster").submit(src) for _ in range(2)]
for run in runs:
    details = run.wait_for_completion()
    print("target", details["target"], run.get_metrics()["squares"])
print("active", len(list(first.get_active_runs())), "nodes", len(first.list_nodes()))

compute_name = "my-instance"
try:
    instance = ComputeInstance(workspace=ws, name=compute_name)
    print("Found existing instance, use it.")
except ComputeTargetException:
    compute_config = ComputeInstance.provisioning_configuration(vm_size="STANDARD_D3_V2", ssh_public_access=False)
    instance = ComputeInstance.create(ws, compute_name, compute_config)
    instance.wait_for_completion(show_output=True)
print(instance.type, instance.get_status().state)
instance.stop(wait_for_completion=True, show_output=True)
instance.start(wait_for_completion=True, show_output=True)
src.run_config.target = instance
run = Experiment(ws, "on-an-instance").submit(src)
run.wait_for_completion(show_output=True)
print("target", run.get_details()["target"])

compute_targets = ws.compute_targets
for name, ct in sorted(compute_targets.items()):
    print(name, ct.type, ct.provisioning_state)
first.update(max_nodes=4)
print("now", ws.compute_targets["cpu-cluster"].scale_settings.maximum_node_count)
first.delete()
instance.delete(wait_for_completion=True, show_output=True)
print("left", list(ws.compute_targets))
try:
    Experiment(ws, "on-a-cluster").submit(ScriptRunConfig(".", "train.py", compute_target="gone", environment=env))
except Exception as error:
    print(type(error).__name__, error)
