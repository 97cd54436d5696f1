"""ScriptRunConfig: v1's constructor and the copy that is submitted."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import pytest

from turnout.config.distributed import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from turnout.config.run_configuration import RunConfiguration
from turnout.config.script_run_config import ScriptRunConfig
from turnout.environments.environment import Environment
from turnout.exceptions import NotYetException, RunConfigurationException, UserErrorException


def test_without_a_run_configuration_the_defaults_are_v1s() -> None:
    run = ScriptRunConfig("project", "train.py").run_config
    assert (run.target, run.max_run_duration_seconds) == ("local", 2592000)
    assert run.environment.name == "default-environment"


def test_what_is_given_reaches_what_is_submitted() -> None:
    environment = Environment("mine")
    config = ScriptRunConfig(
        "project",
        "training/train.py",
        ["--alpha", 0.4],
        compute_target="box",
        environment=environment,
        max_run_duration_seconds=60,
    )
    run = config.resolve()
    assert (run.script, run.arguments, run.target) == ("training/train.py", ["--alpha", 0.4], "box")
    assert (run.environment, run.max_run_duration_seconds) == (environment, 60)


def test_paths_are_accepted() -> None:
    config = ScriptRunConfig(Path("project"), Path("a") / "train.py", [Path("data")])
    assert config.resolve().script == "a/train.py"


def test_what_is_submitted_is_a_whole_copy() -> None:
    config = ScriptRunConfig("project", "train.py", arguments=["--alpha", 0.1])
    first = config.resolve()
    config.arguments = ["--alpha", 0.2]
    config.run_config.environment_variables["A"] = "1"
    config.run_config.environment.python.conda_dependencies.add_pip_package("numpy")
    config.run_config.docker.arguments.append("--gpus")
    second = config.resolve()
    assert first.arguments == ["--alpha", 0.1]
    assert first.environment_variables == {}
    assert first.environment.python.conda_dependencies.pip_packages == []
    assert first.docker.arguments == []
    assert second.arguments == ["--alpha", 0.2]
    second.arguments.append("x")
    assert config.arguments == ["--alpha", 0.2]


def test_script_and_arguments_fall_back_to_the_run_configurations() -> None:
    run = RunConfiguration(script="a.py", arguments=["1"])
    assert ScriptRunConfig(".", run_config=run).resolve() == run
    over = ScriptRunConfig(".", script="b.py", arguments=[], run_config=run).resolve()
    assert (over.script, over.arguments) == ("b.py", [])
    assert run.script == "a.py"


def test_a_command_takes_the_place_of_the_run_configurations_script() -> None:
    run = RunConfiguration(script="a.py", arguments=["1"])
    resolved = ScriptRunConfig(".", command=["python", "b.py", "&&", "ls"], run_config=run).resolve()
    assert (resolved.script, resolved.arguments, resolved.command) == (None, [], "python b.py && ls")


def test_a_script_takes_the_place_of_the_run_configurations_command() -> None:
    resolved = ScriptRunConfig(".", script="a.py", run_config=RunConfiguration(command="ls")).resolve()
    assert (resolved.script, resolved.command) == ("a.py", "")


def test_a_run_configuration_makes_the_others_unused_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    run = RunConfiguration()
    with caplog.at_level(logging.WARNING):
        config = ScriptRunConfig(
            ".",
            "a.py",
            run_config=run,
            compute_target="box",
            environment=Environment("e"),
            distributed_job_config=MpiConfiguration(),
            docker_runtime_config=DockerConfiguration(),
            max_run_duration_seconds=5,
        )
    assert config.resolve().target == "local"
    assert config.run_config is run
    for name in ("compute_target", "environment", "distributed_job_config", "docker_runtime_config", "max_run_dur"):
        assert name in caplog.text


def test_a_run_configuration_alone_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ScriptRunConfig(".", "a.py", run_config=RunConfiguration())
    assert caplog.records == []


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (TensorflowConfiguration(worker_count=3), ("TensorFlow", "ParameterServer", 3)),
        (MpiConfiguration(process_count_per_node=2, node_count=4), ("Python", "IntelMpi", 4)),
        (PyTorchConfiguration(node_count=2), ("PyTorch", "nccl", 2)),
        (PyTorchConfiguration("Gloo"), ("PyTorch", "gloo", 1)),
    ],
)
def test_a_distributed_job_sets_what_v1_sets(job: Any, expected: tuple[str, str, int]) -> None:
    run = ScriptRunConfig(".", "a.py", distributed_job_config=job).run_config
    assert (run.framework, run.communicator, run.node_count) == expected


def test_a_distributed_job_of_another_class_is_refused() -> None:
    with pytest.raises(RunConfigurationException, match="distributed_job_config must be"):
        ScriptRunConfig(".", "a.py", distributed_job_config="mpi")  # type: ignore[arg-type]


def test_another_backend_of_pytorch_is_refused() -> None:
    with pytest.raises(RunConfigurationException, match="Nccl or Gloo, not 'mpi'"):
        PyTorchConfiguration("mpi")


def test_two_docker_configurations_share_no_list() -> None:
    DockerConfiguration().arguments.append("--gpus")
    assert DockerConfiguration().arguments == []


def test_the_container_is_the_environments_unless_given() -> None:
    environment = Environment("e")
    environment.docker.enabled = True
    environment.docker.shm_size = "8g"
    environment.docker.arguments.append("--gpus")
    run = ScriptRunConfig(".", "a.py", environment=environment).run_config
    assert (run.docker.use_docker, run.docker.shm_size, run.docker.arguments) == (True, "8g", ["--gpus"])
    given = ScriptRunConfig(".", "a.py", environment=environment, docker_runtime_config=DockerConfiguration())
    assert given.run_config.docker.use_docker is False


def test_resume_from_is_refused_when_it_is_submitted() -> None:
    config = ScriptRunConfig(".", "a.py", resume_from=object())
    with pytest.raises(NotYetException, match=r"^resume_from is not carried out yet by Turnout 0\.\d+; remove it"):
        config.resolve()


def test_a_setting_on_the_wrong_object_says_where_it_belongs() -> None:
    config = ScriptRunConfig(".", "a.py")
    with pytest.raises(AttributeError, match=r"has no attribute compute_target; set run_config\.target"):
        config.compute_target = "box"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"has no attribute foo$"):
        config.foo = 1  # type: ignore[attr-defined]


def test_a_run_configuration_by_name_is_read_from_the_source_directory(tmp_path: Path) -> None:
    RunConfiguration(script="a.py").save(tmp_path, "mine.runconfig")
    config = ScriptRunConfig(tmp_path, run_config="mine")
    assert config.run_config.script == "a.py"
    with pytest.raises(UserErrorException, match="there is no run configuration 'other'"):
        ScriptRunConfig(tmp_path, run_config="other").resolve()


def test_a_run_configuration_of_another_class_is_refused() -> None:
    with pytest.raises(RunConfigurationException, match="run_config must be a RunConfiguration, not 3"):
        ScriptRunConfig(".", "a.py", run_config=3)  # type: ignore[arg-type]


def test_a_copy_is_independent() -> None:
    config = ScriptRunConfig(".", "a.py", ["x"])
    twin = copy.deepcopy(config)
    twin.run_config.target = "box"
    assert config.run_config.target == "local"


def test_v1s_telemetry_argument_is_accepted() -> None:
    assert ScriptRunConfig(".", "a.py", _telemetry_values={"a": 1}).resolve().script == "a.py"
