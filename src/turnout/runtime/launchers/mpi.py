"""Starts the processes of a script under MPI, on one machine: v1's MpiConfiguration.

More than one needs an `mpirun` on the machine, or in the image: Open MPI's, MPICH's and Intel's take `-n`. A single one starts by
itself, with the variables that scripts ask for their rank (Open MPI's and PMI's).
"""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, List, Tuple

from turnout.runtime.launchers import CannotLaunch, Context, Launcher
from turnout.runtime.launchers.python import PythonLauncher

_MISSING = (
    "mpirun is not there, which starts %d processes under MPI: install it (on Debian: apt-get install openmpi-bin), or ask for one "
    "process per node"
)
_ALONE = {
    **{"OMPI_COMM_WORLD_%s" % name: "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK")},
    **{"OMPI_COMM_WORLD_%s" % name: "1" for name in ("SIZE", "LOCAL_SIZE")},
    "PMI_RANK": "0",
    "PMI_SIZE": "1",
}


class MpiLauncher(Launcher):
    """`mpirun -n COUNT python SCRIPT…`."""

    def find(self, context: Context, built: Any) -> Dict[str, Any]:
        """Return where mpirun is, when it is needed.

        Raises:
            CannotLaunch: it is needed, and not on this machine.
        """
        count = _count(context.definition)
        if count == 1:
            return {}
        if built.image is not None:
            return {"mpirun": "mpirun", "options": ["--allow-run-as-root", "--oversubscribe"]}
        found = shutil.which("mpirun", path=context.variables.get("PATH") or os.defpath)
        if found is None:
            raise CannotLaunch(_MISSING % count)
        return {"mpirun": found, "options": _options(found)}

    def command(
        self, definition: Dict[str, Any], rank: int, interpreter: str, found: Dict[str, Any]
    ) -> Tuple[List[str], Dict[str, str]]:
        """Return `mpirun -n COUNT …`, or for one process that alone."""
        argv, extra = PythonLauncher().command(definition, rank, interpreter, {})
        if not found:
            return argv, {**extra, **_ALONE}
        return [found["mpirun"], *found["options"], "-n", str(_count(definition)), *argv], extra


def _count(definition: Dict[str, Any]) -> int:
    section = (definition.get("configuration") or {}).get("mpi") or {}
    return int(section.get("processCountPerNode") or 1)


def _options(mpirun: str) -> List[str]:
    """Return what Open MPI needs to start more processes than it counts processors, and as root; others take no such words."""
    real = os.path.basename(os.path.realpath(mpirun))
    if "hydra" in real or ("mpiexec" in real and "openmpi" not in os.path.realpath(mpirun)):
        return []
    options = ["--oversubscribe"]
    return ["--allow-run-as-root", *options] if os.getuid() == 0 else options
