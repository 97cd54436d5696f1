"""Starts the script's process and keeps how it ended, even when the supervisor is gone by then.

The keeper is a forked child of the supervisor, in a session of its own, that does nothing but wait. It knows what a shell's
`$?` can't tell: whether the script was ended by a signal or returned that number, and what it used. It writes them to the
run's `exit` file. Whatever the script starts becomes the keeper's child when it is orphaned, in whichever session it is, so a
supervisor finds all of the run's processes below the keeper. It ends when none is left.

The script's process claims the run by making the `process` file before it becomes the script. So there is no moment in which
it lives and can't be found, and of two that were forked for one run (a supervisor died in between) one becomes the script.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from turnout.runtime import layout, processes, records

CANNOT_EXECUTE = 126
"""Exit code of a script's process that could not be started, as POSIX shells have it."""

_RETRY_SECONDS = 0.5
"""Between attempts to write how the script ended, on a disk that is full."""


def start(
    run: layout.RunLayout,
    argv: List[str],
    variables: Dict[str, str],
    log: int,
    handed_over: Optional[str],
    stdin: Optional[int] = None,
) -> Tuple[int, int]:
    """Fork the keeper, which starts the script.

    Args:
        run: the run; its `code` directory is the working directory.
        argv: what to execute; `argv[0]` is looked up in the script's own PATH when it has no slash.
        variables: the whole environment of the script.
        log: descriptor that gets stdout and stderr.
        handed_over: the file of the submitter's variables, if there is one; removed once the script has them.
        stdin: descriptor that becomes its standard input; without one it reads nothing.

    Returns:
        The keeper's pid, and a descriptor that comes to its end when the script has ended or the keeper has.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stdin = os.open(os.devnull, os.O_RDWR) if stdin is None else stdin
        processes.close_descriptors(log, write, stdin)
        processes.become_subreaper()
        _keep(run, argv, variables, log, write, handed_over, stdin)
    except BaseException:
        import traceback  # only on the way out

        traceback.print_exc()
    finally:
        os._exit(0)


def _keep(
    run: layout.RunLayout,
    argv: List[str],
    variables: Dict[str, str],
    log: int,
    write: int,
    handed_over: Optional[str],
    stdin: int,
) -> None:
    """Start the script, wait for its end, write it down, and wait for the end of what it left running."""
    began = time.monotonic()
    keeper = processes.identity()
    script = os.fork()
    if not script:
        os.close(write)
        _become_script(run, argv, variables, log, keeper, handed_over, stdin)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    processes.close_descriptors(write)
    ended = os.waitid(os.P_PID, script, os.WEXITED | os.WNOWAIT)
    seconds = time.monotonic() - began
    if _claimant(run) == script:
        # Written before it is reaped: if this process is killed in between, the supervisor can still ask for the status.
        assert ended is not None
        status = ended.si_status if ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED) else ended.si_status << 8
        write_exit(run, facts(status, None, seconds, alone=False))
        _, status, usage = os.wait4(script, 0)
        write_exit(run, facts(status, usage, seconds, alone=not _has_children()))
    os.close(write)
    while _has_children():
        os.wait()


def claim(run: layout.RunLayout) -> bool:
    """Take the run's claim for no process, so that its script can't begin any more; return False when it has begun."""
    return records.create_json(run.process, {**processes.identity(), "pid": 0, "start": 0})


def write_exit(run: layout.RunLayout, ended: Dict[str, Any]) -> None:
    """Write how the script ended; on a full disk again and again, since nobody else knows it."""
    while True:
        try:
            records.write_json(run.exit, ended)
            return
        except OSError:
            if not os.path.isdir(run.root):
                return  # the record was removed
            time.sleep(_RETRY_SECONDS)  # there is no event for "there is room again"


def facts(status: int, usage: object, seconds: Optional[float], alone: bool) -> Dict[str, Any]:
    """Return the content of the `exit` file.

    Args:
        status: of wait(2).
        usage: what wait4(2) says that the process used; None when it isn't known.
        seconds: how long it ran.
        alone: whether nothing that it started was left.
    """
    signaled = os.WIFSIGNALED(status)
    return {
        "code": None if signaled else os.WEXITSTATUS(status),
        "signal": os.WTERMSIG(status) if signaled else None,
        "ended": time.time(),
        "seconds": None if seconds is None else round(seconds, 6),
        # ru_maxrss is in KiB on Linux and in bytes on macOS (getrusage(2) of each).
        "max_rss": getattr(usage, "ru_maxrss", 0) * (1 if sys.platform == "darwin" else 1024),
        "cpu_seconds": round(getattr(usage, "ru_utime", 0.0) + getattr(usage, "ru_stime", 0.0), 3),
        "alone": alone,
    }


def _has_children() -> bool:
    """Say whether this process has children that live; reaps those that don't."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _claimant(run: layout.RunLayout) -> Optional[int]:
    try:
        pid: int = records.read_json(run.process)["pid"]
        return pid
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _become_script(
    run: layout.RunLayout,
    argv: List[str],
    variables: Dict[str, str],
    log: int,
    keeper: Dict[str, Any],
    handed_over: Optional[str],
    stdin: int,
) -> None:
    """Turn this process into the script; never returns."""
    try:
        os.setpgid(0, 0)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)  # before it can be found: who finds it may signal it
        if not records.create_json(run.process, {**processes.identity(), "keeper": keeper}):
            os._exit(0)  # another one is the script
        if handed_over is not None and os.path.exists(handed_over):
            os.unlink(handed_over)
        os.chdir(run.code)
        os.dup2(stdin, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        processes.close_descriptors()
        os.execvpe(argv[0], argv, variables)
    except BaseException as error:
        os.write(2, ("turnout: cannot start %s: %s\n" % (argv[0], error)).encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_EXECUTE)
