"""How a process of the runtime starts: a bare interpreter that runs a shipped copy."""

from __future__ import annotations

import os
import signal
from typing import Dict, List, Tuple

from turnout.runtime import variables

# A bare package stands in for the shipped `turnout/__init__.py`, which serves scripts and would load more.
_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); package = sys.modules['turnout'] = type(sys)('turnout'); "
    "package.__path__ = [sys.argv[1] + '/turnout']; from turnout.runtime.%s import main; "
    "sys.exit(main(sys.argv[2:]))"
)
OURS = b"turnout.runtime."
"""Part of the command line of every such process; its forks have it too."""


def command(module: str, runtime: str, interpreter: str, *arguments: str) -> Tuple[List[str], Dict[str, str]]:
    """Return the argv that runs `main` of a module of a shipped runtime, and the variables it needs.

    `-I -S` starts the interpreter without the person's site-packages: quicker, and nothing there can break it. Of the
    variables only the fixed base is passed on: what the starter inherited, or a run's marker, ends here.
    """
    argv = [interpreter, "-I", "-S", "-c", _BOOTSTRAP % module, runtime, *arguments]
    return argv, dict(variables.base(os.environ))


def spawn(argv: List[str], environment: Dict[str, str]) -> int:
    """Start such a process in a session of its own; return its pid.

    posix_spawn is the quickest way to start a process, and safe in a submitter with threads. It passes on what this process
    has inherited itself, other than its own descriptors (PEP 446): signals that a shell's background job ignores, or that are
    blocked, are set back here; descriptors are closed by the `main` that is started.
    """
    null = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]
    defaults = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    return os.posix_spawn(argv[0], argv, environment, file_actions=null, setsid=True, setsigmask=(), setsigdef=defaults)
