"""`turnout sweep` as a person uses it: trials, the best one, early ends, bad input, and a controller that is killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import dispatching, layout
from turnout.testing.living import until

pytestmark = pytest.mark.system
CURRENT = ("--environment", sys.executable)
EXAMPLE = Path(__file__).parents[2] / "examples" / "iris-sweep"
TRAIN = """
import argparse
from turnout import Run
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--kind", default="plain")
arguments = parser.parse_args()
run = Run.get_context()
for step in (1, 2, 3):
    run.log("score", arguments.x * step + (100 if arguments.kind == "high" else 0))
"""


def test_the_iris_example_names_the_right_best_run(turnout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # else each trial compiles scikit-learn anew
    done = turnout("sweep", "start", EXAMPLE / "sweep.yaml")
    facts = turnout.json("sweep", "show")
    assert len(facts["trials"]) == 12
    assert {trial["status"] for trial in facts["trials"]} == {"Completed"}
    scores = {
        (trial["parameters"]["kernel"], trial["parameters"]["penalty"]): trial["score"] for trial in facts["trials"]
    }
    assert set(scores) == {(kernel, c) for kernel in ("linear", "rbf", "poly", "sigmoid") for c in (0.5, 1, 1.5)}
    assert facts["best"]["score"] == max(scores.values())
    assert round(facts["best"]["score"], 4) == 0.9737
    assert min(scores, key=lambda each: scores[each])[0] == "sigmoid"
    assert done.stdout.splitlines()[-1].startswith(f"best: {facts['best']['id']}")
    assert turnout.json("sweep", "best")["id"] == facts["best"]["id"]


def test_a_sweep_reads_its_options_and_prints_each_trial(turnout: Any) -> None:
    turnout.script(TRAIN)
    done = turnout(
        "sweep", "start", *CURRENT, "--choice", "x=1,2.5", "--choice", "kind=plain,high", "--sampling", "grid",
        "--maximize", "score", "--max-concurrent-runs", "1", "train.py",
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert [line.split()[1:4] for line in lines[:4]] == [["trial", str(number), "Completed"] for number in range(4)]
    assert lines[3].endswith("score 107.5  x=2.5 kind=high  best so far")
    sweep = turnout.json("sweep", "show")
    assert [json.dumps(trial["parameters"]) for trial in sorted(sweep["trials"], key=lambda each: each["number"])] == [
        '{"x": 1, "kind": "plain"}', '{"x": 1, "kind": "high"}', '{"x": 2.5, "kind": "plain"}', '{"x": 2.5, "kind": "high"}',
    ]  # fmt: skip


def test_one_dispatcher_starts_all_trials_and_goes_with_the_sweep(turnout: Any, home: Path) -> None:
    turnout.script(
        "import json\n"
        "from turnout import Run\n"
        f"queue = {layout.Home(str(home)).queue_here.dispatcher!r}\n"
        "run = Run.get_context()\n"
        "run.log('score', 1)\n"
        "run.log('dispatcher', json.load(open(queue))['pid'])\n"
    )
    turnout(
        "sweep", "start", *CURRENT, "--choice", "x=1,2,3,4", "--maximize", "score", "--max-concurrent-runs", "1", "train.py"
    )  # fmt: skip
    trials = turnout.json("sweep", "show")["trials"]
    found = {turnout.json("metrics", trial["id"])["dispatcher"] for trial in trials}
    assert (len(trials), len(found)) == (4, 1)
    until(lambda: dispatching.dispatcher(layout.Home(str(home)).queue_here) is None)
