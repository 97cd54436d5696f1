"""What Turnout refuses to carry out, and how it says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from turnout.config.capabilities import check
from turnout.config.data import DatacacheConfiguration
from turnout.config.distributed import (
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from turnout.config.run_configuration import RunConfiguration
from turnout.config.script_run_config import ScriptRunConfig
from turnout.config.sections import ApplicationEndpointConfiguration
from turnout.environments.sections import DockerBuildContext, RSection, SparkPackage
from turnout.exceptions import NotYetException, RunConfigurationException


def _set(path: str, value: Any) -> Callable[[RunConfiguration], None]:
    *sections, attribute = path.split(".")

    def change(run: RunConfiguration) -> None:
        element: Any = run
        for section in sections:
            element = getattr(element, section)
        setattr(element, attribute, value)

    change.__name__ = path
    return change


NOT_YET: list[tuple[Callable[[RunConfiguration], None], str]] = [
    (_set("framework", "CNTK"), "the framework"),
    (_set("communicator", "ParallelTask"), "the communicator"),
    (_set("node_count", 2), "more than one node"),
    (_set("mpi.process_count_per_node", 2), "the section mpi"),
    (_set("pytorch.process_count", 2), "the section pytorch"),
    (_set("tensorflow.worker_count", 2), "the section tensorflow"),
    (_set("paralleltask.worker_count_per_node", 2), "the section paralleltask"),
    (_set("datacaches", [DatacacheConfiguration()]), "datacaches"),
    (_set("source_directory_data_store", "store"), "source_directory_data_store"),
    (_set("services", {"a": ApplicationEndpointConfiguration()}), "services"),
    (_set("credential_passthrough", True), "credential_passthrough"),
    (_set("spark.configuration", {"spark.app.name": "other"}), "the section spark"),
    (_set("hdi.yarn_deploy_mode", "client"), "the section hdi"),
    (_set("amlcompute.vm_size", "STANDARD_D2"), "amlcompute.vm_size"),
    (_set("kubernetescompute.instance_type", "big"), "kubernetescompute.instance_type"),
    (_set("auto_cluster_compute_specification", {"a": 1}), "auto_cluster_compute_specification"),
    (_set("history.snapshot_project", False), "without a snapshot"),
    (_set("history.output_collection", False), "outputs are not collected"),
    (_set("history.directories_to_watch", ["logs", "models"]), "watching directories"),
    (_set("environment.docker.build_context", DockerBuildContext()), "a build context (docker.build_context)"),
    (_set("environment.spark.packages", [SparkPackage("a", "b", "c")]), "Spark packages"),
    (_set("environment.r", RSection()), "R section"),
    (_set("environment.databricks", {"cluster": {"existingClusterId": "x"}}), "databricks"),
]


def _run() -> RunConfiguration:
    return RunConfiguration(script="train.py", arguments=["--alpha", 0.4])


@pytest.mark.parametrize(("change", "named"), NOT_YET, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_not_carried_out_is_refused_by_name_with_a_way_out(
    change: Callable[[RunConfiguration], None], named: str
) -> None:
    run = _run()
    change(run)
    with pytest.raises(NotYetException, match=r"is not carried out yet by Turnout 0\.\d+; ") as refused:
        check(run)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_plain_run_is_accepted_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    check(_run())
    check(RunConfiguration(command="python train.py"))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("job", "more"),
    [
        (MpiConfiguration(2), MpiConfiguration(node_count=2)),
        (PyTorchConfiguration(process_count=2), PyTorchConfiguration(node_count=2)),
        (TensorflowConfiguration(1, 2), TensorflowConfiguration(2, 1)),
    ],
)
def test_several_processes_are_one_node_s(job: Any, more: Any) -> None:
    check(ScriptRunConfig(".", "train.py", distributed_job_config=job).resolve())
    with pytest.raises(NotYetException, match="a run on more than one node"):
        check(ScriptRunConfig(".", "train.py", distributed_job_config=more).resolve())


@pytest.mark.parametrize(
    "job", [MpiConfiguration(0), PyTorchConfiguration(process_count=0), PyTorchConfiguration(process_count=True)]
)
def test_a_number_of_processes_is_one_that_can_be_started(job: Any) -> None:
    with pytest.raises(RunConfigurationException, match="must be a whole number from 1 on"):
        check(ScriptRunConfig(".", "train.py", distributed_job_config=job).resolve())


def test_the_empty_sections_that_v1_wrote_into_every_file_are_no_obstacle() -> None:
    run = RunConfiguration.deserialize(
        {
            "script": "train.py",
            "environment": {
                "name": "e",
                "databricks": {"mavenLibraries": [], "pypiLibraries": [], "cluster": None},
                "spark": {"repositories": [], "packages": [], "precachePackages": True},
                "r": None,
            },
            "amlcompute": {"vmSize": None, "retainCluster": False, "clusterMaxNodeCount": 1},
            "tensorflow": {"workerCount": 1, "parameterServerCount": 1},
        }
    )
    check(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("script", None), "nothing to run"),
        (_set("command", "echo"), "script and command exclude each other"),
        (_set("max_run_duration_seconds", 0), "max_run_duration_seconds"),
        (_set("max_run_duration_seconds", "60"), "max_run_duration_seconds"),
        (_set("node_count", 0), "node_count must be 1 or more"),
        (_set("arguments", [None]), "argument 1 is None"),
        (_set("environment_variables", {"A": object()}), "variable A"),
        (_set("environment.environment_variables", {"B": []}), "variable B"),
    ],
)
def test_what_can_never_be_is_refused_by_name(change: Callable[[RunConfiguration], None], message: str) -> None:
    run = _run()
    change(run)
    with pytest.raises(RunConfigurationException, match=message):
        check(run)


def test_arguments_of_a_command_are_refused() -> None:
    run = RunConfiguration(command="echo", arguments=["x"])
    with pytest.raises(RunConfigurationException, match="arguments belong to a script"):
        check(run)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://me:hunter2@pypi.example/simple",
        "pkg @ git+https://hunter2@github.com/a/b",
        "--index-url https://:hunter2@h/",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(line: str) -> None:
    run = _run()
    run.environment.python.conda_dependencies.set_pip_requirements([line])
    with pytest.raises(RunConfigurationException, match="end up in the run's record") as refused:
        check(run)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "channel", ["https://me:hunter2@host.example/c", "https://hunter2@h/c", "https://host.example/t/hunter2/c"]
)
def test_a_secret_in_a_channel_is_refused_and_not_repeated(channel: str) -> None:
    for add, text in (("add_channel", channel), ("add_conda_package", f"{channel}::numpy")):
        run = _run()
        getattr(run.environment.python.conda_dependencies, add)(text)
        with pytest.raises(RunConfigurationException, match="end up in the run's record") as refused:
            check(run)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://${USER}:${TOKEN}@pypi.example/simple",
        "--index-url https://${TOKEN}@pypi.example/simple",
        "pkg @ git+ssh://git@github.com/a/b@v1",
        "pkg @ git+https://github.com/a/b@v1",
        "pkg @ https://files.example/pkg-1.0.tar.gz",
    ],
)
def test_a_url_without_a_secret_is_accepted(line: str) -> None:
    run = _run()
    run.environment.python.conda_dependencies.set_pip_requirements([line])
    check(run)


def test_a_registrys_password_is_refused() -> None:
    run = _run()
    run.environment.docker.base_image_registry.password = "hunter2"
    with pytest.raises(RunConfigurationException, match="password") as refused:
        check(run)
    assert "hunter2" not in str(refused.value)


def test_a_registry_that_the_images_name_lacks_is_refused_as_nothing_puts_it_there() -> None:
    run = _run()
    run.environment.docker.base_image_registry.address = "images.example"
    run.environment.docker.base_image = "trainer:1"
    with pytest.raises(RunConfigurationException, match=r"name the image 'images\.example/trainer:1'"):
        check(run)
    run.environment.docker.base_image = "images.example/trainer:1"
    check(run)


def test_an_interpreter_that_will_not_be_used_is_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    run = _run()
    run.environment.python.interpreter_path = "/opt/python"
    with caplog.at_level(logging.WARNING):
        check(run)
    assert "interpreter_path is only used with" in caplog.text


def test_an_image_that_will_not_be_used_is_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    run = _run()
    run.environment.docker.base_image = "mcr.microsoft.com/azureml/base:1"
    with caplog.at_level(logging.WARNING):
        check(run)
    assert "docker.enabled is False" in caplog.text
