"""`turnout env build`: build an environment on this machine before a run needs it."""

from __future__ import annotations

import sys
from typing import Any

import click

from turnout.cli import common, streams, text
from turnout.cli.env import asked


@click.command("build")
@common.python_option
@common.json_option
@asked.spec_argument
def command(spec: str, python: str | None, as_json: bool) -> None:
    """Build SPEC on this machine, as a run would; the log appears as it is written.

    SPEC is resolved first if it has no lock yet. What is built already is only found.
    """
    from turnout.environments import building, locking

    workspace = common.workspace()
    question = asked.question(workspace, asked.environment(workspace, spec, python))
    locked = asked.resolved(locking.lock, question, workspace.layout)
    built, new = building.build(locked.environment, workspace.home, _Log())
    facts = built.facts or {}
    if as_json:
        known = {"built": facts.get("built"), "build_seconds": facts.get("build_seconds")}
        common.print_json(
            {**asked.lock_facts(workspace, locked), "interpreter": built.interpreter, "new": new, **known}
        )
    elif new:
        print(f"built {locked.environment['key']} in {text.duration(facts.get('build_seconds'))}: {built.interpreter}")
    else:
        print(f"there already: {locked.environment['key']}: {built.interpreter}")


class _Log:
    """Takes the builder's log; when nobody reads it any more, the build goes on."""

    def __init__(self) -> None:
        self._output: streams.Output | None = streams.Output(sys.stderr)

    def write(self, data: bytes) -> Any:
        if self._output is not None:
            try:
                self._output.write(data)
            except streams.OutputGone:
                self._output = None
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""
