"""v1's authentication classes: accepted, with one line that says that no account is needed. They hold no secret."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from turnout.elements import warn
from turnout.exceptions import NotYetException

_said: set[str] = set()


class Audience(Enum):
    """Whom a token would be for."""

    ARM = "ARM"
    AZUREML = "AZUREML"


class AccessToken(NamedTuple):
    """A token, as v1 shaped it."""

    token: str
    expires_on: int


class AbstractAuthentication:
    """The base of v1's classes. What they are given is looked at by nobody.

    Args:
        cloud: accepted as in v1.
    """

    def __init__(self, cloud: str | None = None, **kwargs: Any) -> None:
        self._say()

    def _say(self) -> None:
        name = type(self).__name__
        if name not in _said:
            _said.add(name)
            warn(f"{name} is not needed: Turnout runs on your own machines, without an account")

    def get_authentication_header(self) -> dict[str, str]:
        """There is none. Raises NotYetException."""
        raise self._refusal("header")

    def get_token(self, *scopes: Any, **kwargs: Any) -> AccessToken:
        """There is none. Raises NotYetException."""
        raise self._refusal("token")

    def signed_session(self, session: Any = None) -> Any:
        """There is none. Raises NotYetException."""
        raise self._refusal("session")

    def _refusal(self, what: str) -> NotYetException:
        return NotYetException(
            f"there is no {what} of {type(self).__name__}: Turnout has no account and no service to send it to; "
            "for a service of Azure's own use the package azure-identity"
        )


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Accepted; nobody is asked to log in."""

    def __init__(self, force: bool = False, tenant_id: str | None = None, cloud: str | None = None) -> None:
        super().__init__(cloud)


class AzureCliAuthentication(AbstractAuthentication):
    """Accepted; the az command is not asked."""


class MsiAuthentication(AbstractAuthentication):
    """Accepted; no managed identity is looked for."""


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Accepted; its password is forgotten at once."""

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)


class TokenAuthentication(AbstractAuthentication):
    """Accepted; the function is not called."""

    def __init__(self, get_token_for_audience: Any, cloud: str | None = None) -> None:
        super().__init__(cloud)


class ArmTokenAuthentication(AbstractAuthentication):
    """Accepted; the token is forgotten at once."""

    def __init__(self, arm_access_token: str, cloud: str = "None") -> None:
        super().__init__(cloud)

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Forget it, too."""


class AzureMLTokenAuthentication(AbstractAuthentication):
    """Accepted; the token is forgotten at once."""

    def __init__(self, azureml_access_token: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(None)
