"""What datastores, datasets and models may be called."""

import re

from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any

_LONGEST = 200
_NAME = re.compile(r"[a-zA-Z0-9][\w. \-]{0,%d}\Z" % (_LONGEST - 1), re.ASCII)
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_OTHERS = ("LD_", "TURNOUT_", "AZUREML_")
"""Beginnings of variables by which a process is led."""
_PROHIBITED = (
    "pythonpath",
    "pythonhome",
    "pythonstartup",
    "path",
    "ld_library_path",
    "user",
    "logname",
    "home",
    "pwd",
    "shell",
)


def can_be(name: "Any") -> bool:
    """Say whether a datastore, dataset or model may have this name; what is looked up under another one isn't there."""
    return isinstance(name, str) and _NAME.match(name) is not None


def checked(what: str, name: "Any") -> str:
    """Return the name of a datastore, dataset or model. Raises UserErrorException for one that can't be used."""
    if not isinstance(name, str) or not can_be(name):
        raise UserErrorException(
            "%r can't be the name of a %s: up to %d letters, digits, blanks and any of - _ . are, the first a letter or "
            "digit" % (name, what, _LONGEST)
        )
    return str(name)


def checked_input(name: "Any") -> str:
    """Return the name of a run's input or output: it becomes a variable of the script's (v1's rule).

    Raises:
        UserErrorException: it can't be one, or would hide one that every process needs.
    """
    usable = isinstance(name, str) and _VARIABLE.match(name) and not name.upper().startswith(_OTHERS)
    if not usable or str(name).lower() in _PROHIBITED:
        raise UserErrorException(
            "%r can't be the name of an input or output: it becomes an environment variable of the script, so letters, "
            "digits and underscores are, and none of %s" % (name, ", ".join(_PROHIBITED))
        )
    return str(name)


def checked_version(what: str, version: "Any") -> int:
    """Return the version of a dataset or model as a number. Raises UserErrorException for what is none."""
    try:
        return int(version)
    except (TypeError, ValueError):
        raise UserErrorException("the version of a %s is a number from 1, not %r" % (what, version)) from None
