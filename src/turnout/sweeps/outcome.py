"""What came of a sweep's trials: the best so far, kept in v1's form, and what later sweeps learn from it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from turnout.runtime import events, layout, states
from turnout.runtime.record import RunRecord
from turnout.sweeps.primary_metric import PrimaryMetric, numbers
from turnout.sweeps.samplers import Known
from turnout.sweeps.settings import number_of, parameters_of
from turnout.sweeps.space import Values

if TYPE_CHECKING:
    from turnout.sweeps.hyperdrive_run import HyperDriveRun
    from turnout.sweeps.trials import Trial

TABLE = "best_child_by_primary_metric"
"""v1's metric of a sweep: one row each time that another trial is the best, and a final one."""


class Best:
    """The best trial so far, told in the sweep's record.

    Args:
        run: the sweep.
        metric: the primary metric.
    """

    def __init__(self, run: HyperDriveRun, metric: PrimaryMetric) -> None:
        self._run = run
        self._metric = metric
        self._id, self._value, self._final = last_row(run.record)

    def take(self, trial: Trial) -> None:
        """Take the result of a trial that has ended. Of alike ones the first trial is the best, whenever it ended."""
        score = trial.score(self._metric)
        if score is None or score != score:
            return
        first = self._id is not None and score == self._value and trial.number < number_of(self._id)
        if self._value is None or self._metric.better(score, self._value) or first:
            self._id, self._value = trial.id, score
            self._row(final=False)

    def conclude(self) -> None:
        """Say that nothing better will come."""
        if self._id is None or self._value is None:
            return
        if not self._final:
            self._row(final=True)
        found = {"best_child_run_id": self._id, "score": repr(self._value), "best_metric_status": "Succeeded"}
        present = self._run.record.properties()
        for key, value in found.items():
            if key not in present:
                self._run._event(events.PROPERTY, key=key, value=value)

    def _row(self, final: bool) -> None:
        self._run.log_row(TABLE, run_id=self._id, metric_value=self._value, final=final)


def last_row(record: RunRecord) -> tuple[str | None, float | None, bool]:
    """Return the id, the value and whether it is final of the best trial that a sweep's record names; None of none."""
    table = record.metrics().get(TABLE)
    if not isinstance(table, dict):
        return None, None, False
    columns = [table.get(name) for name in ("run_id", "metric_value", "final")]
    run_id, value, final = (column[-1] if isinstance(column, list) else column for column in columns)
    return str(run_id), float(str(value)), bool(final)


def parsed(hyperparameters: Any) -> Values:
    """Return parameters from the JSON of a tag; none where it holds none."""
    try:
        found = json.loads(str(hyperparameters))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def scores(record: RunRecord, metric: PrimaryMetric) -> list[float]:
    """Return what a run has logged under the primary metric, in order."""
    logged = record.metrics().get(metric.name)
    return [] if logged is None or isinstance(logged, dict) else numbers(logged)


def known_of(workspace: layout.WorkspaceLayout, sweeps: Iterable[str], metric: PrimaryMetric) -> list[Known]:
    """Return what the trials of earlier sweeps came to; those that are gone are left out."""
    found = []
    for sweep in sweeps:
        for run_id in dict.fromkeys(events.children(RunRecord(workspace.run(sweep).root).events(metrics=False))):
            record = RunRecord(workspace.run(run_id).root)
            if not record.exists():
                continue
            values = parameters_of(record.definition)
            ended = states.is_final(str(record.journaled_state().get("state")))
            if values and ended:
                found.append(Known(values, metric.best(scores(record, metric)), ended))
    return found
