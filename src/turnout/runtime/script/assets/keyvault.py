"""`Keyvault`: secrets of a workspace by name, kept in the system's keyring.

A secret whose name is in quotes in a Python file of the source directory that calls `get_secret` is handed over to the run as a
secret variable of that name: it is in no record, log or process list.
"""

import os
import re

from turnout.runtime import layout, records
from turnout.runtime.script.assets import needs
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")
_SERVICE = "turnout-keyvault"


class Keyvault:
    """The secrets of a workspace.

    Args:
        workspace: a workspace.
    """

    def __init__(self, workspace: "Any") -> None:
        self.workspace = workspace

    def set_secret(self, name: str, value: str, content_type: "Any" = None) -> None:
        """Keep a secret in the system's keyring.

        Args:
            name: 1 to 127 letters, digits and dashes (v1's rule).
            value: the secret.
            content_type: accepted as in v1.

        Raises:
            UserErrorException: the name can't be used; or there is no keyring here.
        """
        if not isinstance(name, str) or not _NAME.match(name):
            raise UserErrorException("%r can't be the name of a secret: 1 to 127 letters, digits and dashes" % (name,))
        if not isinstance(value, str):
            raise UserErrorException(
                "the value of the secret %s must be a string, not a %s" % (name, type(value).__name__)
            )
        self._ring("set_password", name, value)
        names = self._names()
        if name not in names:
            records.write_json(self._file(), sorted(names + [name]))

    def set_secrets(self, secrets_batch: "Dict[str, str]") -> None:
        """Keep several secrets by their names."""
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def get_secret(self, name: str) -> "Any":
        """Return a secret: in a run what it was handed over, else from the system's keyring; None when there is none.

        Raises:
            UserErrorException: this is a run that was not given the secret, or there is no keyring here.
        """
        if os.environ.get(layout.RUN_DIRECTORY_VARIABLE):
            return given(name)
        return self._ring("get_password", name)

    def get_secrets(self, secrets: "List[str]") -> "Dict[str, Any]":
        """Return several secrets by their names."""
        return {name: self.get_secret(name) for name in secrets}

    def list_secrets(self) -> "List[Dict[str, str]]":
        """Return the names of the secrets, each as v1 told it: `{"name": …}`."""
        return [{"name": name} for name in self._names()]

    def delete_secret(self, name: str) -> None:
        """Remove a secret; one that isn't there is no error."""
        if name in self._names():
            self._ring("delete_password", name)
            records.write_json(self._file(), [each for each in self._names() if each != name])

    def delete_secrets(self, secrets: "List[str]") -> None:
        """Remove several secrets."""
        for name in secrets:
            self.delete_secret(name)

    def get_secret_content_type(self, name: str) -> None:
        """Return None: no type is kept."""

    def _file(self) -> str:
        """Return the file of the names; a keyring can't list what it has."""
        return str(self.workspace.layout.secret_names)

    def _names(self) -> "List[str]":
        try:
            found = records.read_json(self._file())
        except (OSError, ValueError):
            return []
        return [str(name) for name in found] if isinstance(found, list) else []

    def _ring(self, act: str, name: str, *values: str) -> "Any":
        keyring = needs.package("keyring", "a secret of the workspace")
        try:
            return getattr(keyring, act)("%s:%s" % (_SERVICE, self.workspace.id), name, *values)
        except keyring.errors.KeyringError as error:
            raise UserErrorException(
                "the system's keyring can't be used for the secret %s: %s; give it to runs with --secret NAME"
                % (name, error)
            ) from error


def given(name: str) -> str:
    """Return a secret that the run around this process was handed over, as a variable of that name, or of its form in capitals.

    Raises:
        UserErrorException: it was not.
    """
    for variable in (name, re.sub(r"\W", "_", name), re.sub(r"\W", "_", name).upper()):
        if variable in os.environ:
            return os.environ[variable]
    raise UserErrorException(
        "this run was not given the secret %s: submit it with --secret %s=…, or keep it in the workspace's key vault and have its "
        "name in quotes in the script" % (name, name)
    )
