from __future__ import annotations

import io
import math
from typing import Any

import pytest

from turnout import ScriptRunConfig, Workspace
from turnout.cli.sweep import follow, view
from turnout.runtime import events, states
from turnout.runtime.layout import RunLayout
from turnout.sweeps import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    uniform,
)
from turnout.testing.records import make_run, write_events, write_state
from turnout.testing.sweeps import make_sweep, make_trial


@pytest.fixture
def sweep(workspace):
    """Make a sweep of `score`; what isn't given is made up."""

    def make(run_id: str = "HD_1", goal: str = "MAXIMIZE", more: Any = None, **changed: Any) -> RunLayout:
        settings: dict[str, Any] = {
            "hyperparameter_sampling": RandomParameterSampling({"lr": uniform(0, 1), "--kind": choice("a", "b")}),
            "primary_metric_name": "score",
            "primary_metric_goal": PrimaryMetricGoal[goal],
            "max_total_runs": 10,
            "run_config": ScriptRunConfig(".", "train.py"),
        }
        return make_sweep(workspace, run_id, HyperDriveConfig(**{**settings, **changed}), **(more or {}))

    return make


def trial(run: RunLayout, number: int, *logged: float, **more: Any) -> RunLayout:
    return make_trial(run, number, {"lr": number / 8, "--kind": "ab"[number % 2]}, logged, **more)


def looked_at(run: RunLayout) -> view.View:
    seen = view.View(view.find(Workspace(workspace_name="default"), run.run_id))
    seen.refresh()
    return seen


def numbers(seen: view.View) -> list[int]:
    return [each.number for each in seen.ordered()]


@pytest.mark.parametrize(("goal", "ended"), [("MAXIMIZE", [5, 1, 4, 6, 0, 7]), ("MINIMIZE", [0, 6, 1, 4, 5, 7])])
def test_those_that_go_on_come_first_then_the_best_then_those_without_a_result(sweep, goal, ended):
    run = sweep(goal=goal)
    trial(run, 0, 0.1)
    trial(run, 1, 0.5, state=states.CANCELED)
    trial(run, 2, 0.9, state=states.QUEUED)
    trial(run, 3, 0.3, state=states.RUNNING)
    trial(run, 4, 0.5)
    trial(run, 5, 0.7)
    trial(run, 6, 0.2)
    trial(run, 7, state=states.FAILED)
    trial(run, 8, state=states.STARTING)
    assert numbers(looked_at(run)) == [3, 8, 2, *ended]


@pytest.mark.parametrize("goal", ["MAXIMIZE", "MINIMIZE"])
def test_a_result_that_is_no_number_is_the_worst(sweep, goal):
    run = sweep(goal=goal)
    scores = [math.nan, 0.5, math.nan, 0.9, 0.1, math.nan, 0.7]
    for number, score in enumerate(scores):
        trial(run, number, score)
    trial(run, 7, state=states.FAILED)
    seen = looked_at(run)
    best_first = [3, 6, 1, 4] if goal == "MAXIMIZE" else [4, 1, 6, 3]
    assert numbers(seen) == [*best_first, 0, 2, 5, 7]
    best = seen.best()
    assert best is not None
    assert best.number == best_first[0]


def test_of_alike_results_the_first_is_the_best(sweep):
    run = sweep()
    for number in range(3):
        trial(run, number, 0.5)
    seen = looked_at(run)
    assert (seen.best(), numbers(seen)) == (seen.trials[0], [0, 1, 2])


def test_without_results_there_is_no_best_and_no_curve(sweep):
    run = sweep()
    assert looked_at(run).counts() == "0 of 10"
    trial(run, 0, math.nan)
    trial(run, 1, state=states.FAILED)
    seen = looked_at(run)
    assert (seen.best(), seen.curve(), seen.bests()) == (None, "", [])
    assert seen.counts() == "2 of 10: 1 Completed, 1 Failed"


def test_a_small_space_is_what_the_count_is_of(sweep):
    sampling = GridParameterSampling({"lr": choice(1, 2, 3)})
    assert looked_at(sweep(hyperparameter_sampling=sampling)).counts() == "0 of 3"
    assert looked_at(sweep("HD_2", hyperparameter_sampling=sampling, max_total_runs=2)).counts() == "0 of 2"


@pytest.mark.parametrize(
    ("goal", "scores", "curve"),
    [
        ("MAXIMIZE", [0.0, 1.0], "▁█ 0 to 1"),
        ("MAXIMIZE", [0.5], ""),
        ("MAXIMIZE", [0.5, 0.2, 0.5], "▁▁▁ 0.5 to 0.5"),
        ("MAXIMIZE", [0.0, 3.0, 2.0, 7.0], "▁▄▄█ 0 to 7"),
        ("MAXIMIZE", [0.0, math.nan, 8.0], "▁█ 0 to 8"),
        ("MINIMIZE", [8.0, 1.0, 5.0, 0.0], "█▂▂▁ 8 to 0"),
        ("MINIMIZE", [math.inf, 8.0, 0.0], "██▁ inf to 0"),
        ("MINIMIZE", [math.inf, 8.0], "█▁ inf to 8"),
        ("MINIMIZE", [math.inf, math.inf], "██ inf to inf"),
        ("MAXIMIZE", [-math.inf, 0.0, 8.0, math.inf], "▁▁██ -inf to inf"),
        ("MAXIMIZE", [-1e308, 1e308], "▁█ -1e+308 to 1e+308"),
    ],
)  # fmt: skip
def test_the_curve_is_the_best_so_far(sweep, goal, scores, curve):
    run = sweep(goal=goal)
    for number, score in enumerate(scores):
        trial(run, number, score)
    assert looked_at(run).curve() == curve


def test_a_long_curve_is_thinned_and_keeps_both_ends(sweep):
    run = sweep(max_total_runs=100)
    for number in range(60):
        trial(run, number, float(number))
    bars, told = looked_at(run).curve(width=20).split(" ", 1)
    assert (len(bars), bars[0], bars[-1], told) == (20, "▁", "█", "0 to 59")
    assert list(bars) == sorted(bars)


def test_what_has_ended_is_told_once_and_what_is_new_is_found(sweep):
    run = sweep(more={"state": states.RUNNING})
    first = trial(run, 0, 0.5, state=states.RUNNING)
    seen = view.View(view.find(Workspace(workspace_name="default"), "HD_1"))
    assert seen.refresh() == []
    write_events(first, [{"e": "metric", "name": "score", "kind": "scalar", "value": 0.8}], "script")
    write_state(first, states.COMPLETED)
    trial(run, 1, 0.2)
    assert [each.number for each in seen.refresh()] == [0, 1]
    assert seen.trials[0].series.values == [0.5, 0.8]
    assert seen.refresh() == []


def test_other_children_of_a_sweep_are_no_trials(sweep, workspace):
    run = sweep()
    write_events(run, [{"e": events.CHILD, "id": "other"}, {"e": events.CHILD, "id": "gone"}])
    make_run(workspace, "other", parent=run.run_id)
    trial(run, 0, 0.5)
    assert len(looked_at(run).trials) == 1


def test_show_prints_the_sweep_and_its_trials(sweep, turnout):
    run = sweep(policy=BanditPolicy(2, 0.2))
    trial(run, 0, 0.25, seconds=3.0)
    trial(run, 1, 0.75, 0.5, seconds=65.0)
    trial(run, 2, 0.1, state=states.CANCELED, reason="bandit: best 0.1 < 0.75 / 1.2 at interval 2")
    write_events(run, [{"e": events.WARNING, "message": "look out"}], "controller")
    lines = turnout("sweep", "show").lines
    heading = dict(line.split(None, 1) for line in lines[: lines.index("")])
    assert heading == {
        "sweep": "HD_1",
        "status": "Completed",
        "sampling": "RANDOM (seed 1)",
        "policy": "Bandit (evaluation_interval 2, delay_evaluation 0, slack_factor 0.2)",
        "trials": "3 of 10: 2 Completed, 1 Canceled",
        "best": "score 0.75  trial 1  lr=0.125 kind=b",
        "so": "far    ▁██ 0.25 to 0.75",
        "warning": "look out",
    }
    table = [line.split() for line in lines[lines.index("") + 1 :]]
    assert table[0][:6] == ["TRIAL", "STATUS", "SCORE", "LR", "KIND", "TOOK"]
    assert [row[:5] for row in table[1:]] == [
        ["1", "Completed", "0.75", "0.125", "b"],
        ["0", "Completed", "0.25", "0", "a"],
        ["2", "Canceled", "0.1", "0.25", "a"],
    ]
    assert "bandit: best 0.1 < 0.75 / 1.2 at interval 2" in lines[-1]


def test_show_json_says_everything(sweep, turnout):
    run = sweep()
    trial(run, 0, math.nan)
    trial(run, 1, 0.75)
    trial(run, 2, math.inf)
    facts = turnout("sweep", "show", "HD_1", "--json").json
    assert facts["best"]["id"] == "HD_1_2"
    assert facts["best"] == facts["trials"][0]
    assert [(each["id"], each["score"]) for each in facts["trials"]] == [
        ("HD_1_2", "Infinity"), ("HD_1_1", 0.75), ("HD_1_0", "NaN"),
    ]  # fmt: skip
    assert facts["trials"][1] == {
        "number": 1,
        "id": "HD_1_1",
        "status": "Completed",
        "reason": "",
        "score": 0.75,
        "parameters": {"lr": 0.125, "--kind": "b"},
        "duration": 2.0,
    }
    assert facts["primary_metric"] == {"name": "score", "goal": "maximize"}
    assert (facts["target"], facts["seed"], facts["max_total_runs"], facts["warnings"]) == ("local", 1, 10, [])


def test_a_terminal_shows_a_table_that_fits(sweep, terminal):
    run = sweep()
    for number in range(4):
        trial(run, number, number / 4, state=states.CANCELED, reason="a long reason " * 10)
    out = terminal("sweep", "show", columns=60).out
    assert "▁▃▆█ 0 to 0.75" in out
    assert all(len(line) <= 60 for line in out.splitlines())


def test_the_live_view_holds_the_heading_and_as_many_trials_as_fit(sweep):
    from rich.console import Console

    run = sweep(max_total_runs=100)
    for number in range(30):
        trial(run, number, float(number), state=states.QUEUED)
    console = Console(width=60, file=io.StringIO())
    console.print(follow.drawn(looked_at(run), 60))
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("sweep     HD_1")
    assert lines[-1].startswith(f"and {30 - view.height()} more")
    assert sum("Queued" in line for line in lines[6:]) == view.height()


def test_best_prints_the_best_trial(sweep, turnout):
    run = sweep(goal="MINIMIZE")
    trial(run, 0, 0.5)
    trial(run, 1, 0.25)
    assert turnout("sweep", "best").out == "HD_1_1  score 0.25  lr=0.125 kind=b\n"
    assert turnout("sweep", "best", "HD_1", "--json").json["id"] == "HD_1_1"


def test_what_is_told_of_a_trial_that_has_ended(sweep):
    run = sweep()
    trial(run, 0, 0.5)
    trial(run, 1, 0.25, state=states.CANCELED, reason="bandit: …")
    trial(run, 2, state=states.FAILED, reason="exit code 1")
    seen = looked_at(run)
    assert [follow.line(seen, each, place) for place, each in enumerate(seen.trials, 1)] == [
        "1: trial 0 Completed  score 0.5  lr=0 kind=a  best so far",
        "2: trial 1 Canceled  score 0.25  lr=0.125 kind=b  (bandit: …)",
        "3: trial 2 Failed  no score  lr=0.25 kind=a  (exit code 1)",
    ]


@pytest.mark.parametrize(("state", "code"), [(states.COMPLETED, 0), (states.FAILED, 1), (states.CANCELED, 1)])
def test_following_an_ended_sweep_says_how_it_ended(sweep, state, code, capsys):
    run = sweep(more={"state": state, "reason": "so it is"})
    trial(run, 0, 0.5)
    assert follow.to_end(looked_at(run).run) == code
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "1: trial 0 Completed  score 0.5  lr=0 kind=a  best so far",
        "best: HD_1_0  score 0.5  lr=0 kind=a",
    ]
    assert err == f"{state}: so it is\n"


def test_a_warning_is_told_once_also_when_nothing_ends_any_more(sweep, capsys):
    run = sweep()
    write_events(run, [{"e": events.WARNING, "message": "look out"}] * 2, "controller")
    assert follow.to_end(looked_at(run).run) == 0
    assert capsys.readouterr().err == "warning: look out\nCompleted\n"


def test_the_newest_sweep_is_meant_where_none_is_named(sweep, turnout):
    sweep("HD_old", more={"created": 1_700_000_000.0})
    trial(sweep("HD_new", more={"created": 1_700_000_009.0}), 0, 0.5)
    assert turnout("sweep", "show", "--json").json["id"] == "HD_new"


def test_bad_input_is_one_line(sweep, workspace, bad_input):
    assert "there is no sweep in this workspace yet; `turnout sweep start` submits one" in bad_input("sweep", "show")
    make_run(workspace, "plain_1")
    assert "plain_1 is no sweep; `turnout show plain_1` shows it" in bad_input("sweep", "best", "plain_1")
    sweep()
    assert "no trial of HD_1 has logged 'score' yet; `turnout sweep show HD_1` shows them" in bad_input("sweep", "best")
    assert bad_input("sweep", "stop", "none")
