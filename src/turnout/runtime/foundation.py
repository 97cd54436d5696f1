"""Makes the directories of a home and of a workspace in it, those that are missing, each with its mode."""

from __future__ import annotations

import os

from turnout.runtime import layout, records


class NewerFormat(Exception):
    """The home was written by a newer Turnout."""


def lay(home: layout.Home, workspace: layout.WorkspaceLayout) -> None:
    """Make what a run's record needs to lie in.

    Raises:
        NewerFormat: the home has a format that this runtime doesn't know.
        OSError, ValueError: it can't be read or written.
    """
    try:
        version = int(records.read_json(home.format)["format"])
    except FileNotFoundError:
        os.makedirs(home.root, layout.DIRECTORY_MODE, exist_ok=True)
        records.write_json(home.format, {"format": layout.FORMAT})
        version = layout.FORMAT
    if version > layout.FORMAT:
        raise NewerFormat(
            "%s was written by a newer Turnout (format %d, this one knows %d)" % (home.root, version, layout.FORMAT)
        )
    for directory in (home.objects, home.environments, home.queue, home.secrets, home.runtime, home.tools):
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
    # Level by level: a mode is given to the last directory of a path only.
    for directory in (
        home.workspaces,
        workspace.root,
        workspace.runs,
        workspace.changes,
        workspace.experiments,
        workspace.locks,
    ):
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
