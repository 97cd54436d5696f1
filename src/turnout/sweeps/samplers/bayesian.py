"""Trials where earlier ones promise most: Optuna's TPE sampler over a study in memory."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.primary_metric import PrimaryMetric
from turnout.sweeps.samplers import Known
from turnout.sweeps.space import Parameter, Space, Values, flag


class BayesianSampler:
    """Asks Optuna's tree-structured Parzen estimator (Bergstra et al., 2011).

    The study is made anew for each trial from what the record says, with a sampler that is seeded by the sweep's seed and
    the trial's number: nothing of it has to survive, and Optuna's own storages would be a second truth. Running trials
    count as bad ones where they are, so that trials that run at a time differ (`constant_liar`).

    Raises:
        HyperDriveConfigException: Optuna isn't installed.
    """

    def __init__(self, space: Space, metric: PrimaryMetric, seed: int) -> None:
        try:
            import optuna
        except ImportError:
            raise HyperDriveConfigException(
                "Bayesian sampling needs Optuna, which is not installed here: pip install 'turnout[sweeps]', or "
                "sample at random"
            ) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna: Any = optuna
        self._seed = seed
        self._direction = "maximize" if metric.maximize else "minimize"
        self._space = space
        self._distributions = {parameter.name: self._distribution(parameter) for parameter in space.parameters}

    def propose(self, number: int, earlier: Sequence[Known]) -> Values | None:
        """Return the parameters of trial `number`."""
        optuna = self._optuna
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant_liar is marked as experimental
            sampler = optuna.samplers.TPESampler(seed=(self._seed * 1_000_003 + number) % 2**32, constant_liar=True)
            study = optuna.create_study(sampler=sampler, direction=self._direction)
            study.add_trials([trial for known in earlier if (trial := self._trial(known)) is not None])
            asked = study.ask(self._distributions).params
        return {parameter.name: self._value(parameter, asked[parameter.name]) for parameter in self._space.parameters}

    def _trial(self, known: Known) -> Any:
        """Return Optuna's form of a trial; None for one that isn't in this space, as one that is run again may be."""
        values = {flag(name): value for name, value in known.values.items()}
        params = {
            parameter.name: self._internal(parameter, values.get(flag(parameter.name)))
            for parameter in self._space.parameters
        }
        if None in params.values():
            return None
        states = self._optuna.trial.TrialState
        if known.score is None or known.score != known.score:
            state, value = (states.FAIL if known.ended else states.RUNNING), None
        else:
            state, value = (states.COMPLETE, known.score) if known.ended else (states.RUNNING, None)
        return self._optuna.trial.create_trial(
            state=state, value=value, params=params, distributions=self._distributions
        )

    def _distribution(self, parameter: Parameter) -> Any:
        """Return Optuna's form of an expression. Choices are told apart by their place: 1 and 1.0 are two."""
        distributions = self._optuna.distributions
        if parameter.kind == "choice":
            return distributions.CategoricalDistribution(range(len(parameter.arguments)))
        low, high, *step = parameter.arguments
        if not step:
            return distributions.FloatDistribution(low, high)
        first, last = round(low / step[0]), round(high / step[0])
        return distributions.IntDistribution(first, last)

    def _value(self, parameter: Parameter, asked: Any) -> Any:
        if parameter.kind == "choice":
            return parameter.arguments[asked]
        return asked * parameter.arguments[2] if parameter.kind == "quniform" else asked

    def _internal(self, parameter: Parameter, value: Any) -> Any:
        """Undo `_value`; None for a value that the parameter can't have."""
        if parameter.kind == "choice":
            equal = [place for place, each in enumerate(parameter.arguments) if each == value]
            alike = [place for place in equal if type(parameter.arguments[place]) is type(value)]
            return next(iter([*alike, *equal]), None)
        distribution = self._distributions[parameter.name]
        if not isinstance(value, (int, float)):
            return None
        internal = round(value / parameter.arguments[2]) if parameter.kind == "quniform" else value
        return internal if distribution.low <= internal <= distribution.high else None
