"""The environment kinds on the submitter's side: one file a kind, and its name in `KINDS`.

A kind is a module with

    TOOLS                              tools that its builder calls, which the submitter links into the home
    claims(specification) -> bool      whether it carries out such a specification; pure
    request(specification, context)    everything that the lock depends on, as JSON types; reads local files
    immediate(request) -> lock | None  the lock, when nothing has to be asked for it
    resolve(request, context) -> lock  the lock otherwise: exact, and enough to build from on another machine
    key(lock) -> str                   a digest naming the environment built from it, fit for a directory's name; pure

The lock is a dict of JSON types with at least `python` and `platform`. Its builder, on the machine of the run, is the
file of the same name in `turnout.runtime.builders`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from turnout.environments.kinds.specification import Specification
from turnout.exceptions import NotYetException
from turnout.runtime import layout, redaction

KINDS = ("existing", "uv", "conda", "container")
"""At most one of them claims a specification."""


class Context(NamedTuple):
    """What a kind may need beside the specification.

    Attributes:
        name: the environment's name, for messages.
        home: the submitter's home.
        directory: what relative paths are relative to; absolute.
        platform: what the lock is for, such as "linux-x86_64".
        here: whether that is this machine's platform.
        report: gets a line for each thing that a person waits for or should know.
        variables: what tools find in their environment.
        hide: takes the values of secrets out of what tools say.
        there: the facts of the machine of the run, when that is another one.
    """

    name: str
    home: layout.Home
    directory: str
    platform: str
    here: bool
    report: Callable[[str], None]
    variables: Mapping[str, str] = os.environ
    hide: redaction.Hide = redaction.as_it_is
    there: Mapping[str, Any] | None = None


def module(name: str) -> Any:
    """Return the module of a kind."""
    return importlib.import_module(f"turnout.environments.kinds.{name}")


def choose(specification: Specification) -> tuple[str, Any]:
    """Return the name and the module of the kind that carries out a specification.

    Raises:
        NotYetException: none does.
    """
    for name in KINDS:
        kind = module(name)
        if kind.claims(specification):
            return name, kind
    raise NotYetException(
        f"environment {specification.name!r} asks for a combination that no kind of environment carries out"
    )
