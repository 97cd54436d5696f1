"""`turnout env`: environments, their locks, and what is built from them here; one file per subcommand.

Not called `environment`: `turnout submit --environment` names one, `turnout env` works on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from turnout import cli

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar

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


class _Subcommands(cli.Commands):
    """The subcommands as a group; each one's module bears its name."""

    TABLE: ClassVar[Mapping[str, tuple[str, str]]] = {
        name: (f"{__name__}.{name}", line) for name, line in SUBCOMMANDS.items()
    }

    def unknown(self, name: str) -> str:
        """Return what is said of a name that no subcommand has."""
        return f"there is no 'turnout env {name}'; there is: {', '.join(self.TABLE)}"


@click.group("env", cls=_Subcommands, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Look at environments, freeze and unfreeze their packages, and manage what is built of them on this machine.

    SPEC is what `turnout submit --environment` takes: a registered or curated name, a requirements.txt, pyproject.toml,
    uv.lock or environment.yml, `current`, or the path of an interpreter.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
