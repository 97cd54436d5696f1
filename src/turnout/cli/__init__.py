"""The command line: one file per command, loaded only when that command is named.

`main` is the entry point. Everything that ends a command other than by returning passes through `turnout.cli.errors`,
so a command raises what it has to say and prints no error itself. A command's module offers `command` (a click
command), whose callback returns the exit code, or None for 0.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

import turnout
from turnout.cli import errors, streams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar

COMMANDS: dict[str, tuple[str, str]] = {
    "submit": ("turnout.cli.submit", "Submit a training script to a compute target."),
    "sweep": (
        "turnout.cli.sweep",
        "Run a script many times with other hyperparameters; show, stop, and name the best.",
    ),
    "azureml": ("turnout.cli.azureml", "Run what was written for Azure ML SDK v1."),
    "runs": ("turnout.cli.runs", "List runs, newest first; `runs delete` deletes some."),
    "show": ("turnout.cli.show", "Show what is known of a run."),
    "logs": ("turnout.cli.logs", "Print a run's log; -f follows it."),
    "metrics": ("turnout.cli.metrics", "Print a run's metrics."),
    "files": ("turnout.cli.files", "List the files that a run left."),
    "wait": ("turnout.cli.wait", "Wait until a run has ended."),
    "queue": ("turnout.cli.queue", "Show which runs hold slots and which wait for some."),
    "target": ("turnout.cli.target", "Add, check, list, show, change and remove compute targets."),
    "sync": ("turnout.cli.sync", "Bring what is outstanding from every target."),
    "env": ("turnout.cli.env", "List, lock, compare, build and remove environments."),
    "workspace": ("turnout.cli.workspace", "Show the workspace in use."),
    "download": ("turnout.cli.download", "Copy files of a run into a directory."),
    "cancel": ("turnout.cli.cancel", "Cancel runs."),
    "tag": ("turnout.cli.tag", "Set or remove tags of a run."),
    "experiments": ("turnout.cli.experiments", "List experiments."),
    "snapshot": ("turnout.cli.snapshot", "Show what a snapshot of a directory would hold."),
    "restore": ("turnout.cli.restore", "Write a run's snapshot into a directory."),
    "doctor": ("turnout.cli.doctor", "Say what works on this machine, and what to do about the rest."),
    "gc": ("turnout.cli.gc", "Free disk space that no run needs."),
    "reindex": ("turnout.cli.reindex", "Rebuild the index from the run directories."),
}
"""Each command's module, and its line in `turnout --help`, which therefore imports none of them."""


class State:
    """What the whole command line shares: the context's `obj`."""

    __slots__ = ("debug",)

    def __init__(self) -> None:
        self.debug = False


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    state = context.find_object(State)
    if value and state is not None:
        state.debug = True


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"turnout {turnout.__version__}")
        context.exit()


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )


def with_debug(command: click.Command) -> click.Command:
    """Return a command, after giving it `--debug` unless it has that."""
    if not any("--debug" in parameter.opts for parameter in command.params):
        command.params.append(_debug_option())
    return command


class Commands(click.Group):
    """A table of commands as a click group that loads one when it is named."""

    TABLE: ClassVar[Mapping[str, tuple[str, str]]] = COMMANDS
    """Each command's module and its line in the help of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(self.TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None for a name that none has."""
        entry = self.TABLE.get(cmd_name)
        if entry is None:
            return None
        # importlib.import_module, without importing importlib for one call.
        __import__(entry[0])
        return with_debug(sys.modules[entry[0]].command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the words begin with. Raises UsageError when there is none."""
        if args[0] not in self.TABLE:
            raise click.UsageError(self.unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without loading a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.TABLE.items()])

    def unknown(self, name: str) -> str:
        """Return what is said of a name that no command has."""
        import difflib  # 3 ms that only a typing error pays for

        near = difflib.get_close_matches(name, self.TABLE, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"there is no command '{name}'{hint}"


def _group() -> click.Group:
    return Commands(
        "turnout",
        invoke_without_command=True,
        callback=_help_when_bare,
        help="Submit training runs to compute targets, and look at what came out.",
        epilog="RUN may be a run's id, the beginning of one, @last, or @last~2 (the second before the last).",
        context_settings={"help_option_names": ["-h", "--help"]},
        params=[
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Print the version and exit.",
            ),
            _debug_option(),
        ],
    )


def _help_when_bare() -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: list[str]) -> int:
    """Carry out one command line.

    Args:
        arguments: the words after `turnout`.

    Returns:
        The exit code; everything that was to be said has been printed.
    """
    state = State()
    group = _group()
    try:
        try:
            with group.make_context("turnout", arguments, obj=state) as context:
                code = group.invoke(context)
        except click.exceptions.Exit as leaving:
            code = leaving.exit_code
        sys.stdout.flush()  # here, so that a reader who left is noticed here
    except (Exception, KeyboardInterrupt) as error:
        return errors.report(error, debug=state.debug)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line of this process and exit with its code."""
    streams.provide()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")  # file names are bytes: let them through as they are
    if "_TURNOUT_COMPLETE" in os.environ:  # click's own protocol for completion in shells
        _group().main(prog_name="turnout")
    sys.exit(run(sys.argv[1:]))
