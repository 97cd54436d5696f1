"""Every combination, in order."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.sweeps.primary_metric import PrimaryMetric
from turnout.sweeps.samplers import Known
from turnout.sweeps.space import Space, Values


class GridSampler:
    """Trial N is the grid's combination N; the last parameter changes fastest."""

    def __init__(self, space: Space, metric: PrimaryMetric, seed: int) -> None:
        self._space = space
        self._size = space.size() or 0

    def propose(self, number: int, earlier: Sequence[Known]) -> Values | None:
        """Return combination `number`; None behind the last one."""
        return self._space.nth(number) if number < self._size else None
