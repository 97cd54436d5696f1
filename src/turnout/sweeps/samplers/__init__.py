"""Which values the next trial gets: one file a way of sampling, and its line in `SAMPLERS`.

A sampler holds no state that isn't in the record: trial N follows from the seed, N, and what earlier trials came to. So a
controller that is started again goes on where the last one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from turnout.sweeps.primary_metric import PrimaryMetric
from turnout.sweeps.space import Space, Values

SAMPLERS = {
    "RANDOM": "turnout.sweeps.samplers.by_chance:RandomSampler",
    "GRID": "turnout.sweeps.samplers.grid:GridSampler",
    "BayesianOptimization": "turnout.sweeps.samplers.bayesian:BayesianSampler",
}
"""v1's name of a sampling → what draws its trials."""


class Known(NamedTuple):
    """What is known of an earlier trial.

    Attributes:
        values: its parameters.
        score: its best value of the primary metric; None when it logged none (yet).
        ended: whether it has ended.
    """

    values: Values
    score: float | None
    ended: bool


class Sampler(Protocol):
    """Draws trials."""

    def propose(self, number: int, earlier: Sequence[Known]) -> Values | None:
        """Return the parameters of trial `number`, from 0; None when there is none left.

        Args:
            number: which one.
            earlier: the trials before it: first those of the sweeps that this one goes on from, then its own in order.
        """
        ...


def make(name: str, space: Space, metric: PrimaryMetric, seed: int) -> Sampler:
    """Return the sampler of a way of sampling.

    Raises:
        HyperDriveConfigException: it needs a library that isn't there.
    """
    module, made = SAMPLERS[name].split(":")
    return cast(Sampler, getattr(import_module(module), made)(space, metric, seed))
