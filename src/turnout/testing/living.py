"""What tests of real processes need: to wait for what others do, and to find who is left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turnout.runtime import processes


def until(condition: Callable[[], Any], seconds: float = 40.0, what: str = "") -> Any:
    """Wait until something that another process does has happened, and return what `condition` said of it.

    Args:
        condition: asked again and again, since there is no event that crosses processes; true once it has happened.
        seconds: after which it is said not to have.
        what: what was waited for, for the message.

    Raises:
        AssertionError: it did not happen.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"it did not happen within {seconds:g} seconds: {what}"
        time.sleep(0.005)


def in_child(act: Callable[[], Any]) -> None:
    """Do something in a forked process, from which nothing descends, and fail when it fails."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def pids_naming(text: str) -> list[int]:
    """Return the living processes with `text` in their command line or environment, but for this one."""
    wanted = os.fsencode(text)
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            said = Path(f"/proc/{name}/cmdline").read_bytes() + Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        if wanted in said and int(name) != os.getpid() and processes.start_time(int(name)) is not None:
            found.append(int(name))
    return sorted(found)
