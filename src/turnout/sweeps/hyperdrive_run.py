"""`HyperDriveRun`: a sweep as its submitter sees it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from turnout.exceptions import UserErrorException
from turnout.run import Run
from turnout.runtime import states
from turnout.runtime.record import SWEEP_RUN
from turnout.sweeps import outcome
from turnout.sweeps.exceptions import HyperDriveNotImplementedException
from turnout.sweeps.primary_metric import PrimaryMetric
from turnout.sweeps.settings import HYPERPARAMETERS, MEMBER, Settings, parameters_of

if TYPE_CHECKING:
    from turnout.experiment import Experiment
    from turnout.sweeps.hyperdrive_config import HyperDriveConfig


class Ranked(NamedTuple):
    """A trial with its result.

    Attributes:
        run: its run.
        score: its best value of the primary metric; None without one.
        status: its state.
    """

    run: Run
    score: float | None
    status: str


class HyperDriveRun(Run):
    """A run whose children are the trials of a sweep.

    Args:
        experiment: what it belongs to.
        run_id: its id.
        hyperdrive_config: what was submitted, when the caller has it at hand.
        **kwargs: accepted as in v1.

    Raises:
        UserErrorException: there is a run with that id, and it is no sweep.
    """

    RUN_TYPE = SWEEP_RUN

    def __init__(
        self,
        experiment: Experiment | str,
        run_id: str | Experiment | None = None,
        hyperdrive_config: HyperDriveConfig | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(experiment, str):  # as every run is made: by its directory, and its experiment
            super().__init__(experiment, run_id if not isinstance(run_id, str) else None)
        else:
            super().__init__(experiment.workspace.layout.run(str(run_id)).root, experiment)
            if self.record.exists() and self.record.definition.get("type") != SWEEP_RUN:
                raise UserErrorException(f"the run {run_id} is no sweep; Run.get(workspace, run_id) returns it")
        self._config = hyperdrive_config

    @property
    def hyperdrive_config(self) -> HyperDriveConfig | None:
        """What was submitted, where this object was made by the submit."""
        return self._config

    @property
    def settings(self) -> Settings:
        """What the record says of the sweep."""
        return Settings(self._definition())

    def get_best_run_by_primary_metric(
        self, include_failed: bool = True, include_canceled: bool = True, include_resume_from_runs: bool = True
    ) -> Run | None:
        """Return the trial with the best value of the primary metric; None when no trial has logged a number.

        A trial counts by the best of all values that it logged; of those that are alike, the first trial.

        Args:
            include_failed: whether failed trials count (v1's default).
            include_canceled: whether canceled ones count.
            include_resume_from_runs: whether those of the sweeps in `resume_from` count.
        """
        left_out = {states.FAILED} if not include_failed else set()
        left_out |= set() if include_canceled else {states.CANCELED}
        ranked = [each for each in self.ranked(include_resume_from_runs) if each.status not in left_out]
        best = ranked[0] if ranked else None
        return best.run if best is not None and best.score is not None and not math.isnan(best.score) else None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """Return the trials, the best first, those without the metric last.

        Args:
            top: how many; 0 for all.
            reverse: the worst first.
            discard_no_metric: leave out those without the metric.

        Returns:
            For each `run_id`, `hyperparameters` (JSON as a string, as in v1), `best_primary_metric` and `status`.

        Raises:
            UserErrorException: `top` is no whole number of 0 or more.
        """
        if isinstance(top, bool) or not isinstance(top, int) or top < 0:
            raise UserErrorException(f"top is a whole number of 0 or more, not {top!r}")
        ranked = self.ranked()
        measured = [each for each in ranked if each.score is not None]
        others = [] if discard_no_metric else [each for each in ranked if each.score is None]
        ordered = [*(reversed(measured) if reverse else measured), *others]
        return [
            {
                "run_id": each.run.id,
                "hyperparameters": json.dumps(parameters_of(each.run.record.definition)),
                "best_primary_metric": each.score,
                "status": each.status,
            }
            for each in ordered[: top or None]
        ]

    def get_hyperparameters(self) -> dict[str, str]:
        """Return the parameters of each trial by its id, as JSON (v1's form)."""
        return {
            trial.id: str(trial.get_tags().get(HYPERPARAMETERS) or json.dumps(parameters_of(trial.record.definition)))
            for trial in self.trials()
        }

    def get_metrics(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the metrics of each trial by its id. v1's takes no arguments; those of `Run.get_metrics` are passed on."""
        return {trial.id: trial.get_metrics(*args, **kwargs) for trial in self.trials()}

    def get_diagnostics(self) -> Any:
        """Not carried out, as in v1. Raises HyperDriveNotImplementedException."""
        raise HyperDriveNotImplementedException(
            "get_diagnostics was never carried out in v1 either; get_details() and the log tell how the sweep went"
        )

    def fail(self, *args: Any, **kwargs: Any) -> None:
        """Not carried out, as in v1. Raises HyperDriveNotImplementedException."""
        raise HyperDriveNotImplementedException("a sweep can't be failed from outside; cancel() ends it")

    def get_details(self) -> dict[str, Any]:
        """Return the details; the target is that of the trials, as in v1."""
        details = super().get_details()
        details["target"] = self._definition()[MEMBER]["trial"]["target"]["name"]
        return details

    def trials(self) -> Iterator[Run]:
        """Yield the trials in their order."""
        for run in self.get_children():
            if parameters_of(run.record.definition):
                yield run

    def ranked(self, include_resume_from_runs: bool = False) -> list[Ranked]:
        """Return the trials with their results, the best first; trials that are alike in their order."""
        settings = self.settings
        metric = settings.metric
        found = [self._ranked(trial, metric) for trial in self.trials()]
        if include_resume_from_runs:
            for sweep in settings.resumed_from:
                earlier = self._sibling(sweep)
                if isinstance(earlier, HyperDriveRun) and earlier.record.exists():
                    found += earlier.ranked(include_resume_from_runs=True)
        return metric.best_first(found, lambda each: each.score)

    def _ranked(self, trial: Run, metric: PrimaryMetric) -> Ranked:
        status = trial.get_status()  # brings what is new of one that runs elsewhere
        return Ranked(trial, metric.best(outcome.scores(trial.record, metric)), status)
