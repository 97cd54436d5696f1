"""Starts the workers and parameter servers of a script under TensorFlow, on one machine: v1's TensorflowConfiguration.

Each process gets TF_CONFIG with the addresses of all and its own task (tf.distribute's documentation). The run ends with its
workers; parameter servers, which serve for ever, are ended then.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

from turnout.runtime.launchers.processes import ADDRESS, ProcessesLauncher

_WORKER, _SERVER = "worker", "ps"


class TensorflowLauncher(ProcessesLauncher):
    """Workers and parameter servers that find each other by TF_CONFIG."""

    def ports(self, definition: Dict[str, Any]) -> int:
        """Return one a process."""
        return len(_tasks(definition))

    def processes(self, definition: Dict[str, Any], ports: List[int]) -> List[Dict[str, Any]]:
        """Return TF_CONFIG of each process, workers first."""
        tasks = _tasks(definition)
        cluster: Dict[str, List[str]] = {}
        for (kind, _), port in zip(tasks, ports):
            cluster.setdefault(kind, []).append("%s:%d" % (ADDRESS, port))
        found = []
        for kind, index in tasks:
            value = {"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"}
            found.append({"variables": {"TF_CONFIG": json.dumps(value, sort_keys=True)}, "waits": kind == _WORKER})
        return found


def _tasks(definition: Dict[str, Any]) -> "List[tuple[str, int]]":
    section = (definition.get("configuration") or {}).get("tensorflow") or {}
    workers, servers = int(section.get("workerCount", 1)), int(section.get("parameterServerCount", 1))
    return [(_WORKER, index) for index in range(workers)] + [(_SERVER, index) for index in range(servers)]
