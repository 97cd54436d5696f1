"""Begins the trials of a sweep on their target, looks after them there, and ends them: on this machine, or on another."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING, Any, Protocol

from turnout import submission
from turnout.runtime import handed, layout, processes, states
from turnout.runtime.record import RunRecord
from turnout.sweeps import space
from turnout.sweeps.settings import HYPERPARAMETERS, MEMBER, Settings, trial_id
from turnout.sweeps.trials import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from turnout.experiment import Experiment

_PROOF_SECONDS, _PROOF_SHARE = 2.0, 50.0
"""Between proofs that what looks after the trials lives: at least so many seconds, and so many times what one takes, as each
reads the whole queue."""
_LOCAL_PAUSE = 0.05
"""Between looks at what trials on this machine log, for a policy; their ends are told."""
_SAFETY_PAUSE = 2.0
_WAITING = (states.NOT_STARTED, states.PREPARING, states.QUEUED)
_LOOKED_AHEAD = 64
"""How many waiting trials without news are looked at before the rest is left to the next proof: they begin in their order."""
_AWAY_PAUSE, _AWAY_SHARE = 0.2, 2.0
"""Between looks at trials elsewhere: at least so many seconds, and so many times what a look takes."""


class Place(Protocol):
    """Where trials run."""

    def begin(self, definition: dict[str, Any], run: layout.RunLayout) -> None:
        """Record a trial and hand it over. Raises TurnoutException when that can't be done."""
        ...

    def begin_again(self, definition: dict[str, Any], run: layout.RunLayout) -> None:
        """Hand over a trial that is recorded, and may have been handed over already."""
        ...

    def look(self, trials: Iterable[Trial]) -> list[Trial]:
        """Bring the states of trials up to date; return those that have ended since."""
        ...

    def end(self, trial: Trial, reason: str) -> None:
        """Ask for the end of a trial; the reason is what its state says then."""
        ...

    def pause(self, watches: bool) -> float:
        """Return for how many seconds to wait before the next look.

        Args:
            watches: whether what trials log while they run matters.
        """
        ...


class Trials:
    """Makes the records of trials.

    Args:
        experiment: the sweep's.
        sweep: the content of the sweep's run.json.
        settings: what it says of the sweep.
    """

    def __init__(self, experiment: Experiment, sweep: dict[str, Any], settings: Settings) -> None:
        self._experiment = experiment
        self._sweep = sweep
        self._settings = settings

    def definition(self, number: int, values: space.Values, further: list[str]) -> dict[str, Any]:
        """Return the run.json of a trial.

        Args:
            number: which one, from 0.
            values: its parameters.
            further: arguments behind them.
        """
        common = self._settings.trial
        words = [*space.arguments(values), *further]
        configuration = dict(common["configuration"])
        if configuration.get("command"):
            configuration["command"] = f"{configuration['command']} {shlex.join(words)}"
        identity = trial_id(self._sweep["id"], number)
        outputs = [
            {**each, "path": str(each["path"]).replace(self._sweep["id"], identity)}
            for each in common.get("outputs") or []
        ]
        return {
            **common,
            **({"outputs": outputs} if outputs else {}),
            "id": identity,
            "number": self._experiment.next_number(),
            "created": time.time(),
            "display_name": identity,
            "parent": self._sweep["id"],
            "root": self._sweep["root"],
            "submitter": processes.identity(),
            "configuration": configuration,
            "arguments": [*common["arguments"], *words],
            "tags": {HYPERPARAMETERS: json.dumps(values)},
            handed.MEMBER: handed.new_name(),
            MEMBER: {"number": number, "parameters": values},
        }


class _Given:
    """What trials are given beyond their records, wherever they run.

    Args:
        experiment: the sweep's.
        given: what each trial is handed over.
        files: of its record beside run.json, by name.
    """

    def __init__(self, experiment: Experiment, given: handed.Handed, files: dict[str, bytes]) -> None:
        self._experiment = experiment
        self._given = given
        self._files = files

    def end(self, trial: Trial, reason: str) -> None:
        """Ask whoever looks after it for its end, now or when that can be reached again."""
        _run_of(trial.record)._request_cancel(by="its sweep", reason=reason)

    def _plan(self, definition: dict[str, Any]) -> submission.Plan:
        return submission.Plan(definition, self._given, self._files, [])


class Here(_Given):
    """Trials of this machine, in its queue; the arguments are those of `_Given`."""

    def __init__(self, experiment: Experiment, given: handed.Handed, files: dict[str, bytes]) -> None:
        super().__init__(experiment, given, files)
        self._prove_at = 0.0

    def begin(self, definition: dict[str, Any], run: layout.RunLayout) -> None:
        """Record a trial and put it into the queue."""
        submission.record_here(self._experiment, self._plan(definition), run)

    def begin_again(self, definition: dict[str, Any], run: layout.RunLayout) -> None:
        """Put a recorded trial into the queue, if it isn't there."""
        submission.hand_over_here(self._experiment, self._plan(definition), run)

    def look(self, trials: Iterable[Trial]) -> list[Trial]:
        """Read the journals that have grown; now and then all of them, with a proof that supervisors live."""
        active = list(trials)
        began = time.monotonic()
        proves = began >= self._prove_at
        ended = []
        silent = 0
        for trial in active:
            if trial.has_news():
                if trial.take(*trial.record.status()):
                    ended.append(trial)
            elif trial.state in _WAITING:
                silent += 1
                if silent >= _LOOKED_AHEAD and not proves:
                    break
        if proves:
            begun = [trial for trial in active if not trial.ended and trial.state != states.QUEUED]
            queued = [trial for trial in active if trial.state == states.QUEUED][:1]
            ended += self._prove([*begun, *queued])
            now = time.monotonic()
            self._prove_at = now + max(_PROOF_SECONDS, _PROOF_SHARE * (now - began))
        return ended

    def _prove(self, trials: list[Trial]) -> list[Trial]:
        from turnout.targets.compute_target import scheduler_for

        if not trials:
            return []
        scheduler = scheduler_for(trials[0].record.definition["target"], self._experiment.workspace.home)
        told = scheduler.poll([trial.record.layout.root for trial in trials])
        return [trial for trial in trials if trial.id in told and trial.take(*told[trial.id])]

    def pause(self, watches: bool) -> float:
        """Return a short while when what they log matters."""
        return _LOCAL_PAUSE if watches else _SAFETY_PAUSE


class Elsewhere(_Given):
    """Trials of another machine; the arguments are those of `Here`, and `report` gets what has to be tried again."""

    def __init__(
        self,
        experiment: Experiment,
        given: handed.Handed,
        files: dict[str, bytes],
        report: Callable[[str], None],
    ) -> None:
        super().__init__(experiment, handed.Handed({}, given.secrets, given.tools), files)
        self._report = report
        self._took = 0.0

    def begin(self, definition: dict[str, Any], run: layout.RunLayout) -> None:
        """Record a trial, and give it to its machine until that has taken it."""
        submission.record_elsewhere(self._experiment, self._plan(definition), run, report=self._report)

    def begin_again(self, definition: dict[str, Any], run: layout.RunLayout) -> None:
        """Give a recorded trial to its machine."""
        submission.give(self._experiment, self._plan(definition), run, self._report)

    def look(self, trials: Iterable[Trial]) -> list[Trial]:
        """Bring what is new of each."""
        began = time.monotonic()
        ended = [trial for trial in trials if trial.take(*_run_of(trial.record).status_and_reason())]
        self._took = time.monotonic() - began
        return ended

    def pause(self, watches: bool) -> float:
        """Return a while that leaves the connection to others, too."""
        return max(_AWAY_PAUSE, _AWAY_SHARE * self._took)


def _run_of(record: RunRecord) -> Any:
    from turnout.run import Run

    return Run(record.layout.root)
