"""What the commands share: the workspace in use, runs by what a person types, JSON, and the output helpers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import streams, text
from turnout.cli.tables import Facts, Table, console, on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnout.history.index import Index
    from turnout.run import Run
    from turnout.workspace import Workspace

__all__ = [
    "Facts",
    "Table",
    "asked_python",
    "console",
    "find",
    "index",
    "json_option",
    "notice",
    "on_terminal",
    "pairs",
    "print_json",
    "python_option",
    "run_argument",
    "workspace",
]


def workspace() -> Workspace:
    """Return the workspace that the current directory and the variables name.

    Raises:
        WorkspaceException: it can't be used.
    """
    from turnout.workspace import Workspace

    return Workspace.from_config()


def find(ws: Workspace, name: str) -> Run:
    """Return the run that a person named.

    Args:
        ws: where to look.
        name: an id, the beginning of one, `@last`, or `@last~N`.

    Raises:
        UserErrorException: there is none, or more than one.
    """
    from turnout.history.lookup import find_run

    return ws.get_run(find_run(ws.layout, name))


def index(ws: Workspace) -> Index:
    """Return the index over a workspace's runs, brought up to date; a long wait is explained on a terminal.

    Raises:
        RecordException: it can't be used.
    """
    from turnout.history.index import Index
    from turnout.run import look_at

    found = Index(ws.layout, notice)
    found.refresh(look_at(ws))
    return found


def notice(sentence: str) -> None:
    """Tell a person at a terminal what goes on; never part of the output."""
    if sys.stderr.isatty():
        streams.say(f"turnout: {sentence}")


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json`, its parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")(function)


def python_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--python`, its parameter `python`: the way out for specifications whose Python can't be had."""
    words = "The Python to have in place of the one that the environment asks for; the record keeps both."
    return click.option("--python", "python", metavar="VERSION", help=words)(function)


def asked_python(definition: dict[str, Any]) -> str | None:
    """Return the Python that an environment's packages ask for, where another one was set in its place; else None.

    Args:
        definition: the environment in v1's dictionary form.
    """
    python = definition.get("python") or {}
    if not isinstance(python, dict) or not python.get("pythonOverride"):
        return None
    from turnout.environments.conda_dependencies import CondaDependencies

    return CondaDependencies.deserialize(python.get("condaDependencies") or {}).get_python_version()


def run_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument RUN, its parameter `run_name`."""
    return click.argument("run_name", metavar="RUN")(function)


def print_json(value: Any) -> None:
    """Print a value as strict JSON.

    NaN and infinities, for which JSON has no word, become the strings "NaN", "Infinity" and "-Infinity": they stay
    distinct from each other and from a missing value, and `float()` reads them back.
    """
    import json

    printed = json.dumps(text.strict(value), ensure_ascii=False, indent=2, allow_nan=False)
    try:
        printed.encode("utf-8")
    except UnicodeEncodeError:  # a file name that is no UTF-8: escaped, the JSON stays valid
        printed = json.dumps(text.strict(value), ensure_ascii=True, indent=2, allow_nan=False)
    sys.stdout.write(printed + "\n")


def pairs(words: tuple[str, ...], what: str) -> dict[str, str]:
    """Return `K=V` words as a dictionary.

    Args:
        words: the words as typed.
        what: what they are, for the error: "tag".

    Raises:
        click.UsageError: a word has no `=` or nothing before it.
    """
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise click.UsageError(
                f"a {what} is written KEY=VALUE, not '{word}'", click.get_current_context(silent=True)
            )
        found[key] = value
    return found
