"""Starts the script's process and keeps how it ended, even when the supervisor is gone by then.

The keeper is a forked child of the supervisor, in a session of its own, that does nothing but wait. It knows what a shell's
`$?` can't tell: whether the script was ended by a signal or returned that number, and what it used. It writes them to the
run's `exit` file. The script's process writes its own identity to `process` before it becomes the script, so there is no
moment in which it lives and can't be found.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Dict, List

from turnout.runtime import layout, processes, records

CANNOT_EXECUTE = 126
"""Exit code of a script's process that could not be started, as POSIX shells have it."""


def start(run: layout.RunLayout, argv: List[str], variables: Dict[str, str], log: int) -> int:
    """Fork the keeper, which starts the script; return the keeper's pid.

    Args:
        run: the run; its `code` directory is the working directory.
        argv: what to execute; `argv[0]` is looked up in the script's own PATH when it has no slash.
        variables: the whole environment of the script.
        log: descriptor that gets stdout and stderr.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _default_signals()
        script = os.fork()
        if not script:
            _become_script(run, argv, variables, log)
        for descriptor in (0, 1, 2):
            os.dup2(_null(), descriptor)
        os.closerange(3, 256)
        _, status, usage = os.wait4(script, 0)
        records.write_json(run.exit, _facts(status, usage))
    except BaseException:
        import traceback  # only on the way out

        traceback.print_exc()
    finally:
        os._exit(0)


def _become_script(run: layout.RunLayout, argv: List[str], variables: Dict[str, str], log: int) -> None:
    """Turn this process into the script; never returns."""
    try:
        os.setpgid(0, 0)
        records.write_json(run.process, processes.identity())
        os.chdir(run.code)
        os.dup2(_null(), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 256)
        os.execvpe(argv[0], argv, variables)
    except BaseException as error:
        os.write(2, ("turnout: cannot start %s: %s\n" % (argv[0], error)).encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_EXECUTE)


def _facts(status: int, usage: "object") -> Dict[str, object]:
    signaled = os.WIFSIGNALED(status)
    return {
        "code": None if signaled else os.WEXITSTATUS(status),
        "signal": os.WTERMSIG(status) if signaled else None,
        "ended": time.time(),
        # ru_maxrss is in KiB on Linux and in bytes on macOS (getrusage(2) of each).
        "max_rss": getattr(usage, "ru_maxrss", 0) * (1 if sys.platform == "darwin" else 1024),
        "cpu_seconds": round(getattr(usage, "ru_utime", 0.0) + getattr(usage, "ru_stime", 0.0), 3),
    }


def _default_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _null() -> int:
    return os.open(os.devnull, os.O_RDWR)
