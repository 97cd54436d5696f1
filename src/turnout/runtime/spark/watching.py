"""The process beside a driver: asks its page once a second, and writes what there is to the record.

It is a child of the run's supervisor, alone writes `application.json` and `cluster.log`, and ends with supervisor or driver.
"""

from __future__ import annotations

import copy
import os
import signal
import time
from typing import Any, Dict, List, Mapping, Optional

from turnout.runtime import layout, processes, records
from turnout.runtime.record import RunRecord
from turnout.runtime.spark import application, driver, http
from turnout.runtime.spark.master import WAITING, Master, hindrance, named

_EVERY = 1.0
_FIRST = 15.0
"""Seconds for which a driver's page is left alone: its first answer costs the driver about a second of processor time, which
a script that ends soon should have for itself."""

_SHARE, _LONGEST = 100, 10.0
"""Who works is asked more rarely: after a hundred times what the answers took, or ten seconds. An answer costs driver and master
several times what is waited for it here, and where they share processors with executors, the work waits as long."""

_NO_EXECUTOR = "the cluster has started no executor yet"

_PATIENCE = 2
"""Looks at which nothing goes on before the application is said to wait: executors take a moment to start."""


def start(
    run: layout.RunLayout, script: int, master_url: str, master: Optional[Master], settings: Mapping[str, str]
) -> int:
    """Fork the process that watches; return its pid.

    Args:
        run: the run.
        script: the pid of the driver: `spark-submit` becomes it.
        master_url: the cluster's master.
        master: the same of a standalone cluster, to be asked; None for others.
        settings: of the run, and of the installation.
    """
    supervisor = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        processes.close_descriptors()  # the run's slots are among them
        Watch(run, script, master_url, master, settings).go_on(supervisor)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(0)


class Watch:
    """What `start` forks; see there for the arguments."""

    def __init__(
        self, run: layout.RunLayout, script: int, master_url: str, master: Optional[Master], settings: Mapping[str, str]
    ) -> None:
        self._run = run
        self._script = script
        self._identity = processes.identity(script)
        self._master = master
        self._settings = settings
        self._application = application.Application(master_url, RunRecord(run.root).application() or None)
        self._written: Optional[Dict[str, Any]] = None
        self._idle = 0
        self._stuck = False
        self._page: Optional[str] = None
        self._answers_from = 0.0

    def go_on(self, supervisor: int) -> None:
        """Look until the supervisor or the driver is gone."""
        while os.getppid() == supervisor and processes.state(self._identity) == processes.ALIVE:
            began = time.monotonic()
            waited = self._application.value.get("waiting", "")
            say(self._run, self.look())
            if self._application.value.get("waiting", "") != waited:
                os.kill(supervisor, signal.SIGUSR1)  # it journals the reason
            took = time.monotonic() - began
            pause = _EVERY if self._page is None else max(_EVERY - took, took * _SHARE)
            time.sleep(min(pause, _LONGEST))  # a page sends no event

    def look(self) -> List[str]:
        """Ask the master, and the driver's page once it has had time to begin; write what is new, return lines for the log."""
        page = driver.page(self._script, self._settings)
        if page != self._page:
            self._page, self._answers_from = page, time.monotonic() + _FIRST
        identity = logged(self._run)  # Spark names the event log first of all
        lines = []
        if page is not None and identity:
            lines += self._application.begin(identity, self._shown(page))
        if page is not None and time.monotonic() >= self._answers_from:
            lines += self._ask_driver(page)
        lines += self._application.wait(self._reason())
        if self._application.value.get("id") and self._application.value != self._written:
            records.write_json(self._run.application, self._application.value)
            self._written = copy.deepcopy(self._application.value)
        return lines

    def _ask_driver(self, page: str) -> List[str]:
        asked = driver.Driver(page)
        lines: List[str] = []
        try:
            found = asked.applications()
            if not found:
                return lines
            identity = str(found[0].get("id"))
            lines += self._application.begin(identity, self._shown(page))
            jobs = asked.jobs(identity)
            lines += self._application.take_executors(asked.executors(identity))
            lines += self._application.take_jobs(jobs)
            self._stuck = self._application.is_stuck(jobs)
        except http.NoAnswer:
            pass  # it has just ended
        return lines

    def _shown(self, page: str) -> str:
        """Return the page's address as a person on another machine needs it."""
        host = self._settings.get("spark.driver.host") or os.uname().nodename
        return page.replace("127.0.0.1", host)

    def _reason(self) -> str:
        """Return what the application waits for; an empty string while it doesn't, or not yet for long."""
        reason = self._waits_for()
        self._idle = self._idle + 1 if reason else 0
        return reason if self._idle > _PATIENCE else ""

    def _waits_for(self) -> str:
        identity = str(self._application.value.get("id") or "")
        entry: Dict[str, Any] = {}
        state: Dict[str, Any] = {}
        if self._master is not None and identity:
            try:
                state = self._master.state()
            except http.NoAnswer:
                pass
            entry = named(state.get("activeapps"), identity) or {}
        if entry:
            self._application.value["state"] = entry.get("state")
        if entry.get("state") == WAITING:
            memory = int(entry.get("memoryperexecutor") or entry.get("memoryperslave") or 0) << 20
            return hindrance(state, memory, 1) or _NO_EXECUTOR
        return _NO_EXECUTOR if self._stuck else ""


def say(run: layout.RunLayout, lines: List[str]) -> None:
    """Append lines to the cluster's log."""
    if not lines:
        return
    descriptor = os.open(run.cluster_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        records.write_all(descriptor, "".join(application.line(each) for each in lines).encode("utf-8", "replace"))
    finally:
        os.close(descriptor)


def logged(run: layout.RunLayout) -> str:
    """Return the id of the application whose event log the record has; an empty string for none.

    Spark names it `ID`, `ID.inprogress` or, rolled, `eventlog_v2_ID`, each with an ending for its compression.
    """
    try:
        names = sorted(
            os.listdir(run.spark_events), key=lambda name: os.stat(os.path.join(run.spark_events, name)).st_mtime
        )
    except OSError:
        return ""
    if not names:
        return ""
    name = names[-1]
    return (name[len("eventlog_v2_") :] if name.startswith("eventlog_v2_") else name).split(".")[0]
