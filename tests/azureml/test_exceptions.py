"""v1's exceptions, made as v1's scripts make them."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.azureml import exceptions
from turnout.exceptions import RunEnvironmentException, TurnoutException


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (exceptions.DatasetTimestampMissingError(error_details="no column"), "no column"),
        (exceptions.DiscoveryUrlNotFoundException(discovery_key="history"), "no address of a service under 'history'"),
        (exceptions.ServiceException(error_response_exception=ValueError("500")), "500"),
        (RunEnvironmentException(), "Could not load a submitted run"),
    ],
)
def test_an_exception_is_made_by_v1s_parameters(made: Any, says: str) -> None:
    assert isinstance(made, TurnoutException)
    assert made.message.startswith(says)
    assert str(made) == made.message
