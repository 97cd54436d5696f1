"""RunConfiguration: v1's attributes, keys and rules."""

from __future__ import annotations

import math
from typing import Any

import pytest

from turnout.config import data as data_sections
from turnout.config import distributed, sections
from turnout.config.run_configuration import RunConfiguration
from turnout.elements import ConfigElement
from turnout.environments import sections as environment_sections
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment, EnvironmentReference
from turnout.exceptions import RunConfigurationException, UserErrorException

RUN_CONFIGURATION = {
    "script": "script",
    "arguments": "arguments",
    "_target": "target",
    "framework": "framework",
    "communicator": "communicator",
    "max_run_duration_seconds": "maxRunDurationSeconds",
    "node_count": "nodeCount",
    "priority": "priority",
    "environment": "environment",
    "history": "history",
    "spark": "spark",
    "docker": "docker",
    "hdi": "hdi",
    "tensorflow": "tensorflow",
    "mpi": "mpi",
    "pytorch": "pytorch",
    "paralleltask": "paralleltask",
    "data_references": "dataReferences",
    "data": "data",
    "datacaches": "datacaches",
    "output_data": "outputData",
    "source_directory_data_store": "sourceDirectoryDataStore",
    "amlcompute": "amlcompute",
    "auto_cluster_compute_specification": "autoClusterComputeSpecification",
    "kubernetescompute": "kubernetescompute",
    "credential_passthrough": "credentialPassthrough",
    "command": "command",
    "_environment_variables": "environmentVariables",
    "services": "applicationEndpoints",
}
"""v1's attribute → key, in v1's order."""

ENVIRONMENT = [
    "name",
    "version",
    "environmentVariables",
    "python",
    "docker",
    "spark",
    "databricks",
    "r",
    "inferencingStackVersion",
    "assetId",
]

SECTIONS: list[tuple[type[ConfigElement], dict[str, str]]] = [
    (
        sections.AmlComputeConfiguration,
        {
            "vm_size": "vmSize",
            "vm_priority": "vmPriority",
            "_retain_cluster": "retainCluster",
            "_name": "name",
            "_cluster_max_node_count": "clusterMaxNodeCount",
        },
    ),
    (sections.ApplicationEndpointConfiguration, {"type": "type", "port": "port", "properties": "properties"}),
    (sections.HdiConfiguration, {"yarn_deploy_mode": "yarnDeployMode"}),
    (
        sections.HistoryConfiguration,
        {
            "output_collection": "outputCollection",
            "snapshot_project": "snapshotProject",
            "directories_to_watch": "directoriesToWatch",
        },
    ),
    (sections.KubernetesComputeConfiguration, {"instance_type": "instanceType"}),
    (sections.SparkConfiguration, {"configuration": "configuration"}),
    (
        distributed.DockerConfiguration,
        {
            "use_docker": "useDocker",
            "shared_volumes": "sharedVolumes",
            "arguments": "arguments",
            "shm_size": "shmSize",
        },
    ),
    (distributed.MpiConfiguration, {"process_count_per_node": "processCountPerNode", "node_count": "nodeCount"}),
    (
        distributed.PyTorchConfiguration,
        {
            "communication_backend": "communicationBackend",
            "process_count": "processCount",
            "node_count": "nodeCount",
        },
    ),
    (
        distributed.TensorflowConfiguration,
        {"worker_count": "workerCount", "parameter_server_count": "parameterServerCount"},
    ),
    (
        distributed.ParallelTaskConfiguration,
        {
            "max_retries_per_worker": "maxRetriesPerWorker",
            "worker_count_per_node": "workerCountPerNode",
            "terminal_exit_codes": "terminalExitCodes",
        },
    ),
    (
        data_sections.DataReferenceConfiguration,
        {
            "data_store_name": "dataStoreName",
            "path_on_data_store": "pathOnDataStore",
            "mode": "mode",
            "overwrite": "overwrite",
            "path_on_compute": "pathOnCompute",
        },
    ),
    (
        data_sections.Data,
        {
            "data_location": "dataLocation",
            "create_output_directories": "createOutputDirectories",
            "mechanism": "mechanism",
            "environment_variable_name": "environmentVariableName",
            "path_on_compute": "pathOnCompute",
            "overwrite": "overwrite",
            "options": "options",
        },
    ),
    (
        data_sections.DatacacheConfiguration,
        {
            "datacache_id": "datacacheId",
            "datacache_store": "datacacheStore",
            "dataset_id": "datasetId",
            "mode": "mode",
            "replica": "replica",
            "failure_fallback": "failureFallback",
            "path_on_compute": "pathOnCompute",
        },
    ),
    (data_sections.DataLocation, {"dataset": "dataset", "data_path": "dataPath", "uri": "uri"}),
    (data_sections.DataPath, {"datastore_name": "datastoreName", "relative_path": "relativePath"}),
    (data_sections.Dataset, {"id": "id", "name": "name", "version": "version"}),
    (data_sections.Uri, {"path": "path", "is_file": "isFile"}),
    (data_sections.GlobsOptions, {"patterns": "patterns"}),
    (data_sections.MountOptions, {"disable_metadata_cache": "disableMetadataCache"}),
    (data_sections.UploadOptions, {"overwrite": "overwrite", "source_globs": "sourceGlobs"}),
    (data_sections.DatasetRegistrationOptions, {"additional_transformation": "additionalTransformation"}),
    (
        data_sections.RegistrationOptions,
        {
            "name": "name",
            "description": "description",
            "tags": "tags",
            "dataset_registration_options": "datasetRegistrationOptions",
        },
    ),
    (
        data_sections.OutputOptions,
        {
            "path_on_compute": "pathOnCompute",
            "registration_options": "registrationOptions",
            "upload_options": "uploadOptions",
            "mount_options": "mountOptions",
        },
    ),
    (
        data_sections.OutputData,
        {
            "output_location": "outputLocation",
            "mechanism": "mechanism",
            "additional_options": "additionalOptions",
        },
    ),
    (
        environment_sections.PythonSection,
        {
            "user_managed_dependencies": "userManagedDependencies",
            "interpreter_path": "interpreterPath",
            "_conda_dependencies_file": "condaDependenciesFile",
            "_base_conda_environment": "baseCondaEnvironment",
            "conda_dependencies": "condaDependencies",
        },
    ),
    (
        environment_sections.DockerSection,
        {
            "_enabled": "enabled",
            "_base_image": "baseImage",
            "_base_dockerfile": "baseDockerfile",
            "_build_context": "buildContext",
            "_shared_volumes": "sharedVolumes",
            "_shm_size": "shmSize",
            "_arguments": "arguments",
            "base_image_registry": "baseImageRegistry",
            "platform": "platform",
        },
    ),
    (
        environment_sections.SparkSection,
        {"repositories": "repositories", "packages": "packages", "precache_packages": "precachePackages"},
    ),
    (environment_sections.SparkPackage, {"group": "group", "artifact": "artifact", "version": "version"}),
    (
        environment_sections.RSection,
        {
            "r_version": "rVersion",
            "user_managed": "userManaged",
            "rscript_path": "rscriptPath",
            "snapshot_date": "snapshotDate",
            "cran_packages": "cranPackages",
            "github_packages": "githubPackages",
            "custom_url_packages": "customUrlPackages",
            "bioconductor_packages": "bioconductorPackages",
        },
    ),
    (
        environment_sections.ContainerRegistry,
        {
            "address": "address",
            "username": "username",
            "password": "password",
            "registry_identity": "registryIdentity",
        },
    ),
]


def test_the_configuration_has_v1s_keys_in_v1s_order() -> None:
    assert list(RunConfiguration().serialize()) == list(RUN_CONFIGURATION.values())


def test_each_of_v1s_attributes_is_there() -> None:
    run = RunConfiguration()
    for attribute in RUN_CONFIGURATION:
        assert hasattr(run, attribute), attribute


def test_the_environment_has_v1s_keys_in_v1s_order() -> None:
    assert list(RunConfiguration().serialize()["environment"]) == ENVIRONMENT


@pytest.mark.parametrize(("section", "table"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_each_section_has_v1s_attributes_and_keys(section: type[ConfigElement], table: dict[str, str]) -> None:
    assert {field.attribute: field.key for field in section.FIELDS if not field.beyond} == table


@pytest.mark.parametrize(("section", "table"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_each_section_survives_the_way_to_json_and_back(section: type[ConfigElement], table: dict[str, str]) -> None:
    made = section()
    assert section.deserialize(made.serialize()) == made


def test_the_defaults_are_v1s() -> None:
    run = RunConfiguration()
    assert (run.target, run.framework, run.communicator, run.node_count) == ("local", "Python", "None", 1)
    assert run.max_run_duration_seconds is None
    assert run.environment.name == "default-environment"
    assert run.environment_variables == run.environment.environment_variables == {}
    assert run.history.directories_to_watch == ["logs"]


def test_a_full_configuration_survives_the_way_to_json_and_back() -> None:
    run = RunConfiguration("train.py", ["--alpha", 0.4, "-n", 3], framework="pyspark", communicator="openmpi")
    run.target = "slurm"
    run.environment = Environment("mine")
    run.environment.python.conda_dependencies = CondaDependencies.create(
        pip_packages=["numpy>=1.26"], python_version="3.11"
    )
    run.environment.docker.base_image = "python:3.11"
    run.environment_variables = {"Some_Name": "x"}
    run.max_run_duration_seconds = 60
    location = data_sections.DataLocation(dataset=data_sections.Dataset("id"))
    run.data = {"in": data_sections.Data(location, mechanism="mount")}
    options = data_sections.OutputOptions(
        upload_options=data_sections.UploadOptions(True, data_sections.GlobsOptions(["*"]))
    )
    run.output_data = {"Out": data_sections.OutputData(location, additional_options=options)}
    run.data_references = {"ref": data_sections.DataReferenceConfiguration("store", path_on_datastore="a/b")}
    run.datacaches = [data_sections.DatacacheConfiguration("d")]
    run.services = {"tb": sections.ApplicationEndpointConfiguration("TensorBoard", 6006, {"logDir": "x"})}
    assert RunConfiguration.deserialize(run.serialize()) == run


class _Target:
    name = "gpu-box"


def test_a_target_is_a_name_or_an_object_with_one() -> None:
    run = RunConfiguration()
    run.target = "box"
    assert run.target == "box"
    run.target = _Target()
    assert run.target == "gpu-box"


@pytest.mark.parametrize("wrong", [None, 3, "", object(), _Target])
def test_anything_else_as_a_target_is_an_error(wrong: Any) -> None:
    run = RunConfiguration()
    with pytest.raises(UserErrorException, match="target must be"):
        run.target = wrong
    assert run.target == "local"


@pytest.mark.parametrize(
    ("given", "kept"), [("python", "Python"), ("PYSPARK", "PySpark"), ("tensorflow", "TensorFlow")]
)
def test_a_framework_is_kept_in_v1s_spelling(given: str, kept: str) -> None:
    assert RunConfiguration(framework=given).framework == kept


def test_an_unknown_framework_or_communicator_is_refused_with_what_there_is() -> None:
    with pytest.raises(RunConfigurationException, match="'Jax' is none of Python, PySpark"):
        RunConfiguration(framework="Jax")
    with pytest.raises(RunConfigurationException, match="'smoke' is none of None, ParameterServer"):
        RunConfiguration(communicator="smoke")


def test_a_communicator_of_none_is_the_word() -> None:
    run = RunConfiguration(communicator="Gloo")
    assert run.communicator == "gloo"
    run.communicator = None  # type: ignore[assignment]
    assert run.serialize()["communicator"] == "None"


def test_conda_dependencies_go_into_the_environment() -> None:
    packages = CondaDependencies.create(pip_packages=["scipy"])
    assert RunConfiguration(conda_dependencies=packages).environment.python.conda_dependencies is packages


def test_an_environment_of_the_wrong_class_is_refused() -> None:
    with pytest.raises(UserErrorException, match="must be an Environment, not 'Turnout-Minimal'"):
        RunConfiguration().environment = "Turnout-Minimal"  # type: ignore[assignment]


def test_an_environment_by_name_only_is_a_reference() -> None:
    run = RunConfiguration.deserialize({"environment": {"name": "mine", "version": 3}})
    assert run.environment == EnvironmentReference("mine", "3")
    assert run.serialize()["environment"] == {"name": "mine", "version": "3"}


def test_a_command_given_as_a_list_is_joined_with_blanks() -> None:
    assert RunConfiguration(command=["echo", "a b", "&&", "true"]).command == "echo a b && true"
    assert RunConfiguration(command="echo 'a  b'").command == "echo 'a  b'"


def test_auto_prepare_environment_can_not_be_switched_off() -> None:
    run = RunConfiguration()
    run.auto_prepare_environment = True
    with pytest.raises(RunConfigurationException, match="user_managed_dependencies"):
        run.auto_prepare_environment = False


def test_numbers_stay_numbers_in_the_record_and_what_json_lacks_becomes_text() -> None:
    run = RunConfiguration(arguments=["--lr", 0.1, 3, True, math.inf])
    assert run.serialize()["arguments"] == ["--lr", 0.1, 3, True, "inf"]
