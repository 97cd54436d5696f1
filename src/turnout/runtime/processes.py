"""Proves whether a process is still the one that was meant.

A pid alone is reused; a process is named by host, boot id, pid namespace, pid and start time (proc(5), field 22 of
/proc/PID/stat). About a process of another host, boot or namespace nothing is concluded from /proc.
"""

import os
import signal
import time

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional

ALIVE = "alive"
GONE = "gone"
UNKNOWN = "unknown"
"""What `state` answers: the process lives, is proven gone, or is on a machine that can't be seen from here."""


def boot_id() -> str:
    """Return the kernel's id of this boot, or an empty string where there is none (macOS)."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def pid_namespace() -> str:
    """Return the name of this process's pid namespace, or an empty string where there is none."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def start_time(pid: int) -> "Optional[int]":
    """Return when process `pid` started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stream:
            text = stream.read()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()  # the name may hold spaces and parentheses
    if fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19])


def identity(pid: "Optional[int]" = None) -> "Dict[str, Any]":
    """Return what names process `pid` (this one by default) for good."""
    number = os.getpid() if pid is None else pid
    return {
        "host": os.uname().nodename,
        "boot": boot_id(),
        "namespace": pid_namespace(),
        "pid": number,
        "start": start_time(number),
    }


def state(process: "Dict[str, Any]") -> str:
    """Say whether the process that `identity` once named is alive, gone, or out of sight."""
    if process.get("host") != os.uname().nodename:
        return UNKNOWN
    if process.get("boot") != boot_id():
        return GONE
    if process.get("namespace") != pid_namespace():
        return UNKNOWN
    pid = process.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return GONE
    started = start_time(pid)
    return ALIVE if started is not None and started == process.get("start") else GONE


def send(process: "Dict[str, Any]", number: int) -> bool:
    """Signal the process if it is still the one meant; return whether it was."""
    if state(process) != ALIVE:
        return False
    try:
        os.kill(process["pid"], number)
    except ProcessLookupError:
        return False
    return True


def become_subreaper() -> bool:
    """Make this process the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER, prctl(2)); say whether it could.

    Not inherited by forks. Import ctypes before many of them: it costs 6 ms.
    """
    try:
        import ctypes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def close_descriptors(*keep: int) -> None:
    """Close every descriptor of this process from 3 on, but for some: a fork must not hold what isn't its own."""
    try:
        found = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        found = list(range(3, 1024))
    for descriptor in found:
        if descriptor > 2 and descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                pass  # the one of the listing itself


def running_seconds(process: "Dict[str, Any]") -> float:
    """Return for how long a living process of this boot has run, whatever was done to the clock."""
    ticks = os.sysconf("SC_CLK_TCK")
    now = time.clock_gettime(time.CLOCK_BOOTTIME if hasattr(time, "CLOCK_BOOTTIME") else time.CLOCK_MONOTONIC)
    return max(0.0, now - float(process.get("start") or 0) / ticks)


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9; `signal 77` for a number without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number
