"""Carries a sweep out: draws trials, begins as many as may run at a time, ends those that promise nothing, and names the best.

It is the script of the sweep's run, in a process that may be killed at any moment: all that it knows is in the record, and the
next one goes on from there. Which trials there are, their own records say; which parameters they have, the seed and the
order in which trials ended; at which intervals the policy has looked, `decisions.jsonl`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from turnout.exceptions import RecordException, TurnoutException
from turnout.runtime import controlling, events, handed, layout, records, states, watch
from turnout.runtime.record import RunRecord
from turnout.sweeps import handing_over, outcome, samplers, termination
from turnout.sweeps.journal import Log
from turnout.sweeps.settings import MEMBER, Settings, parameters_of, trial_id
from turnout.sweeps.trials import Trial, first_error

if TYPE_CHECKING:
    from turnout.sweeps.hyperdrive_run import HyperDriveRun

FAILED_AT_ONCE = 3
"""When so many trials have failed, and none has done anything else, the sweep is stopped: they all fail the same way."""
_FILLING_SECONDS = 0.2
"""For which trials are begun before those that run are looked at again."""
_ROOM_SECONDS = 1.0
"""Between attempts on a disk that is full."""


class Controller:
    """One sweep, from wherever it stands to its end.

    Args:
        run: the sweep.
        waiter: where to sleep.
    """

    def __init__(self, run: HyperDriveRun, waiter: watch.Waiter) -> None:
        definition = run.record.definition
        self.run = run
        self.waiter = waiter
        self.settings = Settings(definition)
        self.metric = self.settings.metric
        self.log = Log()
        self.makes = handing_over.Trials(run.experiment, definition, self.settings)
        self.place = _place(run, self.settings, self.log)
        self.sampler = samplers.make(self.settings.sampling, self.settings.space, self.metric, self.settings.seed)
        self.rule = termination.rule_for(self.settings.policy, self.metric)
        self.earlier = outcome.known_of(run.layout.workspace, self.settings.resumed_from, self.metric)
        self.decisions = records.JsonLines(run.layout.decisions)
        self.trials: list[Trial] = []
        self.exhausted = False
        self.verdict: tuple[int, str] | None = None
        self.best = outcome.Best(run, self.metric)
        self.warned = False

    def work(self) -> int:
        """Carry the sweep out; return the exit code."""
        self.recover()
        deadline = _began(self.run.record) + self.settings.seconds
        while True:
            if self.verdict is None or self.verdict[0] != controlling.CANCELED:
                request = self.run.record.cancel_request()
                if request is not None:
                    self.stop(controlling.CANCELED, f"canceled: its sweep was canceled by {request.get('by')}")
            if self.verdict is None and time.time() >= deadline:
                self.stop(0, f"the sweep's limit of {self.settings.seconds / 60:g} minutes is over")
            for trial in self.place.look(self.active()):
                self.after(trial)
            self.apply_policy()
            more = self.fill()
            if not more and not self.active():
                return self.conclude()
            if not more:
                left = deadline - time.time() if self.verdict is None else self.settings.seconds
                pause = min(self.place.pause(self.rule is not None), max(0.0, left))
                self.waiter.wait(time.monotonic() + pause)
                if self.waiter.terminated:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    os.kill(os.getpid(), signal.SIGTERM)  # not asked for by a cancel request: it is started again

    def active(self) -> list[Trial]:
        """Return the trials that have not ended."""
        return [trial for trial in self.trials if not trial.ended]

    def recover(self) -> None:
        """Find the trials that there are; hand over once more those of which it isn't known that they were."""
        workspace = self.run.layout.workspace
        tags = self.run.record.tags()
        if trial_id(self.run.id, 0) in tags:  # else no controller has announced a trial yet
            self._remove_unfinished(workspace)
        while True:
            number = len(self.trials)
            record = RunRecord(workspace.run(trial_id(self.run.id, number)).root)
            if record.exists():
                trial = Trial(number, record, parameters_of(record.definition), self.metric.name)
            elif os.path.lexists(workspace.tombstone(record.layout.run_id)):
                trial = Trial(number, record, outcome.parsed(tags.get(record.layout.run_id)), self.metric.name)
                trial.take(states.CANCELED, "it was deleted")
            else:
                break
            self.trials.append(trial)
        for trial in self.trials:
            if trial.record.exists():
                trial.take(*trial.record.status())
                if trial.state == states.NOT_STARTED:
                    self.patiently(partial(self.place.begin_again, trial.record.definition, trial.record.layout))
            trial.read()
        for line in records.read_lines(self.run.layout.decisions)[0]:
            self._recall(line)
        if self.trials:
            self.log.write(
                "CONTROLLER", f"Going on with {len(self.trials)} jobs, of which {len(self.active())} have not ended."
            )
        else:
            self.log.write("API", "Experiment created")
        for trial in self.trials:
            if trial.ended:
                self.best.take(trial)

    def _recall(self, line: dict[str, Any]) -> None:
        """Take a decision that an earlier controller has written, and may not have carried out."""
        number = line.get("trial")
        if not isinstance(number, int) or not 0 <= number < len(self.trials):
            return
        trial = self.trials[number]
        trial.looked = max(trial.looked, int(line.get("interval") or 0))
        if line.get("reason"):
            trial.stopped = str(line["reason"])
            if not trial.ended:
                self.place.end(trial, trial.stopped)

    def _remove_unfinished(self, workspace: layout.WorkspaceLayout) -> None:
        """Remove the record that an earlier controller was writing when it was killed."""
        beginning = f".{self.run.id}_"
        for name in os.listdir(workspace.runs):
            if name.startswith(beginning):
                shutil.rmtree(os.path.join(workspace.runs, name), ignore_errors=True)

    def after(self, trial: Trial) -> None:
        """Take note of a trial that has ended."""
        trial.read()
        self.log.write("SCHEDULER", f"Job {trial.id} is {trial.state}{f': {trial.reason}' if trial.reason else ''}")
        self.best.take(trial)
        self._warn_of_metric(trial)
        failed = [each for each in self.trials if each.state == states.FAILED]
        told = any(each.series.values or (each.ended and each.state != states.FAILED) for each in self.trials)
        if self.verdict is None and not told and len(failed) >= FAILED_AT_ONCE:
            where, why = first_error(self.trials) or ("", "")
            message = f"the first {len(failed)} trials all failed, so the sweep was stopped; {where}: {why}"
            self.run._event(events.ERROR, code="UserError", message=message)
            self.stop(controlling.FAILED, "canceled: its sweep was stopped, as all trials failed")

    def _warn_of_metric(self, trial: Trial) -> None:
        """Say once that the primary metric isn't there, when a trial has ended well without it."""
        if self.warned or trial.state != states.COMPLETED or any(each.series.values for each in self.trials):
            return
        self.warned = True
        logged = sorted(trial.record.metrics())
        found = f"it logged {', '.join(logged)}" if logged else "it logged no metric"
        message = f"{trial.id} ended without a number under the primary metric {self.metric.name!r}: {found}"
        self.log.write("CONTROLLER", message, "WARNING")
        self.run._event(events.WARNING, message=message)

    def apply_policy(self) -> None:
        """Let the policy look at what running trials have logged since the last time."""
        if self.rule is None:
            return
        running = [trial for trial in self.active() if trial.state != states.QUEUED]
        for trial in running:
            trial.read()
        everything = [trial.series for trial in self.trials]
        for trial in running:
            reached = len(trial.series.values)
            if trial.stopped or reached <= trial.looked:
                continue
            for interval in range(trial.looked + 1, reached + 1):
                reason = self.rule.decide(trial.series, interval, everything) if self.rule.looks_at(interval) else ""
                if reason:
                    break
            trial.looked = interval
            line: dict[str, Any] = {"t": time.time(), "trial": trial.number, "interval": interval}
            if reason:
                line["reason"] = reason
            self.patiently(partial(self.decisions.append, line))
            if reason:
                trial.stopped = reason
                self.log.write("CONTROLLER", f"Canceling job {trial.id}: {reason}")
                self.place.end(trial, reason)

    def fill(self) -> bool:
        """Begin trials until as many run as may, for a while; return whether more could begin at once."""
        until = time.monotonic() + _FILLING_SECONDS
        while self.verdict is None and not self.exhausted and len(self.active()) < self.settings.concurrent:
            if len(self.trials) >= self.settings.total:
                self.exhausted = True
                self.log.write("SCHEDULER", f"Max number of jobs '{self.settings.total}' reached for experiment.")
            elif time.monotonic() >= until:
                return True
            else:
                self.begin()
            if self.exhausted:
                self.log.write("GENERATOR", "All jobs generated.")
        return False

    def begin(self) -> None:
        """Begin the next trial."""
        number = len(self.trials)
        resumed = self.settings.resumed
        further: list[str] = []
        if number < len(resumed):
            values, further = dict(resumed[number]["parameters"]), list(resumed[number]["arguments"])
        else:
            known = [*self.earlier, *(trial.known(self.metric) for trial in self.trials)]
            proposed = self.sampler.propose(number - len(resumed), known)
            if proposed is None:
                self.exhausted = True
                self.log.write("GENERATOR", f"The search space has no more than {number} jobs.")
                return
            values = proposed
        definition = self.makes.definition(number, values, further)
        identity = str(definition["id"])
        # Announced first: who is killed in between leaves a trial that isn't there, not one that nobody finds.
        self.patiently(lambda: self._announce(identity, definition))
        record = RunRecord(self.run.layout.workspace.run(identity).root)
        try:
            self.patiently(lambda: self.place.begin(definition, record.layout))
        except TurnoutException as error:
            if self.run.record.cancel_request() is None:
                self.run._event(events.ERROR, code="UserError", message=f"{identity} could not be submitted: {error}")
                self.stop(controlling.FAILED, "canceled: its sweep was stopped, as no more trials can be submitted")
            return
        self.trials.append(Trial(number, record, values, self.metric.name))
        self.log.write("SCHEDULER", f"Scheduling job, id='{identity}'")

    def _announce(self, identity: str, definition: dict[str, Any]) -> None:
        self.run._report_child(identity)
        self.run._event(events.TAG, key=identity, value=definition["tags"]["hyperparameters"])

    def patiently(self, act: Any) -> None:
        """Do something; on a full disk wait for room and do it again."""
        while True:
            try:
                act()
                return
            except (OSError, RecordException) as error:
                cause = error.inner_exception if isinstance(error, RecordException) else error
                cause = error.__cause__ if cause is None else cause
                if getattr(cause, "errno", None) not in records.DISK_FULL:
                    raise
            self.waiter.wait(time.monotonic() + _ROOM_SECONDS)

    def stop(self, code: int, reason: str) -> None:
        """Begin no more trials, and end those that run."""
        if self.verdict is None or code == controlling.CANCELED:
            self.verdict = (code, reason)
        self.log.write("CONTROLLER", reason[:1].upper() + reason[1:])
        for trial in self.active():
            if not trial.stopped:
                trial.stopped = reason
                self.place.end(trial, reason)

    def conclude(self) -> int:
        """Write what came of the sweep."""
        self.best.conclude()
        code = 0 if self.verdict is None else self.verdict[0]
        if code == 0 and self.trials and all(trial.state == states.FAILED for trial in self.trials):
            where, why = first_error(self.trials) or ("", "")
            self.run._event(events.ERROR, code="UserError", message=f"all trials failed; {where}: {why}")
            code = controlling.FAILED
        final = {0: states.COMPLETED, controlling.FAILED: states.FAILED}.get(code, states.CANCELED)
        self.log.write("CONTROLLER", f"Changing Run Status from Running to {final}")
        return code


def _place(run: HyperDriveRun, settings: Settings, log: Log) -> handing_over.Place:
    """Return where the trials run, with what they need beyond their records."""
    from turnout.targets.compute_target import is_local

    given = handed.read(run.layout.workspace.home, run.layout)
    files = {}
    for name in layout.SUBMITTED:
        path = os.path.join(run.layout.root, name)
        if os.path.exists(path):
            with open(path, "rb") as stream:
                files[name] = stream.read()
    if is_local(settings.trial["target"]):
        return handing_over.Here(run.experiment, given, files)

    def report(line: str) -> None:
        log.write("SCHEDULER", line)
        if run.record.cancel_request() is not None:
            raise RecordException("the sweep was canceled")  # instead of trying to reach the target for ever

    return handing_over.Elsewhere(run.experiment, given, files, report)


def _began(record: RunRecord) -> float:
    """Return when the sweep began to run, by the clock: whoever carries it on now wasn't there."""
    times = [float(line["t"]) for line in record.journal() if line["state"] == states.RUNNING]
    return times[0] if times else time.time()


def main() -> int:
    """Carry out the sweep that this process is the script of."""
    waiter = watch.Waiter()
    signal.signal(controlling.WAKES, lambda number, frame: None)
    directory = os.environ[layout.RUN_DIRECTORY_VARIABLE]
    from turnout.run import Run, class_of

    run = class_of(directory)(directory)
    assert isinstance(run, Run)
    assert MEMBER in run.record.definition
    return Controller(run, waiter).work()  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
