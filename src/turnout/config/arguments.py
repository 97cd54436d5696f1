"""Turns the arguments and variables that a person gives into the strings that a script gets. Pure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from turnout.exceptions import RunConfigurationException


def argument_strings(arguments: Sequence[Any] | None) -> list[str]:
    """Return what the script finds in `sys.argv[1:]`.

    Strings stay as they are; whole numbers become their digits, floats their shortest exact form (`repr`), paths their
    text, and True and False those words.

    Raises:
        RunConfigurationException: something else is among them, or text that no process can be given; the message
            names it.
    """
    return [_text(value, position) for position, value in enumerate(_listed(arguments), start=1)]


def wire_values(arguments: Sequence[Any] | None) -> list[Any]:
    """Return the arguments as the record keeps them: numbers stay numbers, as in v1, and paths become strings."""
    kept: list[Any] = []
    for position, value in enumerate(_listed(arguments), start=1):
        text = _text(value, position)
        if isinstance(value, float):
            kept.append(float(value) if math.isfinite(value) else text)  # JSON has no word for the others
        elif isinstance(value, bool):
            kept.append(value)
        elif hasattr(value, "__index__"):
            kept.append(int(value))
        else:
            kept.append(text)
    return kept


def variable_strings(variables: Mapping[str, Any] | None) -> dict[str, str]:
    """Return environment variables as a process gets them; numbers become strings.

    Raises:
        RunConfigurationException: a name or a value that no process can be given; the message names the variable.
    """
    strings: dict[str, str] = {}
    for name, value in (variables or {}).items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise RunConfigurationException(f"{name!r} can't be the name of an environment variable")
        if not isinstance(value, (str, int, float, os.PathLike)):
            raise RunConfigurationException(
                f"the environment variable {name} must be a string or a number, not {_described(value)}"
            )
        text = float.__repr__(value) if isinstance(value, float) else _path_text(value)
        if "\0" in text:
            raise RunConfigurationException(f"the environment variable {name} holds a null character")
        strings[name] = text
    return strings


def _listed(arguments: Sequence[Any] | None) -> Sequence[Any]:
    if isinstance(arguments, (str, bytes)):
        raise RunConfigurationException(
            f"arguments are a list such as ['--alpha', 0.4], not the string {arguments!r}; shlex.split makes one of it"
        )
    if arguments is not None and not isinstance(arguments, (list, tuple)):
        raise RunConfigurationException(f"arguments are a list such as ['--alpha', 0.4], not {_described(arguments)}")
    return arguments or ()


def _text(value: Any, position: int) -> str:
    if isinstance(value, float):
        return float.__repr__(value)  # NumPy's own repr of its float64 is np.float64(0.4)
    if isinstance(value, (str, os.PathLike)):
        text = _path_text(value)
    elif hasattr(value, "as_named_input"):
        raise RunConfigurationException(
            f"argument {position} is a dataset; pass it as dataset.as_named_input('a_name'), with .as_mount() for its files"
        )
    elif getattr(type(value), "STANDS_FOR_DATA", False):
        text = str(value)  # the words in the place of a dataset's id, or a path
    elif hasattr(value, "__index__"):  # whole numbers, NumPy's too
        text = str(value) if isinstance(value, bool) else str(value.__index__())
    else:
        raise RunConfigurationException(
            f"argument {position} is {_described(value)}; arguments are strings, numbers or paths"
        )
    if "\0" in text:
        raise RunConfigurationException(f"argument {position} holds a null character, which no process can be given")
    return text


def _path_text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, (str, os.PathLike)) else str(value)


def _described(value: Any) -> str:
    """Name a value that can't be used: None as itself, anything else by its class."""
    if value is None:
        return "None"
    shown = repr(value)
    return f"of the class {type(value).__name__}" + (f" ({shown})" if len(shown) <= 60 and "\n" not in shown else "")
