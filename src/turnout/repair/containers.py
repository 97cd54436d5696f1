"""Containers of runs that have ended, which an engine that didn't answer has kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding
from turnout.runtime import states
from turnout.runtime.containers import container
from turnout.runtime.containers import engine as engines
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def check(examination: Examination) -> Iterator[Finding]:
    """Look through the containers that the engine of this machine has for runs of this home."""
    engine = engines.find(os.environ)
    if engine is None:
        return
    try:
        said = engine.ask("ps", "--all", "--filter", f"label={container.LABEL}", "--format", "{{.Names}}")
        names = said.split()
        labels = {name: engine.inspect("container", name)["Config"]["Labels"][container.LABEL] for name in names}
    except (engines.EngineError, KeyError, TypeError):
        return  # an engine that isn't in use need not answer
    for name, directory in sorted(labels.items()):
        if not str(directory).startswith(examination.home.workspaces + os.sep):
            continue
        record = RunRecord(str(directory))
        if not record.exists() or states.is_final(str(record.journaled_state().get("state"))):
            yield Finding(
                name, f"the container of the run {record.layout.run_id}, which has ended", mend=_remove(engine, name)
            )


def _remove(engine: engines.Engine, name: str) -> Callable[[], str]:
    def mend() -> str:
        try:
            engine.ask("rm", "--force", "--volumes", name)
        except engines.EngineError as error:
            raise OSError(f"{engine.path} can't remove it: {error}") from error
        return "removed"

    return mend
