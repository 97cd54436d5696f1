"""Sorts the variables that a submitter hands over into those that may be told and the secrets.

A secret is a variable of the script whose value no file of the record holds; `turnout.runtime.handed` takes it across.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from turnout.exceptions import RunConfigurationException
from turnout.runtime import handed, layout, records, redaction, variables

if TYPE_CHECKING:
    from turnout.config.run_configuration import RunConfiguration

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_TELLING = 8
"""From this length on a value counts as found inside a longer text; a shorter one only where it is all of it."""


def handed_over(
    configuration: RunConfiguration,
    configured: Mapping[str, str],
    secrets: Mapping[str, str | None],
    environ: Mapping[str, str],
) -> handed.Handed:
    """Return what the submitter hands over: its own variables, and apart from them the run's secrets.

    A submitter that is part of a run has that run's secrets among its variables; they stay secrets.

    Args:
        configuration: how the run is to be carried out; its environment has been looked up.
        configured: the run configuration's own variables.
        secrets: the secrets that were given for this run alone.
        environ: the submitter's variables.

    Raises:
        RunConfigurationException: a secret can't be used, see `gather`.
    """
    inherited = variables.inheritable(environ)
    ordinary = {*configured, *configuration.environment.environment_variables}
    wanted: dict[str, str | None] = dict.fromkeys(_outer_secrets(environ) - ordinary)
    wanted.update(configuration.environment.secret_variables)
    wanted.update(secrets)
    found = gather(wanted, ordinary, environ)
    return handed.Handed({name: value for name, value in inherited.items() if name not in found}, found)


def _outer_secrets(environ: Mapping[str, str]) -> set[str]:
    """Return which of a submitter's variables are secrets of the run that it is a part of."""
    directory = environ.get(layout.RUN_DIRECTORY_VARIABLE)
    if not directory:
        return set()
    try:
        names = set(records.read_json(layout.RunLayout(directory).definition)["variables"]["secrets"])
    except (OSError, ValueError, LookupError, TypeError):
        return set()  # it has none, or is an offline run, or is gone
    return names & set(environ)


def gather(wanted: Mapping[str, str | None], configured: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets of a run with their values.

    Args:
        wanted: names, with the value or None for the submitter's variable of that name.
        configured: the names of the ordinary variables that the run is given.
        environ: the submitter's variables.

    Raises:
        RunConfigurationException: a name that can't be a secret's, one without a value, or one that is an ordinary
            variable too. No message repeats a value.
    """
    secrets = {}
    twice = set(configured) & set(wanted)
    for name, given in wanted.items():
        check_name(name)
        if name in twice:
            raise RunConfigurationException(
                f"{name} is given both as a secret and as an ordinary variable, which the record would keep; give it once"
            )
        value = environ.get(name) if given is None else given
        if value is None:
            raise RunConfigurationException(
                f"the secret {name} has no value: there is no variable {name} here; set it (export {name}=…), or give "
                f"--secret {name}=VALUE"
            )
        if not isinstance(value, str):
            raise RunConfigurationException(
                f"the value of the secret {name} must be a string, not of the class {type(value).__name__}"
            )
        secrets[name] = _checked(name, value)
    return secrets


def _checked(name: str, value: str) -> str:
    """Return a value that a process can be given. Raises RunConfigurationException when none can."""
    try:
        possible = b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise RunConfigurationException(f"the secret {name} holds a character that no variable can hold, such as null")
    return value


def check_name(name: Any) -> None:
    """Refuse what can't be the name of a secret. Raises RunConfigurationException."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RunConfigurationException(
            "a secret is named like a variable, letters, digits and _: --secret NAME or --secret NAME=VALUE"
        )
    if variables.is_reserved(name):
        raise RunConfigurationException(f"{name} can't be a secret: Turnout sets it itself; give it another name")


def refuse_recorded(secrets: Mapping[str, str], configuration: RunConfiguration, texts: Iterable[Any]) -> None:
    """Refuse a run whose record would hold the value of a secret, since it was given in another place too.

    Args:
        secrets: names and values.
        configuration: how the run is to be carried out.
        texts: what the record keeps beside that: arguments, tags, the run's name.

    Raises:
        RunConfigurationException: the message names the secret and the place.
    """
    if not secrets:
        return
    environment = configuration.environment
    packages = environment.python.conda_dependencies
    places = {
        "an argument, a tag or the run's name": texts,
        "the command": [configuration.command],
        "environment_variables (--env)": configuration.environment_variables.values(),
        "the environment's environment_variables": environment.environment_variables.values(),
        "a requirement": packages.pip_requirements if packages is not None else (),
    }
    for place, kept in places.items():
        for text in map(str, kept):
            for name, value in secrets.items():
                same = text == value and len(value) >= redaction.SHORTEST
                if same or (len(value) >= _TELLING and value in text):
                    raise RunConfigurationException(
                        f"the value of the secret {name} stands in {place} too, which the record keeps; take it out "
                        f"there, and let the script read the variable {name}"
                    )
