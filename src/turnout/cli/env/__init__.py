"""`turnout env`: environments, their locks, and what is built from them here; one file per subcommand.

Not called `environment`: `turnout submit --environment` names one, `turnout env` works on them.
"""

from __future__ import annotations

import sys

import click

from turnout import cli

SUBCOMMANDS: dict[str, str] = {
    "list": "List environments; --built lists what is built on this machine.",
    "show": "Show an environment: what it asks for, its lock, and whether it is built here.",
    "lock": "Resolve an environment to exact versions, once, and print the lock.",
    "diff": "Show which packages differ between two environments, runs, or then and now.",
    "update": "Resolve an environment anew and keep that instead: unfreeze it.",
    "build": "Build an environment on this machine now, or find it built.",
    "remove": "Remove a built environment from this machine.",
}
"""Each subcommand's line in `turnout env --help`; its module bears its name."""


class _Subcommands(click.Group):
    """The table of subcommands as a click group that loads one when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*SUBCOMMANDS]  # `list` is a module of this package as soon as it is loaded

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        module = f"{__name__}.{cmd_name}"
        __import__(module)
        return cli.with_debug(sys.modules[module].command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in SUBCOMMANDS:
            raise click.UsageError(f"there is no 'turnout env {args[0]}'; there is: {', '.join(SUBCOMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*SUBCOMMANDS.items()])


@click.group("env", cls=_Subcommands, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Look at environments, freeze and unfreeze their packages, and manage what is built of them on this machine.

    SPEC is what `turnout submit --environment` takes: a registered or curated name, a requirements.txt, pyproject.toml,
    uv.lock or environment.yml, `current`, or the path of an interpreter.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
