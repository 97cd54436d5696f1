from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout, processes, records, runlock, states
from turnout.runtime.script import ownership
from turnout.runtime.script.exceptions import RunEnvironmentException, UserErrorException
from turnout.runtime.script.offline import OfflineRun
from turnout.runtime.script.run import Run


class FullRun(Run):
    """As the full package's."""


class SweepRun(FullRun):
    """A kind of run whose children are plain ones."""

    relative_class = FullRun


def journal(run: Run) -> list[tuple[str, str]]:
    return [(line["state"], line["reason"]) for line in run.record.journal()]


def errors(run: Run) -> list[tuple[str, str]]:
    return [(event["code"], event["message"]) for event in run.record.events() if event["e"] == "error"]


def marked(run: Run) -> bool:
    return os.path.exists(os.path.join(run.layout.workspace.changes, run.id))


# The context.


def test_the_context_is_one_object(submitted: Run) -> None:
    assert Run.get_context() is submitted
    assert Run.get_context(allow_offline=False, used_for_context_manager=True, _batch_upload_metrics=False) is submitted


def test_the_context_is_of_the_class_that_is_asked(submitted: Run) -> None:
    assert type(FullRun.get_context()) is FullRun
    assert FullRun.get_context() is not submitted
    assert FullRun.get_context() == submitted


def test_without_a_run_there_is_an_offline_run() -> None:
    run = Run.get_context()
    assert isinstance(run, OfflineRun)
    assert Run.get_context() is not run
    assert not os.path.exists("offline-runs")


def test_without_a_run_and_without_offline_runs_there_is_an_error() -> None:
    with pytest.raises(RunEnvironmentException, match="Could not load a submitted run"):
        Run.get_context(allow_offline=False)


@pytest.mark.parametrize("allow_offline", [True, False])
def test_a_run_directory_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allow_offline: bool
) -> None:
    monkeypatch.setenv(layout.RUN_DIRECTORY_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(RunEnvironmentException, match=r"TURNOUT_RUN_DIRECTORY names .*gone"):
        Run.get_context(allow_offline=allow_offline)


# The end.


def test_a_submitted_run_is_not_ended_by_its_script(submitted: Run) -> None:
    before = journal(submitted)
    submitted.log("m", 1)
    submitted.complete()
    submitted.fail("went wrong", error_code="Mine")
    with pytest.warns(UserWarning, match="does nothing to the run that the script was submitted as"):
        submitted.cancel()
    submitted.start()
    assert journal(submitted) == before
    assert errors(submitted) == [("Mine", "went wrong")]
    assert submitted.get_status() == submitted.status == "Running"
    assert not os.path.exists(submitted.layout.result)
    assert not os.path.exists(submitted.layout.cancel)


def fail_within(run: Run, error: BaseException) -> None:
    with run:
        raise error


def test_with_leaves_the_end_of_a_submitted_run_to_its_script(submitted: Run) -> None:
    with submitted as entered:
        assert entered is submitted
    with pytest.raises(ValueError, match="bad"):
        fail_within(submitted, ValueError("bad"))
    assert submitted.status == "Running"
    assert errors(submitted) == []


def test_a_supervised_run_is_not_ended_from_outside_but_cancelled(submit: Callable[..., layout.RunLayout]) -> None:
    run = Run(submit().root)
    for end in (run.complete, run.fail):
        with pytest.raises(UserErrorException, match="ended by its supervisor"):
            end()
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: received.append(number))
    try:
        assert runlock.acquire(run.layout.lock)  # this process stands in for the supervisor
        run.cancel()
        run.cancel()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert run.status == "CancelRequested"
    assert records.read_json(run.layout.cancel)["by"] == ownership.account()
    assert received


def test_complete_ends_an_interactive_run(interactive: Run) -> None:
    assert journal(interactive) == [("Running", "")]
    assert runlock.holder(interactive.layout.lock) == processes.identity()
    os.unlink(os.path.join(interactive.layout.workspace.changes, interactive.id))
    interactive.log("m", 1)
    interactive.complete()
    assert journal(interactive) == [("Running", ""), ("Completed", "")]
    result = records.read_json(interactive.layout.result)
    assert (result["state"], result["reason"], result["error"]) == ("Completed", "", None)
    assert 0 <= result["ended"] - result["started"] == pytest.approx(result["duration"], abs=1e-5)
    assert marked(interactive)
    assert interactive.status == "Completed"


@pytest.mark.parametrize(
    ("details", "code", "message"),
    [
        ("text", "UserError", "text"),
        (ValueError("bad value"), "UserError", "User program failed with ValueError: bad value"),
        (None, "UserError", "the run was ended by run.fail()"),
    ],
)
def test_fail_keeps_the_error(interactive: Run, details: Any, code: str, message: str) -> None:
    interactive.fail(details)
    assert errors(interactive) == [(code, message)]
    assert records.read_json(interactive.layout.result)["error"] == {"code": code, "message": message}
    assert journal(interactive)[-1] == ("Failed", message)
    assert interactive.get_details()["error"] == {"error": {"code": code, "message": message, "details": []}}


def test_fail_takes_texts_and_exceptions_only(interactive: Run) -> None:
    with pytest.raises(TypeError, match="a string or an exception, not a dict"):
        interactive.fail({"a": 1})
    assert interactive.status == "Running"


def test_cancel_ends_an_interactive_run(interactive: Run) -> None:
    interactive.cancel()
    assert journal(interactive)[-1] == ("Canceled", "canceled by " + ownership.account())


def test_a_run_ends_once(interactive: Run) -> None:
    interactive.complete()
    interactive.complete()
    with pytest.warns(UserWarning, match="has ended as Completed already"):
        interactive.cancel()
    assert len(journal(interactive)) == 2
    interactive.tag("later", "still works")
    assert interactive.tags == {"later": "still works"}


def test_status_can_be_left_alone(interactive: Run) -> None:
    interactive.complete(_set_status=False)
    interactive.fail("x", _set_status=False)
    assert interactive.status == "Running"


def test_with_completes(interactive: Run) -> None:
    with interactive as run:
        run.log("m", 1)
    assert interactive.status == "Completed"


def test_with_leaves_an_end_that_was_chosen_inside(interactive: Run) -> None:
    with interactive:
        interactive.fail("chosen")
    assert interactive.status == "Failed"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ValueError("x"), "Failed"),
        (KeyboardInterrupt(), "Failed"),
        (SystemExit(), "Completed"),
        (SystemExit(0), "Completed"),
        (SystemExit(3), "Failed"),
        (SystemExit("message"), "Failed"),
    ],
)
def test_with_ends_as_the_block_ended_and_hides_nothing(interactive: Run, error: BaseException, state: str) -> None:
    with pytest.raises(type(error)):
        fail_within(interactive, error)
    assert interactive.status == state


def test_outputs_of_an_interactive_run_are_kept_at_its_end(interactive: Run) -> None:
    os.makedirs("outputs/sub")
    Path("outputs/sub/m.txt").write_text("1")
    interactive.upload_file("outputs/sub/m.txt", "outputs/sub/m.txt")
    Path("outputs/sub/m.txt").write_text("changed since")
    interactive.complete()
    assert interactive.get_file_names() == ["outputs/sub/m.txt"]
    interactive.download_file("outputs/sub/m.txt", "copy")
    assert Path("copy").read_text() == "changed since"


def test_a_child_keeps_only_the_outputs_that_were_named(interactive: Run) -> None:
    os.makedirs("outputs")
    os.makedirs("mine")
    Path("outputs/a").write_text("1")
    Path("mine/b").write_text("2")
    with interactive.child_run() as plain:
        pass
    with interactive.child_run(outputs="./mine") as named:
        pass
    assert plain.get_file_names() == []
    assert named.get_file_names() == ["mine/b"]


def test_start_begins_a_run_that_has_not_begun(interactive: Run) -> None:
    interactive.start()
    assert journal(interactive) == [("Running", "")]
    os.unlink(interactive.layout.journal)
    interactive.start()
    assert journal(interactive) == [("Running", "")]


def test_flush_accepts_a_timeout(interactive: Run) -> None:
    interactive.flush()
    interactive.log("m", 1)
    interactive.flush(timeout_seconds=1)


# Children.


def test_a_child_belongs_to_its_parent(interactive: Run) -> None:
    child = interactive.child_run("kid")
    assert len(child.id) == 36
    assert child.name == "top>kid"
    assert child.parent == interactive
    assert child.status == "Running"
    assert (child.type, child.number) == (None, None)
    definition = child.record.definition
    assert definition["root"] == definition["parent"] == interactive.id
    assert definition["target"] == {"name": "local", "type": "local"}
    assert definition["workspace"]["id"] == "w1"
    assert child.experiment.name == "diabetes"
    assert list(interactive.get_children()) == [child]
    assert marked(child)
    grandchild = child.child_run("grandkid")
    assert grandchild.name == "top>kid>grandkid"
    assert grandchild.record.definition["root"] == interactive.id
    assert interactive.parent is None


def test_a_child_of_a_submitted_run_is_ended_by_the_script(submitted: Run) -> None:
    with submitted.child_run(name="one") as child:
        child.log("m", 1)
    assert child.status == "Completed"
    assert child.parent is submitted
    assert submitted.status == "Running"


def test_a_child_may_have_an_id_of_ones_own_once(interactive: Run) -> None:
    child = interactive.child_run(run_id="my-child_1.0")
    assert child.id == "my-child_1.0"
    assert child.name == "top>my-child_1.0"
    with pytest.raises(UserErrorException, match=r"there is a run my-child_1\.0 already"):
        interactive.child_run(run_id="my-child_1.0")
    assert len(list(interactive.get_children())) == 1


@pytest.mark.parametrize("run_id", ["../x", "a/b", ".hidden", "a b", "x" * 201, "é"])
def test_ids_that_can_be_no_directory_are_refused(interactive: Run, run_id: str) -> None:
    with pytest.raises(UserErrorException, match="can't be a run's id"):
        interactive.child_run(run_id=run_id)
    assert list(interactive.get_children()) == []


def test_children_by_count_are_numbered(interactive: Run) -> None:
    children = interactive.create_children(3)
    assert [child.tags for child in children] == [{"azureml.batch_child_number": str(number)} for number in range(3)]
    assert [child.status for child in children] == ["Running"] * 3
    assert list(interactive.get_children()) == children


def test_children_by_values_are_tagged(interactive: Run) -> None:
    children = interactive.create_children(tag_key="fold", tag_values=["a", 2])
    assert [child.tags for child in children] == [{"fold": "a"}, {"fold": "2"}]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"count": 0},
        {"count": -1},
        {"count": 101},
        {"count": 10**9},
        {"count": 2, "tag_key": "a", "tag_values": ["x"]},
        {"tag_key": "a"},
        {"tag_values": ["x"]},
        {"tag_key": "a", "tag_values": []},
        {"tag_key": "a", "tag_values": ["x"] * 101},
    ],
)
def test_other_ways_to_create_children_are_refused(interactive: Run, arguments: Any) -> None:
    with pytest.raises(UserErrorException, match="create_children"):
        interactive.create_children(**arguments)
    assert list(interactive.get_children()) == []


def test_children_are_found_by_what_they_are(interactive: Run) -> None:
    one, two = interactive.create_children(2)
    one.tag("a", "1")
    one.add_properties({"p": "1"})
    below = one.child_run()
    below.tag("a", "2")
    two.complete()
    assert list(interactive.get_children()) == [one, two]
    assert list(interactive.get_children(recursive=True)) == [one, below, two]
    assert list(interactive.get_children(tags="a")) == [one]
    assert list(interactive.get_children(recursive=True, tags="a")) == [one, below]
    assert list(interactive.get_children(recursive=True, tags={"a": "2"})) == [below]
    assert list(interactive.get_children(properties={"p": "1"})) == [one]
    assert list(interactive.get_children(status="Completed")) == [two]
    assert list(interactive.get_children(type="azureml.scriptrun")) == []


def test_a_child_that_was_announced_and_never_began_is_passed_over(interactive: Run) -> None:
    interactive._report_child("never")
    assert list(interactive.get_children()) == []
    assert interactive.get_metrics(recursive=True) == {interactive.id: {}}


def test_relatives_are_of_the_same_class_or_the_one_that_is_named(interactive: Run) -> None:
    run = FullRun(interactive.layout.root)
    child = run.child_run()
    assert type(child) is FullRun
    assert type(child.parent) is FullRun
    assert [type(found) for found in run.get_children()] == [FullRun]
    assert type(SweepRun(interactive.layout.root).child_run()) is FullRun


def work_on(child: Run) -> None:
    child.log("pid", os.getpid())
    child.complete()


def test_forked_workers_may_carry_out_and_end_children(interactive: Run) -> None:
    children = interactive.create_children(count=2)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work_on, args=(child,)) for child in children]
    for worker in workers:
        worker.start()
    for worker, child in zip(workers, children, strict=True):
        worker.join()
        assert worker.exitcode == 0
        assert child.status == "Completed"
        assert child.get_metrics() == {"pid": worker.pid}
        assert journal(child) == [("Running", ""), ("Completed", "")]


def test_a_spawned_worker_may_end_a_child(interactive: Run) -> None:
    child = interactive.child_run()
    worker = multiprocessing.get_context("spawn").Process(target=Run.complete, args=(child,))
    worker.start()
    worker.join()
    assert child.status == "Completed"


def test_only_the_process_that_began_a_run_keeps_its_own_outputs_directory(interactive: Run) -> None:
    os.mkdir("outputs")
    Path("outputs/a").write_text("of this process")
    pid = os.fork()
    if not pid:
        try:
            interactive.complete()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert interactive.status == "Completed"
    assert interactive.get_file_names() == []


def test_a_process_that_dies_leaves_its_runs_to_be_closed_by_others(interactive: Run) -> None:
    pid = os.fork()
    if not pid:
        try:
            interactive.child_run(run_id="orphan")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    orphan = Run(interactive.layout.workspace.run("orphan").root)
    assert orphan.status == "Running"
    assert orphan.record.supervisor_state() == processes.GONE


def test_runs_can_be_pickled_and_compared(interactive: Run) -> None:
    interactive.log("m", 1)
    again = pickle.loads(pickle.dumps(interactive))
    assert again == interactive
    assert len({again, interactive}) == 1
    assert interactive != "interactive"
    again.log("m", 2)
    assert interactive.get_metrics() == {"m": [1, 2]}


# Details.


def test_details_have_v1s_keys(submit: Callable[..., layout.RunLayout]) -> None:
    configuration = {"script": "train.py", "framework": "Python"}
    run = Run(
        submit(
            configuration=configuration,
            arguments=["--alpha", "0.4"],
            target={"name": "local", "type": "local"},
            properties={"p": "1"},
            snapshot={"id": "snap", "files": 1, "bytes": 2},
        ).root
    )
    os.makedirs(run.layout.user_logs)
    Path(run.layout.script_log).write_text("log")
    assert run.get_details() == {
        "runId": run.id,
        "target": "local",
        "status": "Running",
        "startTimeUtc": "1970-01-01T00:00:02.500000Z",
        "services": {},
        "warnings": [],
        "properties": {"p": "1"},
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": {"script": "train.py", "framework": "Python", "arguments": ["--alpha", "0.4"]},
        "logFiles": {"user_logs/std_log.txt": run.layout.script_log},
        "submittedBy": ownership.account(),
    }
    assert run.get_snapshot_id() == "snap"


def test_details_of_an_ended_run_have_its_end(interactive: Run) -> None:
    interactive.complete()
    found = interactive.get_details()
    assert found["status"] == "Completed"
    assert found["startTimeUtc"] <= found["endTimeUtc"]
    assert "runDefinition" not in found
    assert interactive.get_snapshot_id() is None


def test_final_states_are_final(interactive: Run) -> None:
    for end in (interactive.fail, interactive.complete):
        try:
            end()
        except UserWarning:
            pass
    assert states.is_final(interactive.status)
    assert interactive.status == "Failed"
