"""The exceptions that Turnout raises; defined where a training script can import them too."""

from turnout.runtime.script.exceptions import (
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

__all__ = [
    "ActivityFailedException",
    "ComputeTargetException",
    "EnvironmentException",
    "ExperimentExecutionException",
    "NotYetException",
    "RecordException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "SnapshotException",
    "TurnoutException",
    "UserErrorException",
    "WorkspaceException",
]
