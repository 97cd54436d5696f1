"""A sweep's controller that is killed again and again: no trial is lost, none comes twice, and the result is the same."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import processes, records

pytestmark = pytest.mark.system
KILLS = 20
TRIALS = 16
TRAIN = f"""
import argparse, os, time
from turnout import Run
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
arguments = parser.parse_args()
run = Run.get_context()
number = int(run.id.rpartition("_")[2])
while len(os.listdir(os.environ["KILLS"])) * {TRIALS} < (number + 1) * {KILLS}:  # as many kills as there are to be by now
    time.sleep(0.02)
for step in (1, 2):
    run.log("score", arguments.x)
while os.environ.get("WAITS") and arguments.x < float(os.environ["WAITS"]):
    time.sleep(0.02)  # until the policy ends it
"""


@pytest.mark.parametrize(
    ("words", "waits"),
    [
        (("--uniform", "x=0,1", "--max-total-runs", str(TRIALS), "--max-concurrent-runs", "2"), ""),
        (("--choice", "x=" + ",".join(map(str, range(TRIALS))), "--sampling", "grid", "--max-concurrent-runs", "2"), ""),
        (
            ("--choice", "x=9,8,1,10,9,2,11,3,10,11,12,4,12,13,5,13", "--sampling", "grid", "--policy", "bandit",
             "--slack-amount", "4", "--max-concurrent-runs", "1"),
            "6",
        ),
    ],
    ids=["random", "grid", "bandit"],
)  # fmt: skip
def test_a_sweep_whose_controller_is_killed_twenty_times_comes_to_the_same(
    turnout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any, words: tuple[str, ...], waits: str
) -> None:
    turnout.script(TRAIN)
    monkeypatch.setenv("WAITS", waits)

    def begin(kills: Path) -> Path:
        monkeypatch.setenv("KILLS", str(kills))
        given = ("--environment", sys.executable, "--seed", "5", "--maximize", "score", "--detach", "--json")
        return Path(json.loads(turnout("sweep", "start", *given, *words, "train.py").stdout)["directory"])

    def result(sweep: Path) -> Any:
        until(lambda: (sweep / "result.json").exists())
        facts = turnout.json("sweep", "show", sweep.name)
        trials = sorted(facts["trials"], key=lambda trial: trial["number"])
        told = [(trial["number"], trial["parameters"], trial["status"], trial["score"]) for trial in trials]
        return facts["status"], facts["best"]["number"], told

    (tmp_path / "whole").mkdir()
    for number in range(KILLS):
        (tmp_path / "whole" / str(number)).touch()
    whole = result(begin(tmp_path / "whole"))

    (tmp_path / "killed").mkdir()
    sweep = begin(tmp_path / "killed")
    last = None
    delays = random.Random(0)
    for number in range(KILLS):
        controller = until(partial(_new, sweep, last))
        until(_later(0.6 if number % 2 else delays.uniform(0, 0.4)))
        os.kill(controller["pid"], 9)
        last = controller["pid"]
        (tmp_path / "killed" / str(number)).touch()
    assert result(sweep) == whole
    assert whole[0] == "Completed"
    assert [number for number, *_ in whole[2]] == list(range(TRIALS))
    if waits:
        assert [status for _, _, status, _ in whole[2]].count("Canceled") == 5
    runs = os.listdir(sweep.parent)
    assert [name for name in runs if name.startswith(".")] == []
    assert len(runs) == 2 * (TRIALS + 1)
    again = [line for line in records.read_lines(str(sweep / "journal.jsonl"))[0] if "started again" in line["reason"]]
    assert len(again) == KILLS


def _new(sweep: Path, last: int | None) -> dict[str, Any] | None:
    """Return the controller that lives, when it is another one than the last."""
    try:
        found: dict[str, Any] = records.read_json(str(sweep / "process"))
    except (OSError, ValueError):
        return None
    return found if found["pid"] != last and processes.state(found) == processes.ALIVE else None


def _later(seconds: float) -> Callable[[], bool]:
    """Return a condition that holds after a while: a kill comes at any moment."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def test_a_trial_that_was_recorded_and_not_handed_over_is_handed_over(
    turnout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    turnout.script(TRAIN)
    kills = tmp_path / "kills"
    kills.mkdir()
    monkeypatch.setenv("KILLS", str(kills))
    words = ("--choice", "x=1,2,3", "--sampling", "grid", "--max-concurrent-runs", "1", "--maximize", "score")
    given = ("--environment", sys.executable, *words, "--detach", "--json")
    sweep = Path(json.loads(turnout("sweep", "start", *given, "train.py").stdout)["directory"])
    first = Path(f"{sweep}_0")
    until(lambda: (first / "process").exists())
    gone = _end(sweep)

    # As a controller leaves it that is killed between the two: a trial is announced before it is there.
    announced = {"t": time.time(), "e": "child", "id": f"{sweep.name}_1"}
    (sweep / "events" / "earlier.jsonl").write_text(json.dumps(announced) + "\n")
    second = Path(f"{sweep}_1")
    second.mkdir(0o700)
    for name in ("events", "user_logs", "system_logs"):
        (second / name).mkdir()
    definition = records.read_json(str(first / "run.json"))
    definition.update(id=second.name, submitter=gone, arguments=["--x", "2"], handed_over="0123456789abcdef")
    definition["sweep"] = {"number": 1, "parameters": {"x": 2}}
    records.write_json(str(second / "run.json"), definition)
    (second / "manifest").write_bytes((first / "manifest").read_bytes())
    created = {"t": time.time(), "state": "NotStarted", "reason": "submitted"}
    (second / "journal.jsonl").write_text(json.dumps(created) + "\n")
    # Its variables are those of the sweep, whose file stays until that has ended.
    secrets = sweep.parents[3] / "secrets"
    handed = records.read_json(str(sweep / "run.json"))["handed_over"]
    (secrets / definition["handed_over"]).write_bytes((secrets / handed).read_bytes())

    shown = turnout.json("show", second.name)
    assert (shown["status"], shown["reason"]) == ("NotStarted", "its sweep hands it over")
    for number in range(KILLS):
        (kills / str(number)).touch()
    turnout("wait", sweep.name)
    facts = turnout.json("sweep", "show", sweep.name)
    ended = sorted((trial["number"], trial["status"], trial["score"]) for trial in facts["trials"])
    assert ended == [(0, "Completed", 1.0), (1, "Completed", 2.0), (2, "Completed", 3.0)]


def _end(sweep: Path) -> Any:
    """Kill the controller and who would start it again; return who the controller was."""
    [dispatcher] = sweep.parents[3].glob("queue/*/dispatcher")
    identities = [records.read_json(str(path)) for path in (dispatcher, sweep / "lock", sweep / "process")]
    for identity in identities:
        os.kill(identity["pid"], 9)
    return identities[2]
