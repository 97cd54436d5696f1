"""The first process in a run's container: starts the script, hands signals on, and writes down how it ended.

Executed as a file by the image's Python (3.6 or later, `-I -S`); it imports nothing of Turnout. Arguments: the file to
write the end to, the directory to be in, the directory of the environment (or empty), then the script's own argv. The first
line of standard input is the script's variables, in JSON: so they are on no command line, in no file, and in nothing that
the engine keeps.

A process with pid 1 ignores every signal that it has no handler for (pid_namespaces(7)), and a script has none for SIGTERM;
therefore the script isn't it. How a script ended by a signal differs from one that returned 128 and more is known only here.
"""

import json
import os
import signal
import sys
import time

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Tuple

CANNOT_EXECUTE = 126


def main(arguments: "List[str]") -> int:
    """Run the script to its end; return the exit code of the container."""
    ended, directory, prefix = arguments[:3]
    argv = arguments[3:]
    given = json.loads(read_line())
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    variables = dict(os.environ)  # the image's own
    variables.update(given)
    if prefix:
        variables["PATH"] = os.path.join(prefix, "bin") + os.pathsep + variables.get("PATH", os.defpath)
        variables["VIRTUAL_ENV"] = prefix
    began = time.monotonic()
    handed_on = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
    signal.pthread_sigmask(signal.SIG_BLOCK, handed_on)
    script = os.fork()
    if not script:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handed_on)
        become(argv, directory, variables)
    for number in handed_on:
        signal.signal(number, lambda number, frame: send(script, number))
    write(ended, {"begun": time.time()})  # from now on signals arrive
    signal.pthread_sigmask(signal.SIG_UNBLOCK, handed_on)
    status, usage = wait_for(script)
    seconds = time.monotonic() - began
    left = len([name for name in os.listdir("/proc") if name.isdigit()]) - 1
    signaled = os.WIFSIGNALED(status)
    write(
        ended,
        {
            "code": None if signaled else os.WEXITSTATUS(status),
            "signal": os.WTERMSIG(status) if signaled else None,
            "ended": time.time(),
            "seconds": round(seconds, 6),
            "max_rss": usage.ru_maxrss * 1024,
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "left": left,
        },
    )
    return 128 + os.WTERMSIG(status) if signaled else os.WEXITSTATUS(status)


def read_line() -> str:
    """Return the first line of standard input; nothing behind it is read."""
    data = b""
    while not data.endswith(b"\n"):
        piece = os.read(0, 1 << 16)
        if not piece:
            break
        data += piece
    return data.decode("utf-8")


def become(argv: "List[str]", directory: str, variables: "Dict[str, str]") -> None:
    """Turn this fork into the script, in a process group of its own; never returns."""
    try:
        os.setpgid(0, 0)
        os.chdir(directory)
        os.execvpe(argv[0], argv, variables)
    except BaseException as error:
        os.write(2, ("turnout: cannot start %s: %s\n" % (argv[0], error)).encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_EXECUTE)


def send(script: int, number: int) -> None:
    """Hand a signal on to the script's process group."""
    try:
        os.killpg(script, number)
    except OSError:
        pass


def wait_for(script: int) -> "Tuple[int, Any]":
    """Reap whoever ends until the script has; return its status and what it used."""
    while True:
        pid, status, usage = os.wait4(-1, 0)
        if pid == script:
            return status, usage


def write(path: str, value: "Dict[str, Any]") -> None:
    """Write a small JSON file, whole or not at all; on a full disk again and again, since nobody else knows it."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    while True:
        try:
            with open(temporary, "w") as stream:
                json.dump(value, stream)
            os.rename(temporary, path)
            return
        except OSError:
            if not os.path.isdir(os.path.dirname(path)):
                return  # the record was removed
            time.sleep(0.5)  # there is no event for "there is room again"


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
