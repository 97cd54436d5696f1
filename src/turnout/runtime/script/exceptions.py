"""The exceptions of Turnout's API, with the names of v1's `azureml.exceptions`.

Each carries a message of one line that names the thing and the way out, and the exit code that the command line ends
with.
"""

MYPY = False
if MYPY:
    from typing import Any, Optional


class TurnoutException(Exception):
    """Anything that Turnout raises on purpose.

    Args:
        exception_message: one line: what is wrong, and the way out.
        inner_exception: what caused it.
    """

    exit_code = 1

    def __init__(
        self, exception_message: str, inner_exception: "Optional[BaseException]" = None, **kwargs: "Any"
    ) -> None:
        super(TurnoutException, self).__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception

    def __str__(self) -> str:
        return self.message


class UserErrorException(TurnoutException):
    """The caller's input can't be used as it is."""

    exit_code = 2


class WorkspaceException(UserErrorException):
    """A workspace can't be found, made or read."""


class ExperimentExecutionException(UserErrorException):
    """A run can't be submitted or watched."""


class RunConfigurationException(UserErrorException):
    """A run configuration asks for something that is not possible."""


class SnapshotException(UserErrorException):
    """The source directory can't be packed, or a snapshot can't be restored."""


class ComputeTargetException(UserErrorException):
    """A compute target is missing or can't be used."""


class EnvironmentException(UserErrorException):
    """An environment's specification can't be used or resolved."""


class RunEnvironmentException(TurnoutException):
    """There is no submitted run around this process.

    Args:
        exception_message: what is wrong; by default what v1 said.
    """

    def __init__(
        self,
        exception_message: str = "Could not load a submitted run, if outside of an execution context, use "
        "experiment.start_logging to initialize a turnout.Run.",
        **kwargs: "Any",
    ) -> None:
        super(RunEnvironmentException, self).__init__(exception_message, **kwargs)


class ActivityFailedException(TurnoutException):
    """A run that was waited for has failed.

    Args:
        error_details: what is known of the failure.
    """

    def __init__(self, error_details: str, **kwargs: "Any") -> None:
        super(ActivityFailedException, self).__init__(error_details, **kwargs)
        self.error_details = error_details


class RecordException(TurnoutException):
    """The record on disk can't be written or read: a full disk, lost permissions, a newer format."""

    exit_code = 2


class NotYetException(UserErrorException):
    """A part of v1's model that Turnout does not carry out yet; it is refused rather than ignored."""


class WebserviceException(TurnoutException):
    """V1's exception of its services; here a model that isn't registered (see `ModelNotFoundException`)."""

    exit_code = 2


class ModelNotFoundException(WebserviceException):
    """There is no such model; v1 raised WebserviceException from `Model(…)`, and this from `Model.get_model_path`."""


class ModelPathNotFoundException(UserErrorException):
    """The run has no file of that path to register as a model."""
