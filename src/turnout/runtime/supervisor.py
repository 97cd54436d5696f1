"""Supervises one run: builds its environment, starts its script, watches, ends and closes it.

One process per run, started with the record's directory. It follows the orders of `states.advance` and is the only one
that writes the journal while it lives. It can be started again at any moment: the record says where the run stands, and a
script that still lives is adopted, not started twice.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from turnout.runtime import (
    closing,
    ending,
    handed,
    keeper,
    layout,
    processes,
    records,
    redaction,
    runlock,
    states,
    variables,
    watch,
)
from turnout.runtime.record import RunRecord

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL when a script is to end."""


class Supervisor:
    """One run from its environment to its end."""

    def __init__(self, home: layout.Home, run: layout.RunLayout) -> None:
        self.home = home
        self.run = run
        self.record = RunRecord(run.root)
        self.definition = self.record.definition
        self.journal = records.JsonLines(run.journal)
        self.waiter = watch.Waiter()
        self.reason = ""
        self.outcome = closing.Outcome()
        self.interpreter = ""
        self.prefix: Optional[str] = None
        self.keeper: Optional[watch.Process] = None
        self.inspection: Any = None
        self.launched = 0.0

    def supervise(self) -> None:
        """Carry the run to its end, from wherever it stands."""
        state = str(self.record.journaled_state().get("state"))
        event = states.SUPERVISED
        while True:
            following, order = states.advance(state, event)
            if following != state:
                state = following
                if order != states.CLOSE:
                    self.transition(state)
            if order == states.CLOSE:
                closing.close(self.home, self.run, self.journal, self.definition, state, self.outcome)
                return
            if order == states.COLLECT:
                self.collect()
                final = states.final_state(self.outcome.exit_code, self.outcome.cancelled, self.outcome.timed_out)
                closing.close(self.home, self.run, self.journal, self.definition, final, self.outcome)
                return
            event = self.carry_out(order)

    def carry_out(self, order: str) -> str:
        """Do what a state orders and return the event that came of it."""
        if order == states.BUILD:
            return self.build()
        if order == states.ADMIT:
            return self.cancelled() or states.ADMITTED
        if order == states.LAUNCH:
            return self.cancelled() or self.launch()
        if order == states.WATCH:
            return self.watch()
        return self.terminate()

    def transition(self, state: str) -> None:
        """Journal that the run is in `state` now, and why."""
        self.journal.append({"t": time.time(), "state": state, "reason": self.reason})
        self.reason = ""

    def cancelled(self) -> str:
        """Return the cancel event when someone has asked for the end, else an empty string."""
        request = self.record.cancel_request()
        if request is None and self.waiter.terminated:
            request = {"by": "SIGTERM to the supervisor"}
        if request is None:
            return ""
        self.outcome.cancelled = True
        self.outcome.cancelled_by = str(request.get("by") or "someone")
        self.outcome.reason = "canceled by %s" % self.outcome.cancelled_by
        return states.CANCEL

    def build(self) -> str:
        """Find or build the environment; a build runs in a process group of its own, so that it can be ended."""
        from turnout.runtime import building

        if self.cancelled():
            return states.CANCEL
        environment = self.definition.get("environment") or {}
        built = building.find(environment, self.home)
        if built is None:
            self.journal.append(
                {
                    "t": time.time(),
                    "state": states.PREPARING,
                    "reason": "building environment %s" % environment.get("key"),
                }
            )
            job = building.Job(environment, self.home, self.run, self.inherited())
            while not job.process.ended():
                if self.cancelled():
                    job.end(self.waiter)
                    return states.CANCEL
                self.waiter.wait(process=job.process)
            self.outcome.reason = job.failure()
            if self.outcome.reason:
                return states.BUILD_FAILED
            built = building.find(environment, self.home)
            if built is None:
                self.outcome.reason = (
                    "the environment's builder ended without an environment; see system_logs/environment.log"
                )
                return states.BUILD_FAILED
        self.use(built)
        return states.BUILT

    def use(self, built: Any) -> None:
        """Take the interpreter of a built environment."""
        self.interpreter = built.interpreter
        if built.facts is not None:
            self.prefix = os.path.dirname(os.path.dirname(built.interpreter))
            records.write_json(self.run.environment, built.facts)

    def launch(self) -> str:
        """Copy the snapshot out and start the script."""
        from turnout.runtime import launchers, placement

        try:
            closing.check_out(self.home, self.run)
            argv, extra = launchers.command(self.definition, 0, self.interpreter)
            values = self.variables(extra)
            records.write_json(self.run.placement, placement.facts(self.home))
            log = os.open(self.run.script_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
            try:
                self.launched = time.monotonic()
                pid = keeper.start(self.run, argv, values, log)
            finally:
                os.close(log)
        except (OSError, ValueError, closing.CheckoutFailedError) as error:
            self.outcome.reason = "could not start the script: %s" % error
            return states.LAUNCH_FAILED
        _unlink(self.home.secret(self.run.run_id))
        self.keeper = watch.Process(pid, child=True)
        return states.LAUNCHED

    def variables(self, extra: Dict[str, str]) -> Dict[str, str]:
        """Return all variables of the script's process."""
        environment = self.definition.get("environment") or {}
        configured = (self.definition.get("variables") or {}).get("configured") or {}
        facts = variables.Run(
            directory=self.run.root,
            code=self.run.code,
            runtime=sys.path[0],
            home=self.home.root,
            workspace=str((self.definition.get("workspace") or {}).get("name") or ""),
            experiment=str(self.definition.get("experiment") or ""),
            prefix=self.prefix,
        )
        given = self.inherited()
        self.outcome.hide = redaction.redactor(given.secrets.values())
        return variables.compose(
            variables.base(os.environ),
            given.variables,
            environment.get("variables") or {},
            {**configured, **extra},
            facts,
            given.secrets,
        )

    def inherited(self) -> handed.Handed:
        """Return what the submitter handed over; nothing on a target that inherits nothing."""
        return handed.read(self.home, self.run.run_id)

    def watch(self) -> str:
        """Wait for the end of the script, a cancel request, or the time limit."""
        if self.keeper is None and not self.adopt():
            return self.read_exit()
        ending.adopt_orphans()
        if self.prefix is None and self.interpreter:
            from turnout.runtime.builders import inspection

            self.inspection = inspection.begin(self.interpreter)
        limit = (self.definition.get("configuration") or {}).get("maxRunDurationSeconds")
        deadline = self.launched + float(limit) if limit and self.launched else None
        assert self.keeper is not None
        while not self.keeper.ended():
            if self.cancelled():
                return states.CANCEL
            if deadline is not None and time.monotonic() >= deadline:
                self.outcome.timed_out = True
                self.outcome.reason = "canceled by the time limit of %s s" % limit
                return states.TIME_LIMIT
            self.waiter.wait(deadline, self.keeper)
        return self.read_exit()

    def adopt(self) -> bool:
        """Find the script that an earlier supervisor started; return False when it is gone."""
        try:
            identity = records.read_json(self.run.process)
        except (OSError, ValueError):
            return False
        if processes.state(identity) != processes.ALIVE:
            return False
        self.keeper = watch.Process(identity["pid"], child=False, identity=identity)
        started = [line.get("t") for line in self.record.journal() if line.get("state") == states.RUNNING]
        if started:
            self.launched = time.monotonic() - max(0.0, time.time() - float(started[0] or 0.0))
        return True

    def read_exit(self) -> str:
        """Read how the script's process ended, as its keeper wrote it."""
        deadline = time.monotonic() + 2.0
        while True:
            try:
                facts = records.read_json(self.run.exit)
                break
            except (OSError, ValueError):
                # The keeper writes within milliseconds of the script's end, if it lives.
                if time.monotonic() > deadline:
                    self.outcome.reason = (
                        "the script's process is gone and left no exit code (killed, or the machine stopped)"
                    )
                    return states.LOST
                self.waiter.wait(time.monotonic() + 0.02)
        self.outcome.take_exit(facts)
        return states.ENDED

    def terminate(self) -> str:
        """End the script: SIGTERM to its process group, a grace period, SIGKILL to all that descends from it."""
        assert self.keeper is not None
        group = self.group()
        ending.signal_all(group, set(), signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while not self.keeper.ended():
            if time.monotonic() >= deadline:
                keep = {self.keeper.pid} if self.keeper.child else set()
                ending.signal_all(group, set(ending.descendants(os.getpid())) - keep, signal.SIGKILL)
                deadline = time.monotonic() + 0.2
            self.waiter.wait(deadline, self.keeper)
        return self.read_exit()

    def group(self) -> int:
        """Return the script's process group."""
        try:
            return int(records.read_json(self.run.process)["pid"])
        except (OSError, ValueError, KeyError):
            return 0

    def collect(self) -> None:
        """End what the script left running and tidy its working directory."""
        keep: set[int] = set() if self.inspection is None else {self.inspection.pid}
        self.outcome.leftovers = ending.end_leftovers(self.group(), keep, grace=2.0)
        if self.outcome.exit_code is None and self.outcome.signal is None:
            self.read_exit()  # a supervisor that took over in Finalizing
        if self.inspection is not None:
            closing.keep_inspection(self.run, self.definition, self.interpreter, self.inspection)
        closing.tidy(self.home, self.run)


def main(arguments: List[str]) -> int:
    """Run as a process: `HOME RUN_DIRECTORY`. Returns 0 also when another supervisor has the run."""
    home, run = layout.Home(arguments[0]), layout.RunLayout(arguments[1])
    _settle(run)
    if not runlock.acquire(run.lock):
        return 0
    try:
        Supervisor(home, run).supervise()
    except BaseException:
        import traceback

        traceback.print_exc()
        return 1
    return 0


def _settle(run: layout.RunLayout) -> None:
    """Shed what was inherited from whoever started this process."""
    os.makedirs(run.system_logs, layout.DIRECTORY_MODE, exist_ok=True)
    os.makedirs(run.user_logs, layout.DIRECTORY_MODE, exist_ok=True)
    log = os.open(run.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, layout.FILE_MODE)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir("/")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def command(home: str, run_directory: str, runtime: str, interpreter: str) -> Tuple[List[str], Dict[str, str]]:
    """Return the argv that starts a supervisor from the shipped runtime, and the variables it needs.

    `-I -S` starts the interpreter without the person's site-packages: quicker, and nothing there can break it.
    """
    # A bare package stands in for the shipped `turnout/__init__.py`, which serves scripts and would load more.
    bootstrap = (
        "import sys; sys.path.insert(0, sys.argv[1]); package = sys.modules['turnout'] = type(sys)('turnout'); "
        "package.__path__ = [sys.argv[1] + '/turnout']; from turnout.runtime.supervisor import main; "
        "sys.exit(main(sys.argv[2:]))"
    )
    return [interpreter, "-I", "-S", "-c", bootstrap, runtime, home, run_directory], dict(variables.base(os.environ))
