"""v1's exceptions that Turnout raises under another name, or has no occasion to raise: scripts catch them by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from turnout.exceptions import TurnoutException, UserErrorException
from turnout.sweeps.exceptions import HyperDriveException


class AuthenticationException(UserErrorException):
    """Never raised: there is no account to authenticate."""


class AzureMLAggregatedException(TurnoutException):
    """Several exceptions in one; never raised.

    Args:
        exceptions_list: those.
    """

    def __init__(self, exceptions_list: Iterable[BaseException], **kwargs: Any) -> None:
        super().__init__("\n".join(str(each) for each in exceptions_list))


class DatasetTimestampMissingError(TurnoutException):
    """Never raised: a dataset without a timestamp column raises UserErrorException.

    Args:
        error_details: the message.
    """

    def __init__(self, error_details: str, **kwargs: Any) -> None:
        super().__init__(error_details, **kwargs)


class DiscoveryUrlNotFoundException(TurnoutException):
    """Never raised: there is no service to discover.

    Args:
        discovery_key: what would be looked for.
    """

    def __init__(self, discovery_key: str, **kwargs: Any) -> None:
        super().__init__(f"no address of a service under {discovery_key!r}", **kwargs)


class ParallelRunException(TurnoutException):
    """Never raised: pipelines are not carried out."""


class ProjectSystemException(UserErrorException):
    """v1's name for a project folder that can't be used; Turnout raises UserErrorException."""


class ServiceException(TurnoutException):
    """Never raised: there is no service that could answer with an error.

    Args:
        error_response_exception: the answer.
    """

    status_code: int | None = None

    def __init__(self, error_response_exception: Any, **kwargs: Any) -> None:
        super().__init__(str(error_response_exception), **kwargs)


class TrainingException(UserErrorException):
    """An estimator is configured in a way that can't be carried out."""


class WorkspacePrivateEndpointException(UserErrorException):
    """Never raised: a workspace is a directory."""


class HyperDriveScenarioNotSupportedException(HyperDriveException):
    """Never raised: v1 refused some targets."""


class HyperDriveServiceException(HyperDriveException):
    """Never raised: there is no service."""


class HyperDriveRehydrateException(HyperDriveException):
    """Never raised: a sweep is read back from its record."""
