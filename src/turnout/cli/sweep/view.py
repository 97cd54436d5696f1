"""How a sweep reads: its trials with their parameters and results, the best so far, and the curve to it."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from turnout.cli import common, text
from turnout.exceptions import UserErrorException
from turnout.runtime import events, states
from turnout.runtime.record import SWEEP_RUN, RunRecord
from turnout.sweeps.hyperdrive_run import HyperDriveRun
from turnout.sweeps.settings import MEMBER, parameters_of
from turnout.sweeps.trials import Trial

if TYPE_CHECKING:
    from turnout.workspace import Workspace

_STEPS = "▁▂▃▄▅▆▇█"
_ORDER = (states.FINALIZING, states.RUNNING, states.STARTING, states.QUEUED, states.PREPARING, states.NOT_STARTED)


def find(workspace: Workspace, name: str | None) -> HyperDriveRun:
    """Return the sweep that a person named; the newest one without a name.

    Raises:
        UserErrorException: there is none, or it is no sweep.
    """
    if name is None:
        rows = common.index(workspace).list_runs(type=SWEEP_RUN, include_children=True, limit=1)
        if not rows:
            raise UserErrorException("there is no sweep in this workspace yet; `turnout sweep start` submits one")
        name = rows[0].id
    run = common.find(workspace, name)
    if not isinstance(run, HyperDriveRun):
        raise UserErrorException(f"{run.id} is no sweep; `turnout show {run.id}` shows it")
    return run


class View:
    """A sweep that is looked at again and again: what has ended is read once.

    Attributes:
        run: the sweep.
        trials: in their order.
        status, reason: of the sweep.
    """

    def __init__(self, run: HyperDriveRun) -> None:
        self.run = run
        self.settings = run.settings
        self.metric = self.settings.metric
        self.trials: list[Trial] = []
        self.status, self.reason = "", ""
        self._known: set[str] = set()
        self._size = -1

    def refresh(self) -> list[Trial]:
        """Look at the sweep and at those of its trials that had not ended; return the ones that have ended since."""
        self.status, self.reason = self.run.status_and_reason()
        self._find()
        ended = []
        for trial in self.trials:
            if trial.ended or (trial.state == states.QUEUED and not trial.has_news()):
                continue  # most are one or the other, and this comes several times a second
            if trial.record.exists():
                ended += [trial] * trial.take(*trial.record.status())
                trial.read()
        return ended

    def _find(self) -> None:
        size = self._reported()
        if size == self._size:
            return
        self._size = size
        for run_id in events.children(self.run.record.events(metrics=False)):
            if run_id in self._known:
                continue
            record = RunRecord(self.run.layout.workspace.run(run_id).root)
            if not record.exists():
                self._size = -1  # it is announced before it is there
                continue
            values = parameters_of(record.definition)
            if not values:
                continue
            self._known.add(run_id)
            number = int(record.definition[MEMBER].get("number") or 0)
            self.trials.append(Trial(number, record, values, self.metric.name))

    def _reported(self) -> int:
        """Return how many bytes the sweep has reported."""
        try:
            with os.scandir(self.run.layout.events) as entries:
                return sum(entry.stat().st_size for entry in entries)
        except OSError:
            return -2  # gone, or it can't be read: the events say how

    def best(self) -> Trial | None:
        """Return the best trial so far."""
        found: Trial | None = None
        for trial in self.trials:
            score, most = trial.score(self.metric), None if found is None else found.score(self.metric)
            if score is not None and score == score and (most is None or self.metric.better(score, most)):
                found = trial
        return found

    def ordered(self) -> list[Trial]:
        """Return the trials: those that have not ended, then the best first, then those without a result."""
        active = [trial for trial in self.trials if not trial.ended]
        active.sort(key=lambda trial: (_ORDER.index(trial.state) if trial.state in _ORDER else 0, trial.number))
        ended = [trial for trial in self.trials if trial.ended]
        return [*active, *self.metric.best_first(ended, lambda trial: trial.score(self.metric))]

    def counts(self) -> str:
        """Return how many trials there are, and in which states."""
        by_state: dict[str, int] = {}
        for trial in self.trials:
            by_state[trial.state] = by_state.get(trial.state, 0) + 1
        size = self.settings.space.size()
        total = self.settings.total if size is None else min(self.settings.total, size + len(self.settings.resumed))
        told = ", ".join(f"{count} {state}" for state, count in by_state.items())
        return f"{len(self.trials)} of {total}{f': {told}' if told else ''}"

    def bests(self) -> list[float]:
        """Return the best value so far after each trial that has logged one."""
        found: list[float] = []
        for trial in self.trials:
            score = trial.score(self.metric)
            if score is not None and score == score:
                found.append(score if not found or self.metric.better(score, found[-1]) else found[-1])
        return found

    def curve(self, width: int = 40) -> str:
        """Return the best value so far, trial by trial, as a line of bars; empty without two."""
        bests = self.bests()
        if len(bests) < 2:
            return ""
        shown = (
            [bests[place * (len(bests) - 1) // (width - 1)] for place in range(width)] if len(bests) > width else bests
        )
        return f"{_bars(shown)} {text.number(bests[0])} to {text.number(bests[-1])}"

    def warnings(self) -> list[str]:
        """Return what a person should know."""
        return events.warnings(self.run.record.events(metrics=False))

    def facts(self) -> dict[str, Any]:
        """Return all of it as data."""
        best = self.best()
        kept = self.run.record.definition[MEMBER]
        return {
            "id": self.run.id,
            "status": self.status,
            "reason": self.reason,
            "experiment": self.run.record.definition.get("experiment"),
            "target": kept["trial"]["target"]["name"],
            "primary_metric": kept["primary_metric_config"],
            "sampling": kept["generator_config"],
            "policy": kept["policy_config"],
            "max_total_runs": self.settings.total,
            "max_concurrent_runs": self.settings.concurrent,
            "max_duration_minutes": kept["max_duration_minutes"],
            "seed": self.settings.seed,
            "best": None if best is None else self.row(best),
            "trials": [self.row(trial) for trial in self.ordered()],
            "warnings": self.warnings(),
            "directory": self.run.layout.root,
        }

    def row(self, trial: Trial) -> dict[str, Any]:
        """Return one trial as data."""
        return {
            "number": trial.number,
            "id": trial.id,
            "status": trial.state,
            "reason": trial.reason,
            "score": trial.score(self.metric),
            "parameters": trial.values,
            "duration": trial.record.result().get("duration"),
        }

    def heading(self) -> list[tuple[str, str | None]]:
        """Return names and words of what stands above the table."""
        best = self.best()
        kept = self.run.record.definition[MEMBER]
        policy = kept["policy_config"]
        return [
            ("sweep", self.run.id),
            ("status", self.status + (f": {self.reason}" if self.reason else "")),
            ("sampling", f"{kept['generator_config']['name']} (seed {self.settings.seed})"),
            ("policy", None if policy["name"] == "Default" else _policy(policy)),
            ("trials", self.counts()),
            ("best", None if best is None else f"{self.result(best)}  trial {best.number}  {parameters(best)}"),
            ("so far", self.curve() or None),
            *(("warning", line) for line in self.warnings()),
        ]

    def result(self, trial: Trial) -> str:
        """Return what a trial came to: `accuracy 0.93`, or `no accuracy`."""
        score = trial.score(self.metric)
        return f"no {self.metric.name}" if score is None else f"{self.metric.name} {text.number(score)}"

    def named(self, trial: Trial) -> str:
        """Return a trial in one line: its id, what it came to, its parameters."""
        return f"{trial.id}  {self.result(trial)}  {parameters(trial)}"

    def table(self, most: int | None = None) -> common.Table:
        """Return the trials as a table.

        Args:
            most: at most so many rows.
        """
        names = list(dict.fromkeys(name for trial in self.trials for name in trial.values))
        bare = [name.lstrip("-") for name in names]
        right = ["trial", self.metric.name, "took"]
        table = common.Table(
            "trial",
            "status",
            self.metric.name,
            *bare,
            "took",
            status="status",
            right=right,
            note="reason",
        )
        for trial in self.ordered()[:most]:
            values = [text.number(trial.values.get(name)) if name in trial.values else None for name in names]
            score = trial.score(self.metric)
            took = trial.record.result().get("duration") if trial.ended else None
            reason = trial.reason if trial.state not in (states.COMPLETED, states.QUEUED) else ""
            table.add(
                trial.number,
                trial.state,
                None if score is None else text.number(score),
                *values,
                text.duration(took) if took is not None else None,
                note=reason,
            )
        return table


def _bars(values: list[float]) -> str:
    """Return a bar for each value, from the smallest finite one to the largest; what is infinite lies at the ends."""
    finite = [value / 2 for value in values if math.isfinite(value)] or [0.0]  # halved, or the distance could overflow
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    shares = [(value / 2 - low) / span if math.isfinite(value) else math.copysign(1, value) for value in values]
    return "".join(_STEPS[max(0, min(7, int(share * 8)))] for share in shares)


def parameters(trial: Trial) -> str:
    """Return a trial's parameters in one line: `lr=0.1 kernel=rbf`."""
    return " ".join(f"{name.lstrip('-')}={text.number(value)}" for name, value in trial.values.items())


def _policy(policy: dict[str, Any]) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in (policy.get("properties") or {}).items())
    return f"{policy['name']}{f' ({settings})' if settings else ''}"


def height() -> int:
    """Return how many rows fit on the terminal below the heading."""
    try:
        lines = os.get_terminal_size().lines
    except OSError:
        lines = 24
    return max(5, lines - 12)
