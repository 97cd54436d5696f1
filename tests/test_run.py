"""Runs from Python: submit, wait, read back; interactive runs and children."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from turnout import (
    ActivityFailedException,
    ComputeTarget,
    ComputeTargetException,
    Environment,
    Experiment,
    ExperimentExecutionException,
    NotYetException,
    Run,
    RunConfiguration,
    ScriptRunConfig,
    UserErrorException,
    Workspace,
)


@pytest.fixture
def experiment(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return Experiment(Workspace.from_config(), "tests")


def config(text: str, *arguments: object) -> ScriptRunConfig:
    Path("train.py").write_text(text)
    made = ScriptRunConfig(".", script="train.py", arguments=list(arguments))
    made.run_config.environment = Environment("mine")
    made.run_config.environment.python.user_managed_dependencies = True
    made.run_config.environment.python.interpreter_path = sys.executable
    return made


def test_a_run_is_read_back_as_it_was_logged(experiment: Experiment) -> None:
    text = "from turnout import Run\nr = Run.get_context()\nr.log('a', 1)\nfor x in 1, 2: r.log('b', x)\nr.log_row('c', x=1, y='z')"
    run = experiment.submit(config(text), tags={"k": "v"})
    details = run.wait_for_completion()
    assert run.get_metrics() == {"a": 1, "b": [1, 2], "c": {"x": 1, "y": "z"}}
    assert (details["status"], details["runId"], details["target"]) == ("Completed", run.id, "local")
    assert run.get_tags() == {"k": "v"}
    assert run.number == 1
    assert str(run) == f"Run(Experiment: tests,\nId: {run.id},\nType: azureml.scriptrun,\nStatus: Completed)"
    assert Run.get(experiment.workspace, run.id) == run


def test_arguments_are_told_as_strings(experiment: Experiment) -> None:
    run = experiment.submit(config("import sys; print(sys.argv[1:])", "--x", 0.1, 5, Path("a/b")))
    run.wait_for_completion()
    assert Path(run.layout.script_log).read_text() == "['--x', '0.1', '5', 'a/b']\n"
    assert run.get_details()["runDefinition"]["arguments"] == ["--x", "0.1", "5", "a/b"]


def test_one_config_may_be_changed_and_submitted_again(experiment: Experiment) -> None:
    shared = config("import sys; print(sys.argv[1])", "one")
    first = experiment.submit(shared)
    shared.arguments = ["two"]
    second = experiment.submit(shared)
    for run, said in ((first, "one\n"), (second, "two\n")):
        run.wait_for_completion()
        assert Path(run.layout.script_log).read_text() == said
    assert (first.number, second.number) == (1, 2)


def test_a_failure_raises_and_says_why_unless_told_not_to(experiment: Experiment) -> None:
    run = experiment.submit(config("raise ValueError('no')"))
    with pytest.raises(ActivityFailedException, match="ValueError: no"):
        run.wait_for_completion()
    assert run.wait_for_completion(raise_on_error=False)["error"]["error"]["message"].endswith("ValueError: no")


def test_show_output_prints_the_log_in_v1s_frame_wherever_stdout_goes(experiment: Experiment) -> None:
    run = experiment.submit(config("print('häß')"))
    out = io.StringIO()
    with redirect_stdout(out):
        run.wait_for_completion(show_output=True)
    text = out.getvalue()
    assert text.startswith(f"RunId: {run.id}\nWeb View: file://")
    assert "\nStreaming user_logs/std_log.txt\n" in text
    assert "\nhäß\n" in text
    assert "\nExecution Summary\n" in text


def test_cancel_ends_it_and_never_raises(experiment: Experiment) -> None:
    run = experiment.submit(config("import time; time.sleep(600)"))
    run.cancel()
    assert run.wait_for_completion()["status"] == "Canceled"
    run.cancel()


def test_the_code_comes_back_as_it_was(experiment: Experiment, tmp_path: Path) -> None:
    run = experiment.submit(config("print(1)"))
    Path("train.py").write_text("print(2)")
    run.wait_for_completion()
    assert Path(run.restore_snapshot(path=str(tmp_path / "back")), "train.py").read_text() == "print(1)"
    assert run.get_snapshot_id() == run.get_properties()["ContentSnapshotId"]


def test_outputs_are_listed_and_fetched(experiment: Experiment, tmp_path: Path) -> None:
    run = experiment.submit(config("open('outputs/m.txt', 'w').write('model')"))
    run.wait_for_completion()
    assert "outputs/m.txt" in run.get_file_names()
    run.download_file("outputs/m.txt", str(tmp_path / "m.txt"))
    assert (tmp_path / "m.txt").read_text() == "model"
    with pytest.raises(UserErrorException, match=r"outputs/m\.txt"):
        run.download_file("nothing")


def test_the_environment_comes_back(experiment: Experiment) -> None:
    run = experiment.submit(config("pass"))
    assert run.get_environment().python.interpreter_path == sys.executable
    run.wait_for_completion()
    assert run.record.environment()["python"]["executable"] == sys.executable


def test_runs_are_listed_newest_first_and_filtered(experiment: Experiment) -> None:
    runs = [experiment.submit(config("pass"), tags={"n": str(number)}) for number in range(3)]
    for run in runs:
        run.wait_for_completion()
    assert [run.id for run in experiment.get_runs()] == [run.id for run in reversed(runs)]
    assert [run.id for run in experiment.get_runs(tags={"n": "1"})] == [runs[1].id]
    assert list(Experiment(experiment.workspace, "other").get_runs()) == []
    assert list(experiment.workspace.experiments) == ["tests"]


def test_a_tag_that_is_set_later_is_found(experiment: Experiment) -> None:
    run = experiment.submit(config("pass"))
    run.wait_for_completion()
    assert list(experiment.get_runs(tags="late")) == []
    run.set_tags({"late": "yes"})
    assert [found.id for found in experiment.get_runs(tags={"late": "yes"})] == [run.id]
    run.remove_tags(["late"])
    assert list(experiment.get_runs(tags="late")) == []


def test_a_script_is_part_of_the_run_with_its_experiment(experiment: Experiment) -> None:
    text = "from turnout import Run\nr = Run.get_context()\nprint(r.experiment.name, r.experiment.workspace.name, r.id)"
    run = experiment.submit(config(text))
    run.wait_for_completion()
    assert Path(run.layout.script_log).read_text() == f"tests default {run.id}\n"


def test_children_of_a_script_are_runs_of_their_own_and_closed_with_it(experiment: Experiment) -> None:
    text = (
        "from turnout import Run\nr = Run.get_context()\n"
        "with r.child_run('good') as c: c.log('x', 1)\n"
        "r.child_run('left open')"
    )
    run = experiment.submit(config(text))
    run.wait_for_completion()
    children = {child.name.split(">")[-1]: child for child in run.get_children()}
    assert {name: child.get_status() for name, child in children.items()} == {
        "good": "Completed",
        "left open": "Failed",
    }
    assert children["good"].get_metrics() == {"x": 1}
    assert children["good"].parent == run
    assert [listed.id for listed in experiment.get_runs()] == [run.id]
    assert len(list(experiment.get_runs(include_children=True))) == 3


def test_an_interactive_run_keeps_code_metrics_and_outputs(experiment: Experiment) -> None:
    Path("notes.py").write_text("x = 1")
    with experiment.start_logging() as run:
        run.log("a", 2)
        os.makedirs("outputs", exist_ok=True)
        Path("outputs/o.txt").write_text("o")
    assert run.get_status() == "Completed"
    assert run.get_metrics() == {"a": 2}
    assert "outputs/o.txt" in run.get_file_names()
    assert run.get_snapshot_id()
    bare = experiment.start_logging(snapshot_directory=None)
    assert bare.get_snapshot_id() is None
    bare.complete()


def test_an_interactive_run_that_raises_has_failed(experiment: Experiment) -> None:
    with pytest.raises(ZeroDivisionError), experiment.start_logging(snapshot_directory=None) as run:
        run.log("before", 1 / 0)
    assert run.get_status() == "Failed"
    assert "ZeroDivisionError" in run.get_details()["error"]["error"]["message"]


def test_what_is_not_carried_out_yet_is_refused_and_leaves_nothing(experiment: Experiment) -> None:
    wide = config("pass")
    wide.run_config.node_count = 2
    with pytest.raises(NotYetException, match=r"node_count|several"):
        experiment.submit(wide)
    with pytest.raises(ExperimentExecutionException, match="can't be submitted"):
        experiment.submit(RunConfiguration())
    assert list(experiment.get_runs()) == []


def test_an_unknown_target_has_v1s_text(experiment: Experiment) -> None:
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound: Compute Target with name nope not found"):
        ComputeTarget(experiment.workspace, "nope")
    lost = config("pass")
    lost.run_config.target = "nope"
    with pytest.raises(ExperimentExecutionException, match=r"Unknown compute target nope.*local"):
        experiment.submit(lost)


def test_a_run_id_of_ones_own_must_be_new(experiment: Experiment) -> None:
    run = experiment.submit(config("pass"), run_id="mine")
    assert run.id == "mine"
    with pytest.raises(UserErrorException, match="mine"):
        experiment.submit(config("pass"), run_id="mine")
    run.wait_for_completion()


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 256, "ä"])
def test_an_experiment_name_that_v1_refuses_is_refused(experiment: Experiment, name: str) -> None:
    with pytest.raises(UserErrorException, match="experiment name"):
        Experiment(experiment.workspace, name)


def test_the_longest_experiment_name_works(experiment: Experiment) -> None:
    run = Experiment(experiment.workspace, "x" * 255).submit(config("pass"))
    assert run.wait_for_completion()["status"] == "Completed"


def test_a_run_is_made_of_its_experiment_and_id_as_in_v1(experiment: Experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    again = Run(experiment, run.id)
    assert again == run
    assert again.experiment is experiment
    assert Run(experiment=experiment, run_id=run.id, _run_dto=None) == run
    with pytest.raises(UserErrorException, match=r"no run 'x' in the workspace 'default'"):
        Run(experiment, "x")
    run.complete()


def test_a_run_that_is_made_so_keeps_the_directory_that_it_is_given(experiment: Experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    Path("kept").mkdir()
    Path("kept/model").write_text("m")
    Run(experiment, run.id, "kept").complete()
    assert run.get_file_names() == ["kept/model"]
