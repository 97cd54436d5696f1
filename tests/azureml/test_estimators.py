"""v1's estimators: what they make of their arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from turnout import Environment, Experiment, NotYetException, UserErrorException, Workspace
from turnout.azureml.estimators import Chainer, Estimator, Mpi, ParameterServer, PyTorch, SKLearn, TensorFlow
from turnout.azureml.exceptions import TrainingException
from turnout.environments.sections import ContainerRegistry
from turnout.sweeps import GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, choice


def test_script_parameters_become_arguments(tmp_path: Path) -> None:
    made = Estimator(
        str(tmp_path), entry_script="train.py", script_params={"--alpha": 0.5, "--flag": "", "--name": "x"},
        environment_variables={"A": "1"}, max_run_duration_seconds=60,
    )  # fmt: skip
    config = made.run_config
    assert (config.script, config.arguments) == ("train.py", ["--alpha", 0.5, "--flag", "--name", "x"])
    assert (config.target, config.max_run_duration_seconds) == ("local", 60)
    assert config.environment_variables == {"A": "1"}
    assert not config.docker.use_docker
    assert made._estimator_config is config
    assert made.source_directory == str(tmp_path)


def test_packages_come_from_lists_and_files(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# what it needs\nsix==1.16.0  # pinned\n\nidna\n")
    made = Estimator(
        str(tmp_path), pip_packages=["tqdm"], conda_packages=["zlib"], pip_requirements_file="requirements.txt"
    )
    dependencies = made.conda_dependencies
    assert list(dependencies.pip_packages) == ["tqdm", "six==1.16.0", "idna"]
    assert "zlib" in dependencies.conda_packages


@pytest.mark.parametrize(
    ("kind", "package"), [(PyTorch, "torch"), (TensorFlow, "tensorflow"), (SKLearn, "scikit-learn")]
)
def test_a_framework_brings_its_maintained_packages(
    tmp_path: Path, kind: Any, package: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = kind(str(tmp_path), entry_script="train.py", framework_version="1.0", pip_packages=["six"])
    packages = list(made.conda_dependencies.pip_packages)
    assert any(name.startswith(package) for name in packages)
    assert packages[-1] == "six"
    assert "can't be had on today's Pythons" in caplog.text
    assert "is deprecated, as in v1" in caplog.text


def test_a_framework_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotYetException, match="no environment with Chainer any more"):
        Chainer(str(tmp_path))


def test_what_excludes_each_other_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingException, match="environment_definition and pip_packages exclude each other"):
        Estimator(str(tmp_path), environment_definition=Environment("mine"), pip_packages=["six"])
    with pytest.raises(TrainingException, match="needs distributed_training"):
        Estimator(str(tmp_path), node_count=2)
    with pytest.raises(UserErrorException, match="pass dataset"):
        Estimator(str(tmp_path), inputs=[object()])
    with pytest.raises(TrainingException, match="can't be read"):
        Estimator(str(tmp_path), pip_requirements_file="none.txt")


def test_a_spread_over_processes_is_kept_for_the_day_it_is_carried_out(tmp_path: Path) -> None:
    mpi = Estimator(str(tmp_path), node_count=2, distributed_training=Mpi(4)).run_config
    assert (mpi.communicator, mpi.node_count, mpi.mpi.process_count_per_node) == ("IntelMpi", 2, 4)
    servers = TensorFlow(str(tmp_path), distributed_training=ParameterServer(2, 1)).run_config
    assert (servers.framework, servers.tensorflow.worker_count) == ("TensorFlow", 2)
    torch = PyTorch(str(tmp_path), distributed_backend="gloo").run_config
    assert (torch.framework, torch.communicator) == ("PyTorch", "gloo")


def test_an_image_means_a_container(tmp_path: Path) -> None:
    config = Estimator(str(tmp_path), custom_docker_image="python:3.11", shm_size="1g", use_gpu=True).run_config
    assert config.docker.use_docker
    assert config.docker.shm_size == "1g"
    assert config.environment.docker.base_image == "python:3.11"
    assert config.resource_configuration.gpu == 1


def test_a_sweep_takes_an_estimator_and_leaves_out_what_it_draws_itself(tmp_path: Path) -> None:
    made = Estimator(str(tmp_path), entry_script="train.py", script_params={"--lr": 0.1, "--epochs": 3})
    space = GridParameterSampling({"--lr": choice(0.1, 0.2)})
    sweep = HyperDriveConfig(space, "loss", PrimaryMetricGoal.MINIMIZE, max_total_runs=2, estimator=made)
    assert sweep.run_config.arguments == ["--epochs", 3]
    assert sweep.estimator is made


def test_what_is_not_carried_out_is_refused_or_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotYetException, match="PyTorch: resume_from is not carried out yet"):
        PyTorch(str(tmp_path), resume_from="outputs")
    with pytest.raises(TypeError, match="entry_scrpt"):
        Estimator(str(tmp_path), entry_scrpt="train.py")  # type: ignore[call-arg]
    made = Estimator(str(tmp_path), source_directory_data_store="store", vm_priority="lowpriority")
    assert "does not use source_directory_data_store" in caplog.text
    assert made.run_config.amlcompute.vm_priority == "lowpriority"


def test_the_registry_of_an_image_is_kept_with_it(tmp_path: Path) -> None:
    registry = ContainerRegistry()
    registry.address = "images.example"
    made = Estimator(str(tmp_path), custom_docker_image="images.example/a:1", image_registry_details=registry)
    assert made.run_config.environment.docker.base_image_registry.address == "images.example"


def test_v1s_earlier_spellings_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text("six\n")
    made = TensorFlow(
        str(tmp_path), pip_requirements_file_path="needs.txt", custom_docker_base_image="a:1",
        distributed_backend="ps", worker_count=2, parameter_server_count=3,
    )  # fmt: skip
    assert list(made.conda_dependencies.pip_packages)[-1] == "six"
    assert made.run_config.environment.docker.base_image == "a:1"
    spread = made.run_config.tensorflow
    assert (spread.worker_count, spread.parameter_server_count) == (2, 3)


def test_a_parameter_may_be_a_reference_to_data(tmp_path: Path, home: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").write_text("import os, sys\nprint(os.listdir(sys.argv[2]))\n")
    (tmp_path / "one.txt").write_text("one")
    workspace = Workspace.from_config()
    store = workspace.get_default_datastore()
    store.upload_files([str(tmp_path / "one.txt")], target_path="words", show_progress=False)
    made = Estimator(
        str(tmp_path / "project"),
        entry_script="train.py",
        script_params={"--folder": store.path("words").as_mount()},
        user_managed=True,
    )
    made.run_config.environment.python.interpreter_path = sys.executable
    run = Experiment(workspace, "estimated").submit(made)
    run.wait_for_completion()
    assert Path(run.record.layout.script_log).read_text() == "['one.txt']\n"
