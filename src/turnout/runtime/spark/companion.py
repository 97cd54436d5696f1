"""Follows a run's application on its cluster: before the script (does anybody have room?), beside it, and at its end."""

from __future__ import annotations

import os
import signal
from typing import Any, Dict, Optional

from turnout.runtime import records
from turnout.runtime.launchers import Context
from turnout.runtime.launchers.companion import Companion
from turnout.runtime.record import RunRecord
from turnout.runtime.spark import application, diagnosis, http, installation, packing, settings, watching, yarn
from turnout.runtime.spark.master import Master, hindrance


class SparkCompanion(Companion):
    """The companion of a run that is launched by spark-submit.

    Args:
        context: the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._run = context.run
        self._target: Dict[str, Any] = (context.definition.get("target") or {}).get("spark") or {}
        self._settings = settings.of_run(context.definition)
        self._master_url = settings.master_of(context.definition, self._settings)
        self._kind = settings.kind_of(self._master_url)
        self._stamp: Optional[int] = None
        self._waits = ""
        self._said_by_default: Optional[Dict[str, str]] = None

    def hindrance(self) -> str:
        """Return why the cluster would not begin an application of this run's now.

        Only a standalone master can be asked beforehand. A driver that waited for executors would hold them up for nothing, and
        Spark's own client gives up on a master that is down.
        """
        master = self._master()
        if master is None:
            return ""
        trouble = master.trouble()
        if trouble:
            return "%s, retrying" % trouble
        try:
            state = master.state()
        except http.NoAnswer:
            return ""  # its page is elsewhere: the master answers, so Spark may ask it
        asked = {**self._defaults(), **self._settings}
        reason = hindrance(state, settings.asked_memory(asked), settings.asked_cores(asked))
        return "waiting for %s: %s" % (self._master_url, reason) if reason else ""

    def begin(self, script: int) -> None:
        """Fork the process that watches, unless it is there."""
        if self.pid is not None:
            return
        known = {**self._address(), **self._defaults(), **self._settings}
        self.pid = watching.start(self._run, script, self._master_url, self._master(), known)

    def waits(self) -> str:
        """Return what the application waits for, as the watching process has written it."""
        try:
            stamp = os.stat(self._run.application).st_mtime_ns
        except OSError:
            return ""
        if stamp != self._stamp:
            self._stamp = stamp
            self._waits = str(RunRecord(self._run.root).application().get("waiting") or "")
        return self._waits

    def end(self, failed: bool) -> str:
        """End the watching process, and the application where the cluster still has it."""
        if self.pid is not None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self.pid = None
        packing.remove(self._run)
        self._settle()
        try:
            os.rmdir(self._run.spark_events)
            os.rmdir(self._run.artifacts)
        except OSError:
            pass  # it has the event log
        return diagnosis.of_log(self._run.script_log) if failed else ""

    def _settle(self) -> None:
        known = RunRecord(self._run.root).application()
        identity = known.get("id") or diagnosis.submitted(self._run.script_log) or watching.logged(self._run)
        if not identity:
            return
        told = application.Application(self._master_url, known or None)
        lines = [] if known.get("id") == identity else told.begin(str(identity), "a page that is gone")
        state = ""
        master = self._master()
        if master is not None:
            state = master.end(str(identity))
        elif self._kind == settings.YARN:
            state = yarn.end(str(identity), self._context.variables)
        lines += told.end(state)
        watching.say(self._run, lines)
        records.write_json(self._run.application, told.value)

    def _master(self) -> Optional[Master]:
        if self._kind != settings.STANDALONE:
            return None
        return Master(self._master_url, self._target.get("pages"))

    def _address(self) -> Dict[str, str]:
        """Return the driver's address, as it was found for the start."""
        address = RunRecord(self._run.root).launch().get("address")
        return {"spark.driver.host": str(address)} if address else {}

    def _defaults(self) -> Dict[str, str]:
        """Return what the installation says in its `spark-defaults.conf`; it is looked for once."""
        if self._said_by_default is None:
            variables = self._context.variables
            try:
                home = installation.spark(variables, str(self._target.get("home") or "")).home
                self._said_by_default = installation.defaults(home, variables)
            except installation.NotFound:
                self._said_by_default = {}
        return self._said_by_default
