"""`turnout azureml run`: run a script that imports azureml."""

from __future__ import annotations

import os

import click

from turnout.exceptions import UserErrorException


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(script: str, arguments: tuple[str, ...]) -> None:
    """Run SCRIPT as `python SCRIPT ARGUMENTS…` would, with Turnout behind `import azureml`; or a notebook, cell by cell.

    In the place of SCRIPT, v1's verbs: submit-script, submit-hyperdrive, list, show, cancel, update, download-logs.
    """
    if not os.path.isfile(script):
        from turnout.cli.azureml.verbs import runs

        if script in runs.group.commands:
            context = click.get_current_context()
            verb = runs.group.commands[script]
            with verb.make_context(f"{context.command_path} {script}", list(arguments), parent=context.parent) as inner:
                code = verb.invoke(inner)
            raise click.exceptions.Exit(code or 0)
        raise UserErrorException(f"there is no script {script}")
    from turnout.azureml import running

    try:
        running.run(script, arguments)
    except Exception:
        import sys
        import traceback

        kind, error, trace = sys.exc_info()
        while trace is not None and not _is_of(trace.tb_frame.f_code.co_filename, script):
            trace = trace.tb_next  # where the script begins
        if trace is None and isinstance(error, UserErrorException):
            raise  # it has not begun
        traceback.print_exception(kind, error, trace)
        raise click.exceptions.Exit(1) from None


def _is_of(file: str, script: str) -> bool:
    """Say whether a traceback's file is the script, or a cell of the notebook."""
    return file == script or file.startswith(f"{script}, cell ")
