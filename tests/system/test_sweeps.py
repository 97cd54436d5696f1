"""`turnout sweep` as a person uses it: trials, the best one, early ends, warm starts, and what bad input gets."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout import Experiment, Run, ScriptRunConfig, Workspace
from turnout.environments.specification import from_spec
from turnout.runtime import dispatching, layout, processes, records
from turnout.sweeps import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    uniform,
)
from turnout.testing import living
from turnout.testing.remotehost import RemoteHost

pytestmark = pytest.mark.system
CURRENT = ("--environment", sys.executable)
EXAMPLE = Path(__file__).parents[2] / "examples" / "iris-sweep"
TRAIN = """
import argparse
from turnout import Run
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--kind", default="plain")
parser.add_argument("--resume-from", default="")
arguments = parser.parse_args()
run = Run.get_context()
for step in (1, 2, 3):
    run.log("score", arguments.x * step + (100 if arguments.kind == "high" else 0))
"""
WAITS = (
    TRAIN
    + """
import os, time
while not os.path.exists(os.environ["GO"]):
    time.sleep(0.02)
"""
)


def config(turnout: Any, sampling: Any, script: str = "train.py", **more: Any) -> HyperDriveConfig:
    """Return a sweep of a script of the test's directory with the tests' own interpreter."""
    run_config = ScriptRunConfig(
        turnout.directory, script, environment=from_spec(sys.executable, Workspace.from_config())
    )
    return HyperDriveConfig(
        sampling, "score", PrimaryMetricGoal.MAXIMIZE, **{"max_total_runs": 4, "run_config": run_config, **more}
    )


def submit(turnout: Any, made: HyperDriveConfig) -> HyperDriveRun:
    run = Experiment(Workspace.from_config(), "sweeps").submit(made)
    assert isinstance(run, HyperDriveRun)
    return run


def check_iris(turnout: Any) -> None:
    """Look at what the example's sweep came to."""
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
    assert turnout.json("sweep", "best")["id"] == facts["best"]["id"]


def test_the_iris_example_names_the_right_best_run(turnout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # else each trial compiles scikit-learn anew
    done = turnout("sweep", "start", EXAMPLE / "sweep.yaml")
    check_iris(turnout)
    best = turnout.json("sweep", "best")
    assert done.stdout.splitlines()[-1].startswith(f"best: {best['id']}")
    assert "outputs/model.pkl" in turnout("files", best["id"]).stdout


def test_the_same_sweep_on_a_machine_over_ssh(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "far", "--ssh", remote_host.name)
    turnout("target", "update", "far", "--slots", "2")
    python = remote_host.run("python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'").strip()
    turnout("sweep", "start", "--target", "far", "--python", python, EXAMPLE / "sweep.yaml")
    check_iris(turnout)
    trial = turnout.json("show", turnout.json("sweep", "best")["id"])
    assert trial["target"]["name"] == "far"
    assert trial["placement"]["host"] == remote_host.run("uname -n").strip()


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
    assert turnout("sweep", "show").stdout.splitlines()[7].split() == ["TRIAL", "STATUS", "SCORE", "X", "KIND", "TOOK"]
    shown = turnout("show", sweep["id"]).stdout
    assert f"turnout sweep show {sweep['id']}" in shown
    assert "generator_config" not in shown


def test_v1s_file_is_read_as_it_stands(turnout: Any) -> None:
    turnout.script(TRAIN)
    turnout.script(
        """
sampling:
    type: random # Supported options: Random, Grid, Bayesian
    parameter_space:
    - name: --x
      expression: choice
      values: [0.5, 1, 1.5]
    - name: --kind
      expression: choice
      values: [plain, high]
policy:
    type: BanditPolicy
    evaluation_interval: 1
    slack_factor: 1000
primary_metric_name: score
primary_metric_goal: Maximize
max_total_runs: 8
max_concurrent_runs: 2
max_duration_minutes: 100
""",
        "hdconfig.yml",
    )
    turnout("sweep", "start", *CURRENT, "hdconfig.yml", "train.py", "--resume-from", "given")
    facts = turnout.json("sweep", "show")
    assert len(facts["trials"]) == 6  # no combination comes twice
    assert facts["best"]["parameters"] == {"--x": 1.5, "--kind": "high"}
    details = turnout.json("show", facts["best"]["id"])
    assert details["arguments"][:2] == ["--resume-from", "given"]
    assert sorted(details["arguments"][2::2]) == ["--kind", "--x"]


def test_a_bayesian_sweep_with_a_policy(turnout: Any) -> None:
    turnout.script(TRAIN)
    sampling = BayesianParameterSampling({"x": uniform(-1, 1), "kind": choice("plain", "high")}, {"seed": 1})
    run = submit(
        turnout,
        config(turnout, sampling, max_concurrent_runs=2, max_total_runs=14, policy=BanditPolicy(slack_amount=1e6)),
    )
    assert run.wait_for_completion()["status"] == "Completed"
    kinds = [json.loads(text)["kind"] for text in run.get_hyperparameters().values()]
    assert len(kinds) == 14
    assert kinds[10:].count("high") >= 3  # it has learned by then


def test_v1s_members_of_a_sweeps_run(turnout: Any, capsys: pytest.CaptureFixture[str]) -> None:
    turnout.script(TRAIN)
    grid = GridParameterSampling({"x": choice(3, 1, 2)})
    run = submit(turnout, config(turnout, grid, max_concurrent_runs=1))
    details = run.wait_for_completion(show_output=True)
    out = capsys.readouterr().out
    assert f"RunId: {run.id}" in out
    assert f"Scheduling job, id='{run.id}_0'" in out
    assert details["status"] == run.get_status() == "Completed"
    assert run.type == "hyperdrive"
    assert run.id.startswith("HD_")

    children = list(run.get_children())
    assert [child.id for child in children] == [f"{run.id}_{number}" for number in range(3)]
    assert all(type(child) is Run and child.parent == run for child in children)
    assert run.get_hyperparameters()[children[0].id] == '{"x": 3}'
    assert run.get_metrics()[children[1].id] == {"score": [1.0, 2.0, 3.0]}
    best = run.get_best_run_by_primary_metric()
    assert best == children[0]
    assert best.get_metrics()["score"] == [3.0, 6.0, 9.0]
    ranked = run.get_children_sorted_by_primary_metric()
    assert [(each["run_id"][-1], each["best_primary_metric"]) for each in ranked] == [
        ("0", 9.0),
        ("2", 6.0),
        ("1", 3.0),
    ]
    assert ranked[0] == {
        "run_id": children[0].id, "hyperparameters": '{"x": 3}', "best_primary_metric": 9.0, "status": "Completed",
    }  # fmt: skip
    assert [each["run_id"][-1] for each in run.get_children_sorted_by_primary_metric(top=2, reverse=True)] == ["1", "2"]

    properties = run.get_properties()
    assert properties["best_child_run_id"] == children[0].id
    assert (properties["score"], properties["space_size"], properties["runTemplate"]) == ("9.0", "3", "HyperDrive")
    tags = run.get_tags()
    assert json.loads(tags["generator_config"])["name"] == "GRID"
    assert json.loads(tags[children[2].id]) == {"x": 2}
    assert (tags["max_total_jobs"], tags["max_concurrent_jobs"]) == ("4", "1")
    again = Run.get(Workspace.from_config(), run.id)
    assert isinstance(again, HyperDriveRun)
    assert again.get_best_run_by_primary_metric() == best
    table = Run.get_metrics(again)["best_child_by_primary_metric"]
    assert (table["run_id"][-1], table["metric_value"][-1], table["final"][-1]) == (children[0].id, 9.0, True)


def test_a_policy_ends_a_trial_and_says_why(turnout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    turnout.script(WAITS.replace('os.environ["GO"]', 'os.environ["GO"] if arguments.x < 5 else os.devnull'))
    grid = GridParameterSampling({"x": choice(10, 1)})
    run = submit(turnout, config(turnout, grid, max_concurrent_runs=1, policy=BanditPolicy(slack_factor=0.2)))
    assert run.wait_for_completion()["status"] == "Completed"  # the second trial waits for ever, unless it is ended
    good, bad = run.get_children()
    assert good.get_status() == "Completed"
    assert bad.get_detailed_status() == {"status": "Canceled", "details": "bandit: best 1 < 10 / 1.2 at interval 1"}
    assert run.get_best_run_by_primary_metric() == good


def test_trials_that_fail_are_counted_and_the_sweep_goes_on(turnout: Any) -> None:
    turnout.script(TRAIN + "\nassert arguments.x != 2, 'two is bad'\n")
    done = turnout("sweep", "start", *CURRENT, "--choice", "x=1,2,3", "--maximize", "score", "train.py")
    facts = turnout.json("sweep", "show")
    by_value = {trial["parameters"]["x"]: trial for trial in facts["trials"]}
    assert [by_value[value]["status"] for value in (1, 2, 3)] == ["Completed", "Failed", "Completed"]
    assert "AssertionError: two is bad" in by_value[2]["reason"]
    assert facts["status"] == "Completed"
    assert "two is bad" in done.stdout


def test_a_sweep_whose_trials_all_fail_is_stopped_with_the_first_error(turnout: Any) -> None:
    turnout.script("import argparse\nparser = argparse.ArgumentParser()\nparser.parse_args()\n")
    done = turnout(
        "sweep", "start", *CURRENT, "--choice", "x=1,2,3,4,5,6,7,8", "--maximize", "score", "train.py", code=1
    )
    facts = turnout.json("sweep", "show")
    assert facts["status"] == "Failed"
    assert "the first 3 trials all failed" in facts["reason"]
    assert f"{facts['id']}_0: " in facts["reason"]
    assert "error: unrecognized arguments: --x" in facts["reason"]
    assert facts["reason"] in done.stderr
    ended = [trial["status"] for trial in facts["trials"]]
    assert set(ended) == {"Failed", "Canceled"}
    assert Run.get(Workspace.from_config(), facts["id"]).get_details()["error"]["error"]["message"] == facts["reason"]


def test_a_primary_metric_that_nobody_logs_is_said(turnout: Any) -> None:
    turnout.script(TRAIN)
    done = turnout("sweep", "start", *CURRENT, "--choice", "x=1,2", "--maximize", "Score", "train.py")
    assert done.stderr.count("without a number under the primary metric 'Score': it logged score") == 1
    turnout("sweep", "best", code=2)
    [warning] = turnout.json("sweep", "show")["warnings"]
    run = Run.get(Workspace.from_config(), turnout.json("sweep", "show")["id"])
    assert run.get_details()["warnings"] == [{"source": run.id, "message": warning}]
    assert isinstance(run, HyperDriveRun)
    assert run.get_best_run_by_primary_metric() is None


def test_stopping_a_sweep_ends_its_trials(
    turnout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setenv("GO", str(tmp_path / "never"))
    turnout.script(WAITS)
    words = ("--choice", "x=1,2,3,4,5", "--max-concurrent-runs", "3", "--maximize", "score", "--detach", "--json")
    sweep = json.loads(turnout("sweep", "start", *CURRENT, *words, "train.py").stdout)["id"]

    def begun() -> bool:
        """Three trials are there, and one of them has logged something."""
        scores = [trial["score"] for trial in turnout.json("sweep", "show", sweep)["trials"]]
        return len(scores) == 3 and scores.count(None) < 3

    until(begun)
    turnout("sweep", "stop", sweep)
    until(lambda: turnout.json("sweep", "show", sweep)["status"] == "Canceled")
    facts = turnout.json("sweep", "show", sweep)
    assert [trial["status"] for trial in facts["trials"]] == ["Canceled"] * 3
    assert "canceled: its sweep was canceled by" in facts["trials"][0]["reason"]
    assert turnout.json("queue")["started"] == turnout.json("queue")["waiting"] == []
    turnout("wait", sweep, code=1)


def test_a_sweep_ends_when_its_time_is_over(turnout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO", str(tmp_path / "never"))
    turnout.script(WAITS)
    turnout(
        "sweep", "start", *CURRENT, "--choice", "x=1,2", "--maximize", "score", "--max-duration", "0.02", "train.py"
    )
    facts = turnout.json("sweep", "show")
    assert facts["status"] == "Completed"
    assert facts["trials"][0]["reason"] == "the sweep's limit of 0.02 minutes is over"
    assert facts["best"]["score"] in (3.0, 6.0)


def test_a_sweep_begins_with_what_earlier_ones_left(turnout: Any) -> None:
    turnout.script(TRAIN + "\nimport os\nopen('outputs/score.txt', 'a').write(arguments.resume_from + '\\n')\n")
    grid = GridParameterSampling({"x": choice(4, 5)})
    first = submit(turnout, config(turnout, grid))
    first.wait_for_completion()
    better = first.get_best_run_by_primary_metric()
    assert better is not None
    made = config(turnout, GridParameterSampling({"x": choice(1)}), resume_from=first, resume_child_runs=[better])
    second = submit(turnout, made)
    second.wait_for_completion()
    again, new = second.get_children()
    assert [json.loads(text) for text in second.get_hyperparameters().values()] == [{"x": 5}, {"x": 1}]
    came_from = again.record.definition["arguments"][-1]
    assert again.record.definition["arguments"] == ["--x", "5", "--resume-from", came_from]
    assert Path(came_from, "score.txt").read_text() == "\n"  # of the trial that it goes on from
    assert new.record.definition["arguments"] == ["--x", "1"]
    assert second.get_best_run_by_primary_metric() in (better, again)
    assert second.get_best_run_by_primary_metric(include_resume_from_runs=False) == again
    assert second.get_properties()["resume_from"] == json.dumps([first.id])


def test_secrets_reach_the_trials_and_stay_nowhere(turnout: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-of-the-sweep")
    turnout.script(TRAIN + "\nimport os\nassert os.environ['TOKEN'] == 's3cr3t' + '-of-the-sweep'\n")
    words = ("--choice", "x=1,2", "--maximize", "score", "--secret", "TOKEN", "train.py")
    turnout("sweep", "start", *CURRENT, *words)
    assert {trial["status"] for trial in turnout.json("sweep", "show")["trials"]} == {"Completed"}
    holding = [path for path in home.rglob("*") if path.is_file() and b"s3cr3t-of-the-sweep" in path.read_bytes()]
    assert holding == []
    refused = turnout("sweep", "start", *CURRENT, *words[:1], "x=1,s3cr3t-of-the-sweep", *words[2:], code=2)
    assert "TOKEN" in refused.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--maximize", "score", "train.py"), "the search space is empty"),
        (("--uniform", "x=0,1", "--sampling", "grid", "--maximize", "score", "--max-total-runs", "3", "train.py"), "x is uniform"),
        (("--uniform", "x=0,1", "--maximize", "score", "train.py"), "--max-total-runs"),
        (("--choice", "x=1,2", "--max-concurrent-runs", "3", "--maximize", "score", "train.py"), "max_concurrent_runs 3"),
        (("--choice", "x=1,2", "train.py"), "--maximize METRIC or --minimize METRIC"),
        (("--choice", "x=1,2", "--maximize", "score", "--policy", "bandit", "train.py"), "slack_factor or slack_amount"),
        (("--choice", "x=1,2", "--maximize", "score", "--slack-factor", "1", "train.py"), "--policy"),
        (("--choice", "x=1,2", "--maximize", "score", "--policy", "bandage", "train.py"), "bandage"),
        (("--uniform", "x=3,1", "--maximize", "score", "train.py"), "parameter x"),
        (("--choice", "x=1", "--choice", "--x=2", "--maximize", "score", "train.py"), "the parameter --x is given twice"),
        (("--choice", "x=1,2", "--maximize", "score", "missing.py"), "missing.py"),
        (("nothing.yaml", "train.py"), "nothing.yaml"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_leaves_nothing(turnout: Any, home: Path, words: tuple[str, ...], named: str) -> None:
    turnout.script(TRAIN)
    done = turnout("sweep", "start", *CURRENT, *words, code=2)
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
    runs = home / "workspaces" / "default" / "runs"
    assert not runs.exists() or os.listdir(runs) == []


def test_a_goal_that_is_misspelt_is_refused(turnout: Any) -> None:
    turnout.script(TRAIN)
    turnout.script(
        "sampling: {type: grid, parameter_space: {x: [1]}}\nprimary_metric_name: score\nprimary_metric_goal: maximise\n",
        "sweep.yaml",
    )
    assert "'maximise'" in turnout("sweep", "start", *CURRENT, "sweep.yaml", "train.py", code=2).stderr


def test_when_everything_of_a_sweep_is_killed_the_next_look_goes_on(
    turnout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any, home: Path
) -> None:
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    turnout.script(WAITS)
    run = submit(
        turnout, config(turnout, RandomParameterSampling({"x": choice(1, 2, 3)}, {"seed": 2}), max_concurrent_runs=1)
    )
    until(lambda: any(child.get_metrics() for child in run.get_children()))
    dispatcher = next(home.glob("queue/*/dispatcher"))
    with_names = [dispatcher, run.layout.process, run.layout.lock]
    for path in with_names:
        holder = records.read_json(path) if os.path.getsize(path) else None
        if holder is not None and processes.state(holder) == processes.ALIVE:
            os.kill(holder["pid"], 9)
    (tmp_path / "go").touch()
    assert run.wait_for_completion()["status"] == "Completed"
    assert len(list(run.get_children())) == 3


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
    living.until(lambda: dispatching.dispatcher(layout.Home(str(home)).queue_here) is None)
