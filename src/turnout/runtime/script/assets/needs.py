"""Imports what Turnout's core does without, or says which package is missing."""

import importlib

from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any


def package(name: str, purpose: str) -> "Any":
    """Return a module of the caller's environment.

    Args:
        name: the module's, which is its package's.
        purpose: what needs it, for the error: `reading a table`.

    Raises:
        UserErrorException: it isn't installed here.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if getattr(error, "name", name) not in (name, None):
            raise UserErrorException(
                "%s needs the package %s, which does not load: %s" % (purpose, name, error)
            ) from error
        raise UserErrorException(
            "%s needs the package %s; add it to the environment's packages (on the submitter's side: pip install "
            "'turnout[data]')" % (purpose, name)
        ) from error
