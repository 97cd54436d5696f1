"""What the builders and those who call them agree on: the result of a build, and its failure."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional


class BuildFailed(Exception):
    """An environment can't be built here.

    Args:
        reason: one line that names the environment's trouble and the way out.
        words: what the tool that failed said, its own lines; empty when no tool was asked.
    """

    def __init__(self, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words


class Built(NamedTuple):
    """An environment that is there.

    Attributes:
        interpreter: absolute path of its Python.
        facts: the content of the run's environment.json (kind, key, interpreter, python, packages, and how it was
            built); None when they are only known after asking the interpreter (see `inspection`).
        prefix: the directory of the environment, whose `bin` goes before the PATH; None for an interpreter that has no
            such directory of its own.
        image: the id of the container image that all of this is in; None on the machine itself.
        prefix_variable: the variable that tells a script of `prefix`.
    """

    interpreter: str
    facts: Optional[Dict[str, Any]]
    prefix: Optional[str] = None
    image: Optional[str] = None
    prefix_variable: str = "VIRTUAL_ENV"
