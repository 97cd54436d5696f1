"""What launchers of several processes have in common: they execute `script/processes.py`, which starts and ends them together."""

from __future__ import annotations

import json
import os
import socket
from typing import Any, Dict, List, Tuple

from turnout.runtime.launchers import Context, Launcher
from turnout.runtime.launchers.python import PythonLauncher

ADDRESS = "127.0.0.1"
_STARTER = os.path.join("turnout", "runtime", "script", "processes.py")


class ProcessesLauncher(Launcher):
    """Several processes of a script on one machine; a subclass says which variables each gets."""

    def processes(self, definition: Dict[str, Any], ports: List[int]) -> List[Dict[str, Any]]:
        """Return for each process its `variables` and whether the run `waits` for it. Pure.

        Args:
            definition: the content of run.json.
            ports: free ones of this machine.
        """
        raise NotImplementedError

    def ports(self, definition: Dict[str, Any]) -> int:
        """Return how many ports the processes need to find each other."""
        return 1

    def find(self, context: Context, built: Any) -> Dict[str, Any]:
        """Return where the starter is, and ports that are free now."""
        return {"starter": os.path.join(context.runtime, _STARTER), "ports": free_ports(self.ports(context.definition))}

    def describe(self, found: Dict[str, Any]) -> Dict[str, Any]:
        """Return the ports."""
        return {"ports": found["ports"]}

    def command(
        self, definition: Dict[str, Any], rank: int, interpreter: str, found: Dict[str, Any]
    ) -> Tuple[List[str], Dict[str, str]]:
        """Return `python processes.py SPECIFICATION`, and what each process executes."""
        argv, extra = PythonLauncher().command(definition, rank, interpreter, {})
        specification = json.dumps({"processes": self.processes(definition, found["ports"])}, sort_keys=True)
        return [interpreter, found["starter"], specification, *argv], extra


def free_ports(count: int) -> List[int]:
    """Return ports that nobody uses just now, each another one."""
    taken = [socket.socket() for _ in range(count)]
    try:
        for each in taken:
            each.bind((ADDRESS, 0))
        return [int(each.getsockname()[1]) for each in taken]
    finally:
        for each in taken:
            each.close()
