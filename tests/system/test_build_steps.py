"""Who waits for an environment sees what is done just now."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from turnout.runtime.record import RunRecord

TURNOUT = os.path.join(os.path.dirname(sys.executable), "turnout")
PATIENCE = 60.0

pytestmark = pytest.mark.system


@pytest.fixture
def building(turnout: Any, package_index: Any) -> str:
    """The id of a run for whose environment a package is being downloaded."""
    package_index.resolution.set()
    (turnout.directory / "requirements.txt").write_text("gated\n")
    turnout.script("print('hello')")
    done = turnout("submit", "--json", "--detach", "--environment", "requirements.txt", "train.py")
    assert package_index.asked_to_build.wait(PATIENCE)
    run_id: str = json.loads(done.stdout)["id"]
    return run_id


def test_the_reason_is_what_is_being_done(turnout: Any, building: str, package_index: Any, until: Any) -> None:
    def shown() -> Any:
        return turnout.json("show", building)

    until(lambda: shown()["reason"].startswith("downloading"))
    assert (shown()["status"], shown()["reason"]) == ("Preparing", "downloading gated (2.0 MiB)")
    assert [row["reason"] for row in turnout.json("runs")] == ["downloading gated (2.0 MiB)"]
    waiting = turnout.start("wait", building)
    line = waiting.stderr.readline()
    package_index.build.set()
    assert waiting.communicate(timeout=PATIENCE)[0] == b"hello\n"
    assert line == b"Preparing: downloading gated (2.0 MiB)\n"
    record = RunRecord(shown()["directory"])
    assert not os.path.exists(record.layout.step)
    assert [line["reason"] for line in record.journal() if line["state"] == "Preparing"][-1].startswith("building")


def test_a_terminal_shows_the_steps_on_one_line(building: str, package_index: Any, terminal: Any) -> None:
    window = terminal(TURNOUT, "wait", building)
    window.expect(b"Preparing: downloading gated (2.0 MiB)")
    package_index.build.set()
    assert window.ended() == 0
    before, _, after = window.seen.partition(b"hello")
    shown = before.split(b"\r")
    assert next(line for line in shown if line.strip()) == b"Preparing: downloading gated (2.0 MiB)"
    assert not shown[-1].strip()  # the line was taken back before the script's output came
    assert b"Completed" in after
