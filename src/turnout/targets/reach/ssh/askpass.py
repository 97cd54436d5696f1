"""Answers ssh's questions for a password or a passphrase from the system's keyring, and no other question.

ssh starts what `SSH_ASKPASS` names with the question as its argument and reads the answer from its output (ssh(1),
"ENVIRONMENT"); the value is in no command line, no variable and no file.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from turnout.exceptions import ComputeTargetException
from turnout.runtime import layout, records

SERVICE = "turnout"
_NAME_VARIABLE = "TURNOUT_ASKPASS_NAME"
_PYTHON_VARIABLE = "TURNOUT_ASKPASS_PYTHON"
_SCRIPT = f'#!/bin/sh\nexec "${_PYTHON_VARIABLE}" -m turnout.targets.reach.ssh.askpass "$@"\n'
PASSWORD, PASSPHRASE = "password", "passphrase"


def keep(name: str, secrets: dict[str, str]) -> None:
    """Put secrets into the system's keyring.

    Args:
        name: under which.
        secrets: by PASSWORD and PASSPHRASE.

    Raises:
        ComputeTargetException: there is no keyring.
    """
    keyring = _keyring()
    try:
        keyring.set_password(SERVICE, name, json.dumps(secrets))
    except Exception as error:  # each backend has errors of its own
        raise ComputeTargetException(
            f"the system's keyring doesn't take the password: {error}; use a key without a passphrase, or ssh-agent"
        ) from error


def forget(name: str) -> None:
    """Remove what was kept under a name, if anything can be."""
    try:
        _keyring().delete_password(SERVICE, name)
    except Exception:
        return  # it is gone, or the keyring is closed


def variables(home: layout.Home, name: str) -> dict[str, str]:
    """Return the variables with which ssh asks here what was kept under a name.

    Raises:
        OSError: the home can't be written.
    """
    script = os.path.join(home.tools, "askpass")
    if not os.path.exists(script):
        os.makedirs(home.tools, layout.DIRECTORY_MODE, exist_ok=True)
        temporary = f"{script}.{os.urandom(4).hex()}.tmp"
        records.write_atomic(temporary, _SCRIPT.encode("ascii"))
        os.chmod(temporary, layout.DIRECTORY_MODE)
        os.replace(temporary, script)
    return {
        "SSH_ASKPASS": script,
        "SSH_ASKPASS_REQUIRE": "force",
        "DISPLAY": os.environ.get("DISPLAY") or ":0",  # before OpenSSH 8.4 it is what makes ssh ask
        _NAME_VARIABLE: name,
        _PYTHON_VARIABLE: sys.executable,
    }


def answer(question: str, secrets: dict[str, Any]) -> str | None:
    """Return what to answer; None for a question that is not answered, such as whether to trust a host key."""
    low = question.lower()
    for kind in (PASSPHRASE, PASSWORD):
        if kind in low:
            value = secrets.get(kind)
            return str(value) if value else None
    return None


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise ComputeTargetException(
            "passwords and passphrases are kept in the system's keyring: install turnout[ssh]; or use ssh-agent"
        ) from None
    return keyring


def main() -> int:
    """Print the answer to the question that ssh asks."""
    kept = _keyring().get_password(SERVICE, os.environ.get(_NAME_VARIABLE, ""))
    found = answer(" ".join(sys.argv[1:]), json.loads(kept)) if kept else None
    if found is None:
        return 1
    sys.stdout.write(found + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
