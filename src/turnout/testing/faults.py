"""Kills a process of the runtime at a chosen moment: before its n-th change to the disk or to another process.

A dispatcher is started as it always is, but its interpreter first replaces the functions of `os` that change something by ones
that count. Supervisors, builders, keepers and scripts are forks of it, so one count a role covers them all. The process whose
turn it is kills itself with SIGKILL before the call; with `torn`, a write first writes a part. That happens once: whoever
takes over goes on undisturbed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from turnout.runtime import layout, starting

SUBMITTER, DISPATCHER, SUPERVISOR, BUILDER = "submitter", "dispatcher", "supervisor", "builder"
KEEPER, SCRIPT = "keeper", "script"
ROLES = (SUBMITTER, DISPATCHER, SUPERVISOR, BUILDER, KEEPER, SCRIPT)

_COUNTING = r"""
import fcntl, os, signal, sys
ROLE, NUMBER, TORN, DIRECTORY, FIRST = %r
FORKED_BY = {"supervise": "supervisor", "__init__": "builder", "start": "keeper", "_keep": "script"}
now = {"role": FIRST, "count": 0}
real = {name: getattr(os, name) for name in ("open", "write", "close", "fork", "getpid", "kill")}

def reached(name, shown, torn=None):
    now["count"] += 1
    if not ROLE:
        line = "%%s %%d %%s %%s\n" %% (now["role"], now["count"], name, shown)
        trace = real["open"](DIRECTORY + "/trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        real["write"](trace, line.encode("utf-8", "replace"))
        real["close"](trace)
    elif now["role"] == ROLE and now["count"] == NUMBER:
        try:
            fired = real["open"](DIRECTORY + "/fired", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return
        real["write"](fired, b"%%d" %% real["getpid"]())
        if torn is not None and TORN:
            torn()
        real["kill"](real["getpid"](), signal.SIGKILL)

def counted(module, name):
    function = getattr(module, name)
    def call(*arguments, **options):
        if name == "open" and not arguments[1] & (os.O_CREAT | os.O_TRUNC):
            return function(*arguments, **options)
        torn = None
        if name == "write":
            torn = lambda: function(arguments[0], bytes(arguments[1])[: max(1, len(arguments[1]) // 2)])
        reached(name, " ".join(str(word)[-80:] for word in arguments[:2] if isinstance(word, (str, int))), torn)
        return function(*arguments, **options)
    setattr(module, name, call)

for name in ("open", "write", "pwrite", "ftruncate", "rename", "unlink", "mkdir", "rmdir", "link", "symlink", "kill",
             "killpg", "execvpe", "setsid", "setpgid", "posix_spawn"):
    counted(os, name)
counted(fcntl, "flock")

def fork():
    role = FORKED_BY.get(sys._getframe(1).f_code.co_name, "other")
    reached("fork", role)
    pid = real["fork"]()
    if not pid:
        now.update(role=role, count=0)
    return pid
os.fork = fork
"""


@dataclass(frozen=True)
class Fault:
    """Which process is killed, and when.

    Attributes:
        role: one of `ROLES`; empty to kill none and write all the moments there are to `trace`.
        number: the how manieth change, from 1.
        torn: whether a write is broken off in the middle.
    """

    role: str = ""
    number: int = 0
    torn: bool = False


def start_dispatcher(home: layout.Home, runtime: str, fault: Fault, directory: str) -> subprocess.Popen[bytes]:
    """Start a dispatcher that carries out a fault.

    Args:
        home: its home.
        runtime: the shipped runtime.
        fault: what is to happen.
        directory: gets the file `fired`, with the pid, once it is about to happen; or `trace`.
    """
    argv, environment = starting.command("dispatcher", runtime, sys.executable, home.root)
    argv[4] = f"{prelude(fault, directory, DISPATCHER)}\n{argv[4]}"
    null = subprocess.DEVNULL
    return subprocess.Popen(argv, env=environment, stdin=null, stdout=null, stderr=null, start_new_session=True)


def prelude(fault: Fault, directory: str, role: str) -> str:
    """Return the Python that makes the process that runs it, as `role`, carry out a fault; see `start_dispatcher`."""
    counting = _COUNTING % ((fault.role, fault.number, fault.torn, directory, role),)
    return f"exec({counting!r})"


def moments(directory: str) -> list[tuple[str, int, str]]:
    """Return what was traced: role, number, and what was about to be done, each (role, number) once."""
    found: dict[tuple[str, int], str] = {}
    with open(os.path.join(directory, "trace"), encoding="utf-8", errors="replace") as stream:
        for line in stream:
            role, number, what = line.rstrip("\n").split(" ", 2)
            found.setdefault((role, int(number)), what)
    return [(role, number, what) for (role, number), what in found.items()]
