"""Starts the processes of a script under torch.distributed, on one machine: v1's PyTorchConfiguration.

The variables are those of torch's `env://`, which v1's service set: MASTER_ADDR, MASTER_PORT, WORLD_SIZE, NODE_RANK, and for each
process RANK and LOCAL_RANK. The port is a free one: v1's own, 6105, is taken when two runs share a machine.
"""

from __future__ import annotations

from typing import Any, Dict, List

from turnout.runtime.launchers.processes import ADDRESS, ProcessesLauncher


class TorchLauncher(ProcessesLauncher):
    """`process_count` processes that find each other by torch's variables."""

    def processes(self, definition: Dict[str, Any], ports: List[int]) -> List[Dict[str, Any]]:
        """Return the variables of each process."""
        section = (definition.get("configuration") or {}).get("pytorch") or {}
        count = int(section.get("processCount") or 1)
        common = {
            "MASTER_ADDR": ADDRESS,
            "MASTER_PORT": str(ports[0]),
            "AZ_BATCH_MASTER_NODE": "%s:%d" % (ADDRESS, ports[0]),
            "WORLD_SIZE": str(count),
            "LOCAL_WORLD_SIZE": str(count),
            "NODE_RANK": "0",
            "GROUP_RANK": "0",
        }
        return [{"variables": {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}} for rank in range(count)]
