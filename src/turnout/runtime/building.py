"""Builds a run's environment in a child process that the supervisor can end."""

from __future__ import annotations

import os
import signal
import time
from typing import Any, Dict, Optional

from turnout.runtime import builders, handed, layout, processes, records, redaction, variables, watch

_GRACE_SECONDS = 2.0


class _Stopped(BaseException):
    """The build is to end: what is half-built goes on the way out."""


def _stop(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: the way out isn't disturbed
    raise _Stopped


class Build:
    """A build in a process group of its own; its output goes to the run's environment log from the first line on.

    Args:
        environment: the `environment` part of run.json.
        home: this machine's home.
        run: whose log gets the output.
        inherited: the submitter's variables and the run's secrets: indexes, proxies, certificates and what opens them
            are named there.
    """

    def __init__(
        self, environment: Dict[str, Any], home: layout.Home, run: layout.RunLayout, inherited: handed.Handed
    ) -> None:
        self._failure = os.path.join(run.system_logs, ".build-failure.json")
        self._step = run.step
        try:
            os.unlink(self._failure)
        except FileNotFoundError:
            pass
        log = os.open(run.environment_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
        pid = os.fork()
        if not pid:
            self._build(environment, home, log, inherited, run.run_id)
        os.close(log)
        try:
            os.setpgid(pid, pid)  # here too: it must have its group before anyone ends that
        except OSError:
            pass  # it was quicker
        self.pid = pid
        self._status: Optional[int] = None

    def _build(
        self, environment: Dict[str, Any], home: layout.Home, log: int, inherited: handed.Handed, run_id: str
    ) -> None:
        """Run in the child; never returns."""
        code = 1
        hide = redaction.redactor(inherited.hidden())
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            processes.close_descriptors(log)
            for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, _stop)
            with os.fdopen(log, "wb", buffering=0) as stream:
                given = {**variables.base(os.environ), **inherited.all()}
                builders.build(environment, home, stream, given, run_id, hide, self._note)
            code = 0
        except builders.BuildFailed as error:
            records.write_json(self._failure, {"reason": error.reason})
        except BaseException as error:
            records.write_json(self._failure, {"reason": hide("%s: %s" % (type(error).__name__, error))})
        finally:
            os._exit(code)

    def _note(self, step: str) -> None:
        """Keep what is done just now, for those who wait for the run."""
        try:
            records.write_json(self._step, {"t": time.time(), "step": step})
        except OSError:
            pass  # a build does not fail for that

    def ended(self, waiter: watch.Waiter) -> bool:
        """Say whether the build is over."""
        if self._status is None:
            self._status = waiter.status(self.pid)
            if self._status is not None and os.path.exists(self._step):
                os.unlink(self._step)
        return self._status is not None

    def failure(self) -> str:
        """Return why the ended build failed, in one line; empty when it succeeded."""
        try:
            reason = str(records.read_json(self._failure)["reason"])
        except (OSError, ValueError, KeyError):
            reason = ""
        else:
            os.unlink(self._failure)
        status = self._status or 0
        if status == 0 and not reason:
            return ""
        if not reason and os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            hint = " (often the kernel, out of memory)" if number == signal.SIGKILL else ""
            reason = "the environment's builder was ended by %s%s" % (processes.signal_name(number), hint)
        return reason or "the environment's builder ended with status %d" % status

    def end(self, waiter: watch.Waiter) -> None:
        """End the build and all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended(waiter) and number == signal.SIGTERM:
                return
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass
            deadline = time.monotonic() + _GRACE_SECONDS
            while not self.ended(waiter) and time.monotonic() < deadline:
                waiter.wait(deadline)
