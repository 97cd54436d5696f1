"""A text that is made where it is counted: the executors import this module, and no machine has to have the input."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate

VOCABULARY = 20_000
BLOCK = 1_000_000
"""Bytes of one block of the text. It depends on seed and number alone, so the text is the same on any number of machines."""

_SYLLABLES = [consonant + vowel for consonant in "bdfghjklmnprstvz" for vowel in "aeiou"]
_LINE = 200


def block(number: int, seed: int) -> Iterator[str]:
    """Yield the lines of a block."""
    vocabulary, weights = _vocabulary()
    source = random.Random(f"{seed}/{number}")
    written = 0
    while written < BLOCK:
        line = " ".join(source.choices(vocabulary, cum_weights=weights, k=_LINE))
        written += len(line) + 1
        yield line


def counted(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    """Return each word of some lines with how often it is there."""
    counts: Counter = Counter()
    for line in lines:
        counts.update(line.split())
    return counts.items()


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    """Return the words and, for `random.choices`, how common they are: the n-th is n times rarer than the first (Zipf)."""
    weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    return [_word(number) for number in range(VOCABULARY)], weights


def _word(number: int) -> str:
    """Return the word that stands for a number; common ones are short."""
    number, last = divmod(number, len(_SYLLABLES))
    return (_word(number) if number else "") + _SYLLABLES[last]
