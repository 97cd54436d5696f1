"""What v1's made-up machines have in common: a name over a target, this machine or whichever the workspace maps it to.

`turnout target alias NAME TARGET` makes such a name; `--vm-size PATTERN TARGET` says which target stands for the sizes that scripts
ask for when they make one.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from turnout.exceptions import ComputeTargetException
from turnout.runtime import records, states
from turnout.targets import registry
from turnout.targets.compute_target import LOCAL, ComputeTarget, is_local

if TYPE_CHECKING:
    from turnout.workspace import Workspace

CLUSTER = "cluster"
"""What a run's target says of the name that it was submitted to, where that stands for another machine."""
OVER = "over"


class Cluster(ComputeTarget):
    """A name over a target.

    Attributes:
        vm_size: what was asked for; a label.
    """

    def _take_labels(self) -> None:
        super()._take_labels()
        self.vm_size = self._kept.get("vm_size")

    @property
    def machine(self) -> ComputeTarget:
        """The target that it stands for: `local`, or the one that the workspace maps it to.

        Raises:
            ComputeTargetException: that one was removed.
        """
        over = self._kept.get(OVER) or LOCAL
        try:
            return ComputeTarget(self.workspace, over)
        except ComputeTargetException as error:
            raise ComputeTargetException(
                f"{self.name} stands for the target {over}, which is gone; `turnout target alias {self.name} TARGET` names another",
                error,
            ) from error

    def serialize(self) -> dict[str, Any]:
        """Return the target as data, as a run's record keeps it: that of the machine, with this name."""
        if not self._kept.get(OVER):
            return super().serialize()
        return {**self.machine.serialize(), CLUSTER: self.name}

    @property
    def facts(self) -> dict[str, Any]:
        """What the machine had when it was last checked."""
        return self.machine.facts if self._kept.get(OVER) else {}

    def share(self) -> dict[str, Any]:
        """Return what run.json says of how many runs of this name may hold slots at once; nothing for as many as fit."""
        return {}

    def get_active_runs(
        self,
        type: str | None = None,  # noqa: A002 - v1's name
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
    ) -> Iterator[Any]:
        """Yield the runs of this target that have not ended.

        Args:
            type: only those of this type.
            tags: only those with this tag (a string) or these values (a dict).
            properties: likewise.
            status: only those in this state.
        """
        from turnout.runtime.script.labels import matches

        for run in self._runs():
            if (
                (type is None or run.type == type)
                and matches(run.get_tags(), tags)
                and matches(run.get_properties(), properties)
                and (status is None or run.get_status() == status)
            ):
                yield run

    def delete(self) -> None:
        """Forget the name. Its runs stay."""
        registry.remove(self.workspace.layout, self.name)

    def detach(self) -> None:
        """Refuse, as in v1. Raises ComputeTargetException."""
        raise ComputeTargetException(f"Detach is not supported for {type(self).__name__}; use delete")

    def refresh_state(self) -> None:
        """Read what is kept of it again."""
        self._kept = ComputeTarget(self.workspace, self.name)._kept
        self._take_labels()

    def _runs(self, started: bool = False) -> list[Any]:
        """Return the runs of this name that have not ended, or only those that hold slots."""
        if not is_local(self.serialize()):
            return self._runs_elsewhere(started)
        from turnout.runtime import runqueue
        from turnout.runtime.record import RunRecord

        waiting, holding = runqueue.entries(self.workspace.home)
        found = []
        for entry in holding if started else [*holding, *waiting]:
            record = RunRecord(entry.directory)
            ours = record.layout.workspace.root == self.workspace.layout.root
            if ours and record.exists() and self._is_mine(record.definition):
                found.append(self.workspace.get_run(entry.run_id))
        return found

    def _runs_elsewhere(self, started: bool) -> list[Any]:
        from turnout.history.index import Index

        def look(run_id: str) -> tuple[str, str]:
            run = self.workspace.get_run(run_id)
            copy = run.replica()
            return run.status_and_reason() if copy is None else copy.known()

        index = Index(self.workspace.layout)
        index.refresh(look)
        wanted = [states.STARTING, states.RUNNING, states.FINALIZING]
        if not started:
            wanted += [states.NOT_STARTED, states.PREPARING, states.QUEUED, states.CANCEL_REQUESTED]
        runs = [self.workspace.get_run(row.id) for row in index.list_runs(status=wanted, include_children=True)]
        return [run for run in runs if self._is_mine(run.record.definition)]

    def _is_mine(self, definition: dict[str, Any]) -> bool:
        target = definition.get("target") or {}
        return bool(self.name == (target.get(CLUSTER) or target.get("name")))


def machine_for(workspace: Workspace, vm_size: str) -> str:
    """Return the target that stands for a size of v1's machines: `local` unless the workspace maps it to another."""
    for pattern, target in sizes(workspace):
        if fnmatch.fnmatchcase(vm_size.upper(), pattern.upper()):
            return target
    return LOCAL


def sizes(workspace: Workspace) -> list[tuple[str, str]]:
    """Return which target stands for which sizes, as patterns; the first that fits counts."""
    try:
        found = records.read_json(workspace.layout.vm_sizes)
    except (OSError, ValueError):
        return []
    return [(str(pattern), str(target)) for pattern, target in found] if isinstance(found, list) else []


def map_size(workspace: Workspace, pattern: str, target: str | None) -> None:
    """Have a target stand for the sizes that a pattern fits, before the earlier ones; None forgets the pattern.

    Raises:
        ComputeTargetException: the workspace has no such target.
    """
    kept = [each for each in sizes(workspace) if each[0] != pattern]
    if target is not None:
        ComputeTarget(workspace, target)
        kept.insert(0, (pattern, target))
    records.write_json(workspace.layout.vm_sizes, [list(each) for each in kept])


def keep(workspace: Workspace, name: str, kept: dict[str, Any], machine: str) -> None:
    """Keep a new name over a target.

    Raises:
        ComputeTargetException: the name is taken or can't be used; or the target is none that is there, or such a name itself.
    """
    registry.check_name(workspace.layout, name)
    if machine != LOCAL:
        if isinstance(ComputeTarget(workspace, machine), Cluster):
            raise ComputeTargetException(f"{machine} is a name over another target; give that one")
        kept = {**kept, OVER: machine}
    moment = now()
    registry.add(
        workspace.layout, name, {**kept, "reach": "local", "schedule": "process", "created": moment, "modified": moment}
    )


def now() -> str:
    """Return the present time as v1 wrote it."""
    return datetime.now(timezone.utc).isoformat()
