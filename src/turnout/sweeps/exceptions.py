"""The exceptions of sweeps, with v1's names."""

from turnout.exceptions import TurnoutException, UserErrorException


class HyperDriveException(TurnoutException):
    """Anything that is raised on purpose about a sweep."""


class HyperDriveConfigException(HyperDriveException, UserErrorException):
    """A sweep is configured in a way that can't be carried out."""

    exit_code = 2


class HyperDriveNotImplementedException(HyperDriveException, UserErrorException):
    """Something that v1 offered by name and never did."""

    exit_code = 2
