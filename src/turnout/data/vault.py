"""Which secrets of the workspace's key vault a run is handed over: those that a Python file names that calls `get_secret`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.data import source_texts
from turnout.exceptions import UserErrorException

if TYPE_CHECKING:
    from turnout.workspace import Workspace

_CALL = b"get_secret"


def named_secrets(workspace: Workspace, source_directory: str, snapshot: bytes) -> dict[str, str]:
    """Return names and values of the secrets that a run's Python files name.

    Args:
        workspace: whose key vault.
        source_directory: where the snapshot was taken.
        snapshot: its manifest.

    Raises:
        UserErrorException: the keyring can't be used, or has not got a secret that the vault lists.
    """
    vault = workspace.get_default_keyvault()
    names = [each["name"] for each in vault.list_secrets()]
    texts = [text for text in source_texts.python_files(source_directory, snapshot) if _CALL in text] if names else []
    found = {}
    for name in names:
        if any(source_texts.has_name(text, name) for text in texts):
            value = vault._ring("get_password", name)
            if value is None:
                raise UserErrorException(
                    f"the secret {name} is gone from the system's keyring; set it again with Keyvault.set_secret"
                )
            found[name] = str(value)
    return found
