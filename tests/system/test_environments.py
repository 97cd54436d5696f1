"""`turnout env` from the first lock to the removal, on real environments, with real runs in between."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system


@pytest.fixture
def project(turnout: Any, wheel: Any, tmp_path: Path) -> Path:
    """A project that asks for `one`, of which there is version 1.0, and that for `two`."""
    wheel("one", "1.0", ("two",))
    wheel("two", "1.0")
    path = turnout.directory / "requirements.txt"
    path.write_text(f"--no-index\n--find-links {tmp_path}/wheels\none\n")
    turnout.script("import one, two, time, sys, os\nprint(one.version, two.version)\n")
    return Path(turnout.directory)


def submit(turnout: Any, *words: str) -> str:
    return str(turnout("submit", *words, "--environment", "requirements.txt", "train.py").stdout)


def test_an_environment_is_locked_used_unfrozen_and_removed(project: Path, turnout: Any, wheel: Any) -> None:
    assert "Turnout-Sklearn" in turnout("env", "list").stdout
    locked = turnout.json("env", "lock", "requirements.txt")
    assert [(each["name"], each["version"]) for each in locked["packages"]] == [("one", "1.0"), ("two", "1.0")]
    wheel("one", "2.0", ("two",))

    # Every run has the lock, whatever is there by now; the first one builds it.
    assert submit(turnout) == "1.0 1.0\n"
    assert turnout.json("show", "@last")["environment"]["key"] == locked["key"]
    shown = turnout.json("env", "show", "requirements.txt")
    assert (shown["key"], shown["built"]["runs"]) == (locked["key"], 1)
    assert turnout.json("env", "build", "requirements.txt")["new"] is False

    # Unfreezing is a decision; what it would change is shown beforehand.
    would = turnout.json("env", "diff", "requirements.txt")["changes"]
    assert would == [{"change": "changed", "what": "one", "before": "1.0", "after": "2.0"}]
    assert submit(turnout) == "1.0 1.0\n"
    assert turnout.json("env", "update", "requirements.txt")["changes"] == would
    assert turnout("env", "update", "requirements.txt").stdout.startswith("nothing changed")
    assert submit(turnout) == "2.0 1.0\n"
    assert turnout.json("env", "diff", "@last~1", "@last")["changes"] == would

    # Both are built; each is listed with the runs that have used it, the last used first.
    listed = turnout.json("env", "list", "--built")
    assert [row["runs"] for row in listed["environments"]] == [1, 2]
    assert [row["key"] for row in listed["environments"]][1] == locked["key"]
    assert listed["bytes"] < sum(row["bytes"] for row in listed["environments"])  # `two` is there once, in both
    assert listed["bytes_freed"] < listed["bytes"]

    removed = turnout.json("env", "remove", locked["key"])
    assert removed["removed"] == locked["key"]
    assert not os.path.exists(removed["directory"])
    assert [row["runs"] for row in turnout.json("env", "list", "--built")["environments"]] == [1]
    turnout("env", "remove", "requirements.txt")
    assert turnout("env", "list", "--built").stdout == ""
    assert submit(turnout) == "2.0 1.0\n"  # built again, from the lock


def test_what_a_run_uses_is_not_removed_below_it(project: Path, turnout: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    turnout.script(f"open({str(gate)!r}).read(); import one; print(one.version)\n")
    run = json.loads(submit(turnout, "--detach", "--json"))["id"]
    with open(gate, "w"):  # the script has begun
        key = turnout.json("show", run)["environment"]["key"]
        refused = turnout("env", "remove", key, code=2)
        assert f"is needed by {run}, which has not ended" in refused.stderr
    turnout("wait", run)
    assert turnout("logs", run).stdout == "1.0\n"
    turnout("env", "remove", key)
