"""The failure of a resolution, as opposed to a specification that can't be read."""

from __future__ import annotations

from turnout.exceptions import EnvironmentException


class ResolutionFailed(EnvironmentException):
    """A readable specification can't be resolved: no such package, a conflict, no wheel, no index.

    Args:
        message: one line: what is wrong, and what to change.
        words: what the resolver said, all of it that matters.
    """

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.words = words
