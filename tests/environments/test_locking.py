"""Kept, fresh and replaced locks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from turnout.environments import locking, locks, resolution
from turnout.environments.resolution import ResolutionFailed


@pytest.fixture
def ask(submitter, wheel):
    """Ask for `one`, of which there is version 1.0."""
    wheel("one", "1.0")
    lines = [f"--find-links {submitter.source.parent}/wheels", "--no-index", "one"]
    definition = {"name": "mine", "python": {"condaDependencies": {"dependencies": [{"pip": lines}]}}}

    def question():
        return resolution.ask(definition, submitter.home, lambda line: None, str(submitter.source))

    return question


def versions(locked: locking.Locked) -> list[str]:
    return [package.version for package in locked.packages]


def test_a_lock_stays_until_it_is_updated(ask, wheel, submitter):
    assert locking.kept(ask(), submitter.workspace) is None
    first = locking.lock(ask(), submitter.workspace)
    assert (first.new, versions(first)) == (True, ["1.0"])
    wheel("one", "2.0")
    again = locking.lock(ask(), submitter.workspace)
    assert (again.new, versions(again), again.resolved) == (False, ["1.0"], first.resolved)
    assert versions(locking.fresh(ask())) == ["2.0"]
    assert versions(locking.kept(ask(), submitter.workspace)) == ["1.0"]
    before, after = locking.update(ask(), submitter.workspace)
    assert (versions(before), versions(after), after.new) == (["1.0"], ["2.0"], True)
    assert locking.kept(ask(), submitter.workspace) == after._replace(new=False)
    assert after.resolved > first.resolved
    assert before.environment["key"] != after.environment["key"]


def test_an_update_that_finds_the_same_changes_nothing(ask, submitter):
    first = locking.lock(ask(), submitter.workspace)
    before, after = locking.update(ask(), submitter.workspace)
    assert before == after == first._replace(new=False)


def test_an_update_without_a_lock_makes_the_first_one(ask, submitter):
    before, after = locking.update(ask(), submitter.workspace)
    assert before is None
    assert locking.lock(ask(), submitter.workspace) == after._replace(new=False)


def test_an_update_that_fails_keeps_the_lock(ask, submitter):
    first = locking.lock(ask(), submitter.workspace)
    for name in os.listdir(submitter.source.parent / "wheels"):
        os.unlink(submitter.source.parent / "wheels" / name)
    with pytest.raises(ResolutionFailed):
        locking.update(ask(), submitter.workspace)
    assert locking.kept(ask(), submitter.workspace) == first._replace(new=False)
    assert len(submitter.locks()) == 1  # nothing temporary stays


def test_what_needs_no_resolving_has_no_lock_to_keep(submitter):
    question = resolution.ask({"name": "empty"}, submitter.home, lambda line: None)
    assert locking.lock(question, submitter.workspace).digest == ""
    before, after = locking.update(question, submitter.workspace)
    assert before == after == locking.fresh(question)._replace(new=False)
    assert submitter.locks() == []


def test_a_submit_takes_what_an_update_has_kept(ask, wheel, submitter, monkeypatch):
    locking.lock(ask(), submitter.workspace)
    wheel("one", "2.0")
    _, after = locking.update(ask(), submitter.workspace)
    monkeypatch.setattr(subprocess, "Popen", None)  # nothing is asked any more
    lines = ask().context, ask().request
    assert lines is not None
    definition = {
        "name": "mine",
        "python": {
            "condaDependencies": {
                "dependencies": [{"pip": [f"--find-links {submitter.source.parent}/wheels", "--no-index", "one"]}]
            }
        },
    }
    said: list[str] = []
    environment = resolution.resolve(
        definition, submitter.home, submitter.workspace, said.append, str(submitter.source)
    )
    assert environment == after.environment


def test_a_damaged_lock_is_none_and_is_made_anew(ask, submitter):
    locking.lock(ask(), submitter.workspace)
    path = Path(locks.path(submitter.workspace, ask().digest))
    path.write_text("{")
    assert locking.kept(ask(), submitter.workspace) is None
    assert locking.lock(ask(), submitter.workspace).new
    content = json.loads(path.read_text())
    del content["resolved"]
    path.write_text(json.dumps(content))
    assert locking.kept(ask(), submitter.workspace).resolved is None
