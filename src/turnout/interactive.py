"""Begins a run that the calling process carries out itself, for notebooks and scripts without a submit."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from turnout import __version__
from turnout.submission import recording

if TYPE_CHECKING:
    from turnout.experiment import Experiment
    from turnout.run import Run


def start_logging(
    experiment: Experiment, snapshot_directory: str | None, outputs: str | None, display_name: str | None
) -> Run:
    """Begin a run that this process carries out itself; see `Experiment.start_logging`."""
    with contextlib.ExitStack() as stack:
        if snapshot_directory is not None:
            stack.enter_context(recording(experiment.workspace.home, lambda line: None))
        return _start_logging(experiment, snapshot_directory, outputs, display_name)


def _start_logging(
    experiment: Experiment, snapshot_directory: str | None, outputs: str | None, display_name: str | None
) -> Run:
    from turnout.run import Run
    from turnout.runtime.script import ownership
    from turnout.snapshots.git import GitFacts
    from turnout.snapshots.take import take

    workspace = experiment.workspace
    identity = ownership.new_id()
    properties: dict[str, str] = {}
    snapshot = None
    files: dict[str, bytes] = {}
    if snapshot_directory is not None:
        git = GitFacts.begin(os.path.abspath(snapshot_directory))
        taken = take(os.path.abspath(snapshot_directory), workspace.home, workspace.layout)
        properties, patch = git.finish()
        properties = {"ContentSnapshotId": taken.id, **properties}
        snapshot = {"id": taken.id, "files": taken.files, "bytes": taken.bytes}
        files = {"manifest": taken.manifest, **({"patch.diff": patch} if patch else {})}
    definition = {
        "id": identity,
        "number": experiment.next_number(),
        "experiment": experiment.name,
        "workspace": workspace.described(),
        "display_name": display_name or f"run_{identity}",
        "target": {"name": "local", "type": "local"},
        "snapshot": snapshot,
        "properties": properties,
        "turnout": __version__,
    }
    run = Run(ownership.create_run(workspace.layout, definition, files), experiment)
    if outputs is not None:
        run._outputs = outputs
    return run
