"""Turnout submits a training run to any compute target and keeps an exact record of what ran.

The names below are the public API; each is loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost more than all of this
if TYPE_CHECKING:
    from typing import Any

    from turnout.config.distributed import (
        DockerConfiguration,
        MpiConfiguration,
        PyTorchConfiguration,
        TensorflowConfiguration,
    )
    from turnout.config.run_configuration import RunConfiguration
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.environments.conda_dependencies import CondaDependencies
    from turnout.environments.environment import Environment
    from turnout.exceptions import (
        ActivityFailedException,
        ComputeTargetException,
        EnvironmentException,
        ExperimentExecutionException,
        NotYetException,
        RecordException,
        RunConfigurationException,
        RunEnvironmentException,
        SnapshotException,
        TurnoutException,
        UserErrorException,
        WorkspaceException,
    )
    from turnout.experiment import Experiment
    from turnout.run import Run
    from turnout.runtime.script.assets.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
    from turnout.runtime.script.assets.dataset import Dataset
    from turnout.runtime.script.assets.datasets import FileDataset, TabularDataset
    from turnout.runtime.script.assets.datastores import Datastore
    from turnout.runtime.script.assets.models import Model
    from turnout.runtime.script.assets.references import DataPath, DataReference
    from turnout.targets.compute_target import ComputeTarget
    from turnout.targets.hdinsight_compute import HDInsightCompute
    from turnout.targets.remote_compute import RemoteCompute
    from turnout.targets.spark_compute import SparkCompute
    from turnout.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "Workspace": "turnout.workspace",
    "Experiment": "turnout.experiment",
    "Run": "turnout.run",
    "ScriptRunConfig": "turnout.config.script_run_config",
    "RunConfiguration": "turnout.config.run_configuration",
    "DockerConfiguration": "turnout.config.distributed",
    "MpiConfiguration": "turnout.config.distributed",
    "PyTorchConfiguration": "turnout.config.distributed",
    "TensorflowConfiguration": "turnout.config.distributed",
    "Environment": "turnout.environments.environment",
    "CondaDependencies": "turnout.environments.conda_dependencies",
    "Dataset": "turnout.runtime.script.assets.dataset",
    "FileDataset": "turnout.runtime.script.assets.datasets",
    "TabularDataset": "turnout.runtime.script.assets.datasets",
    "DatasetConsumptionConfig": "turnout.runtime.script.assets.consumption",
    "OutputFileDatasetConfig": "turnout.runtime.script.assets.consumption",
    "Datastore": "turnout.runtime.script.assets.datastores",
    "DataPath": "turnout.runtime.script.assets.references",
    "DataReference": "turnout.runtime.script.assets.references",
    "Model": "turnout.runtime.script.assets.models",
    "ComputeTarget": "turnout.targets.compute_target",
    "HDInsightCompute": "turnout.targets.hdinsight_compute",
    "RemoteCompute": "turnout.targets.remote_compute",
    "SparkCompute": "turnout.targets.spark_compute",
    "ActivityFailedException": "turnout.exceptions",
    "ComputeTargetException": "turnout.exceptions",
    "EnvironmentException": "turnout.exceptions",
    "ExperimentExecutionException": "turnout.exceptions",
    "NotYetException": "turnout.exceptions",
    "RecordException": "turnout.exceptions",
    "RunConfigurationException": "turnout.exceptions",
    "RunEnvironmentException": "turnout.exceptions",
    "SnapshotException": "turnout.exceptions",
    "TurnoutException": "turnout.exceptions",
    "UserErrorException": "turnout.exceptions",
    "WorkspaceException": "turnout.exceptions",
}

__all__ = [
    "ActivityFailedException",
    "ComputeTarget",
    "ComputeTargetException",
    "CondaDependencies",
    "DataPath",
    "DataReference",
    "Dataset",
    "DatasetConsumptionConfig",
    "Datastore",
    "DockerConfiguration",
    "Environment",
    "EnvironmentException",
    "Experiment",
    "ExperimentExecutionException",
    "FileDataset",
    "HDInsightCompute",
    "Model",
    "MpiConfiguration",
    "NotYetException",
    "OutputFileDatasetConfig",
    "PyTorchConfiguration",
    "RecordException",
    "RemoteCompute",
    "Run",
    "RunConfiguration",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ScriptRunConfig",
    "SnapshotException",
    "SparkCompute",
    "TabularDataset",
    "TensorflowConfiguration",
    "TurnoutException",
    "UserErrorException",
    "Workspace",
    "WorkspaceException",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'turnout' has no attribute {name!r}")
    import importlib  # only where a name is used

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
