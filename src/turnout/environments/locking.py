"""Locks as a person handles them: look at the kept one, resolve for the first time, unfreeze on purpose."""

from __future__ import annotations

from typing import Any, NamedTuple

from turnout.environments import locks, packages
from turnout.environments.resolution import Question
from turnout.runtime import layout


class Locked(NamedTuple):
    """An environment with its lock.

    Attributes:
        environment: what goes into run.json: kind, name, version, key, python, platform and lock.
        digest: the name under which the workspace keeps the lock; empty when it keeps none, as nothing had to be
            resolved.
        resolved: the Unix time of that; None when it isn't known.
        new: whether it was resolved just now.
    """

    environment: dict[str, Any]
    digest: str
    resolved: float | None
    new: bool = False

    @property
    def packages(self) -> list[packages.Package]:
        """The packages of the lock."""
        return packages.of_lock(self.environment["kind"], self.environment["lock"])


def kept(question: Question, workspace: layout.WorkspaceLayout) -> Locked | None:
    """Return the lock that the workspace keeps, or the one that needs no resolving; None when there is neither."""
    immediate = question.immediate()
    if immediate is not None:
        return Locked(question.environment(immediate), "", None)
    found = locks.read(workspace, question.digest)
    return None if found is None else Locked(question.environment(found.lock), question.digest, found.resolved)


def lock(question: Question, workspace: layout.WorkspaceLayout) -> Locked:
    """Return the lock that the workspace keeps; one that isn't there yet is resolved and kept.

    Raises:
        EnvironmentException: see `Question.resolve`; so is `ResolutionFailed`.
    """
    standing = kept(question, workspace)
    if standing is not None:
        return standing
    locks.store(workspace, question.digest, question.request, question.resolve())
    made = kept(question, workspace)
    assert made is not None  # of two at once the first one's stands
    return made._replace(new=True)


def fresh(question: Question) -> Locked:
    """Return what the specification resolves to now; it is kept nowhere.

    Raises:
        EnvironmentException: see `Question.resolve`; so is `ResolutionFailed`.
    """
    immediate = question.immediate()
    return Locked(question.environment(question.resolve() if immediate is None else immediate), "", None, new=True)


def update(question: Question, workspace: layout.WorkspaceLayout) -> tuple[Locked | None, Locked]:
    """Resolve anew and keep that in place of the kept lock, unless it is the same.

    Runs that were submitted before keep the lock that they have in their record.

    Returns:
        What was kept before (None for nothing), and what is kept now.

    Raises:
        EnvironmentException: see `Question.resolve`; so is `ResolutionFailed`. The kept lock stays.
    """
    before = kept(question, workspace)
    if before is not None and not before.digest:
        return before, before
    resolved = question.resolve()
    if before is not None and before.environment["lock"] == resolved:
        return before, before
    locks.replace(workspace, question.digest, question.request, resolved)
    after = kept(question, workspace)
    assert after is not None
    return before, after._replace(new=True)
