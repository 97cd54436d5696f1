"""Starts the several processes of a script on one machine, and ends them together: what a launcher executes for such a run.

Called as a file, with the environment's own Python: `processes.py SPECIFICATION ARGV…`. SPECIFICATION is JSON: `processes`, for
each its further `variables` and whether the run waits for it (`waits`; parameter servers are ended with the rest). The first one
writes to the run's log, the others to user_logs/std_log_process_NN.txt beside it (v1's names). When one fails, the others are
ended, and this process ends as it did. Compiles for Python 3.6.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

MYPY = False
if MYPY:
    from typing import Any, Dict, List

GRACE_SECONDS = 5.0
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_SHOWN = 20
"""Lines of a process that failed which are shown in the run's log."""


class Processes:
    """The processes of one script.

    Args:
        specification: see above.
        argv: what each executes.
        logs: the directory of the run's logs.
    """

    def __init__(self, specification: "Dict[str, Any]", argv: "List[str]", logs: str) -> None:
        self._specified = specification["processes"]
        self._argv = argv
        self._logs = logs
        self._running: "Dict[int, int]" = {}  # pid → number

    def log(self, number: int) -> str:
        """Return the file that a process writes to, but for the first."""
        return os.path.join(self._logs, "std_log_process_%02d.txt" % number)

    def run(self) -> int:
        """Start them all, wait, and return how it ended: an exit code, or a signal's number below zero."""
        try:
            for number in range(len(self._specified)):
                self._start(number)
            return self._wait()
        finally:
            self._end()

    def _start(self, number: int) -> None:
        own = self._specified[number]["variables"]
        variables = dict(os.environ)
        variables.update(own)
        output = None if number == 0 else open(self.log(number), "ab")
        try:
            made = subprocess.Popen(
                [_expanded(word, own) for word in self._argv],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
            )
        finally:
            if output is not None:
                output.close()
        self._running[made.pid] = number
        made.returncode = 0  # waited for here, not by its object

    def _wait(self) -> int:
        while any(self._specified[number].get("waits", True) for number in self._running.values()):
            pid, status = os.wait()
            number = self._running.pop(pid, None)
            if number is None or status == 0:
                continue
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._tell(number, code)
            return code
        return 0

    def _tell(self, number: int, code: int) -> None:
        how = "signal %d" % -code if code < 0 else "exit code %d" % code
        if number:
            try:
                with open(self.log(number), "rb") as stream:
                    lines = stream.read()[-1 << 16 :].decode("utf-8", "replace").splitlines()[-_SHOWN:]
            except OSError:
                lines = []
            sys.stderr.write("".join(line + "\n" for line in lines))
        sys.stderr.write("process %d of %d ended with %s\n" % (number, len(self._specified), how))
        sys.stderr.flush()

    def _end(self) -> None:
        """End what still runs: politely, then not."""
        for sent, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
            for pid in self._running:
                try:
                    os.kill(pid, sent)
                except ProcessLookupError:
                    pass
            deadline = None if patience is None else time.monotonic() + patience
            while self._running and (deadline is None or time.monotonic() < deadline):
                pid, _ = os.waitpid(-1, 0 if deadline is None else os.WNOHANG)
                if pid:
                    self._running.pop(pid, None)
                else:
                    time.sleep(0.01)  # a wait with a time limit is not to be had on Python 3.6


def _expanded(word: str, own: "Dict[str, str]") -> str:
    """Return an argument in which names of what this process has of its own, such as $LOCAL_RANK, are replaced (v1's rule)."""
    return _VARIABLE.sub(lambda found: own.get(found.group(1) or found.group(2), found.group(0)), word)


class _Asked(BaseException):
    """Someone has asked for the end."""


def _raise(number: int, frame: "Any") -> None:
    raise _Asked(number)


def main(words: "List[str]") -> int:
    """Do what the command line says; return how it ended, see `Processes.run`."""
    signal.signal(signal.SIGTERM, _raise)
    directory = os.environ.get("TURNOUT_RUN_DIRECTORY")
    logs = os.path.join(directory, "user_logs") if directory else os.curdir
    try:
        return Processes(json.loads(words[0]), words[1:], logs).run()
    except _Asked as asked:
        return -int(asked.args[0])


if __name__ == "__main__":
    ended = main(sys.argv[1:])
    if ended < 0:
        if -ended != signal.SIGKILL:  # which can't be handled anyway
            signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    sys.exit(ended)
