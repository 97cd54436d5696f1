"""Builds an environment on this machine without a run, in this process."""

from __future__ import annotations

from typing import Any

from turnout.exceptions import EnvironmentException
from turnout.runtime import builders, layout


def build(environment: dict[str, Any], home: layout.Home, log: Any) -> tuple[builders.Built, bool]:
    """Find an environment, or build it as a run would, or wait for whoever is building it.

    Args:
        environment: what a resolution gives: kind, key, python, platform and lock.
        home: the home of this machine.
        log: gets the bytes of every line of the tools' output as it comes: `write` and `flush`.

    Returns:
        The environment, and whether it had to be built.

    Raises:
        EnvironmentException: it can't be built; nothing of it is left behind.
    """
    found = builders.find(environment, home)
    if found is not None:
        return found, False
    try:
        return builders.build(environment, home, log), True
    except builders.BuildFailed as error:
        raise EnvironmentException(
            f"environment {environment['name']!r} can't be built: {error.reason}", error
        ) from error
