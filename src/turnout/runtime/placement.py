"""Says where a run runs: the facts of this machine that a reader may want a month later."""

from __future__ import annotations

import os
import platform
import pwd
import time
from typing import Any, Dict

from turnout.runtime import layout, processes, slots


def facts(home: layout.Home, grant: slots.Grant) -> Dict[str, Any]:
    """Return host, account, processors, memory in bytes, the run's slots, and the supervisor's identity."""
    system = os.uname()
    return {
        "host": system.nodename,
        "user": account(),
        "system": system.sysname,
        "kernel": system.release,
        "machine": system.machine,
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _memory(),
        "home": home.root,
        "slots": slots.to_json(grant),
        "supervisor": processes.identity(),
        "supervisor_python": platform.python_version(),
        "t": time.time(),
    }


def account() -> str:
    """Return the account's name, or its number where it has none (containers)."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
