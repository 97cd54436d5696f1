"""What v1's verbs share: options that name the workspace, and how they print."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from turnout.cli import common

_LABELS = "turnout.azureml.labels"


def _label(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    context.meta.setdefault(_LABELS, {})[parameter.name] = value


def place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command v1's options for the workspace, as its parameters `workspace_name` and `path`; the rest is accepted."""
    for option in (
        click.option("-w", "--workspace-name", metavar="NAME", help="The workspace; that of the directory by default."),
        click.option("--path", metavar="DIR", default=".", help="The project's directory."),
        click.option("-g", "--resource-group", expose_value=False, callback=_label, help="A label of a new workspace."),
        click.option("--subscription-id", expose_value=False, callback=_label, help="A label of a new workspace."),
        click.option("-v", "--verbose", is_flag=True, expose_value=False, help="Accepted as in v1."),
        click.option("-o", "--output", expose_value=False, help="Accepted as in v1; the output is JSON."),
    ):
        function = option(function)
    return function


def workspace(name: str | None, path: str = ".") -> Any:
    """Return the workspace that was named, or that of a directory; one that is named and isn't there yet is made."""
    from turnout.workspace import Workspace

    if name:
        return Workspace.create(name, exist_ok=True, **labels())
    return Workspace.from_config(path if os.path.abspath(path) != os.getcwd() else None)


def labels() -> dict[str, Any]:
    """Return v1's labels that the command was given."""
    return dict(click.get_current_context().meta.get(_LABELS) or {})


def output_file(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command v1's `-t`: a file that gets the JSON, too."""
    return click.option("-t", "--output-metadata-file", metavar="FILE", help="Also write the JSON to this file.")(
        function
    )


def show(value: Any, file: str | None = None) -> None:
    """Print a value as JSON, and write it to a file when one is named."""
    common.print_json(value)
    if file:
        from turnout.runtime import records

        records.write_json(file, value)
