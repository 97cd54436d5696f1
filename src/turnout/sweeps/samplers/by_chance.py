"""Trials by chance, each from the seed and its number alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

from turnout.sweeps.primary_metric import PrimaryMetric
from turnout.sweeps.samplers import Known
from turnout.sweeps.space import Space, Values

_HALVES = 4
"""Rounds of the shuffle; four make it a pseudorandom permutation (Luby and Rackoff, 1988)."""


class RandomSampler:
    """Draws each trial anew; of a space that can be counted, its combinations in a shuffled order, so that none comes twice."""

    def __init__(self, space: Space, metric: PrimaryMetric, seed: int) -> None:
        self._space = space
        self._seed = seed
        self._size = space.size()

    def propose(self, number: int, earlier: Sequence[Known]) -> Values | None:
        """Return trial `number`; None when every combination has been had."""
        if self._size is None:
            return self._space.draw(random.Random(f"{self._seed}/{number}"))
        return self._space.nth(self._shuffled(number)) if number < self._size else None

    def _shuffled(self, number: int) -> int:
        """Return where `number` lies in a permutation of range(size), which needs no memory however large the space is.

        A Feistel network permutes the numbers of the next even count of bits; one that lies outside is sent through again
        until it lies inside, which keeps it a permutation.
        """
        assert self._size is not None
        bits = max(1, ((self._size - 1).bit_length() + 1) // 2)
        mask = (1 << bits) - 1
        while True:
            left, right = number >> bits, number & mask
            for turn in range(_HALVES):
                left, right = right, left ^ random.Random(f"{self._seed}/{turn}/{right}").getrandbits(bits)
            number = (left << bits) | right
            if number < self._size:
                return number
