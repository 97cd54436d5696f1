"""Writes the record of a run that a scheduler can start, without a submit."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Mapping

from turnout.runtime import handed, layout, manifest, processes, records, states, variables
from turnout.runtime.objects import ObjectStore
from turnout.runtime.record import SCRIPT_RUN


def write_run(
    workspace: layout.WorkspaceLayout,
    script: str,
    arguments: list[str] | None = None,
    secrets: Mapping[str, str] | None = None,
    run_id: str | None = None,
    **configuration: object,
) -> layout.RunLayout:
    """Write a run that waits to be started: a snapshot of one file, `train.py`, and the interpreter of this process.

    Args:
        workspace: where the run belongs; its home has been made.
        script: the text of `train.py`.
        arguments: what the script gets.
        secrets: variables of the script that the record doesn't hold.
        run_id: its id; made up if None.
        **configuration: more of the run configuration, under v1's camelCase keys.
    """
    home = workspace.home
    with ObjectStore(home.objects).incoming() as incoming:
        digest = incoming.add_bytes(script.encode())
        incoming.commit()
    run = workspace.run(run_id or f"suite_{int(time.time())}_{uuid.uuid4().hex[:8]}")
    for directory in (run.root, run.events, run.user_logs, run.system_logs):
        os.makedirs(directory, layout.DIRECTORY_MODE)
    entry = manifest.Entry(manifest.FILE, digest, len(script.encode()), "train.py")
    records.write_atomic(run.manifest, manifest.serialise([entry]))
    name = handed.new_name()
    definition = {
        "format": layout.FORMAT,
        "id": run.run_id,
        "experiment": "suite",
        "workspace": {"name": os.path.basename(workspace.root)},
        "type": SCRIPT_RUN,
        handed.MEMBER: name,
        "resources": {"cpus": 1, "gpus": 0, "priority": 0},
        "submitter": processes.identity(),
        "target": {"name": "local", "type": "local"},
        "created": time.time(),
        "configuration": {"script": "train.py", "framework": "Python", **configuration},
        "arguments": arguments or [],
        "variables": {"configured": {}, "inherited": [], "values": {}, "secrets": sorted(secrets or {})},
        "environment": {"kind": "existing", "key": "existing", "lock": {"interpreter": sys.executable}},
    }
    records.write_json(run.definition, definition)
    journal = records.JsonLines(run.journal)
    journal.append({"t": time.time(), "state": states.NOT_STARTED, "reason": "submitted"})
    journal.close()
    os.makedirs(home.secrets, layout.DIRECTORY_MODE, exist_ok=True)
    given = handed.Handed(variables.inheritable(os.environ), dict(secrets or {}))
    handed.write(home, name, run, given)
    return run
