from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import resource
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import records
from turnout.runtime.script import ownership
from turnout.runtime.script.exceptions import RecordException, UserErrorException
from turnout.runtime.script.offline import OfflineRun
from turnout.runtime.script.run import Run

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def offline() -> OfflineRun:
    run = Run.get_context()
    assert isinstance(run, OfflineRun)
    return run


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> OfflineRun:
    """An offline run whose directory can't be made; root may write anywhere, so a file stands in the way."""
    Path("offline-runs").write_text("not a directory")
    return OfflineRun()


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_scripts_can_tell_that_they_run_offline(offline: OfflineRun) -> None:
    assert offline.id.startswith("OfflineRun_")
    assert len(offline.id) == len("OfflineRun_") + 36
    assert not hasattr(offline, "experiment")
    assert offline.parent is None
    assert offline.number is None


def test_nothing_is_left_by_a_script_that_reports_nothing(offline: OfflineRun) -> None:
    assert offline.get_metrics() == {}
    assert offline.get_file_names() == []
    assert offline.tags == {}
    assert offline.status == "Running"
    with contextlib.redirect_stdout(io.StringIO()):
        offline.flush()
    offline.complete()
    assert offline.status == "Completed"
    assert os.listdir() == []


def test_what_is_reported_is_a_record_like_any_other(offline: OfflineRun) -> None:
    offline.log("m", 0.5)
    offline.tag("k", "v")
    directory = os.path.join("offline-runs", offline.id)
    assert records.read_json(os.path.join(directory, "run.json"))["created_by"] == ownership.account()
    again = Run(directory)
    assert again.get_metrics() == {"m": 0.5}
    assert again.tags == {"k": "v"}
    assert again.status == "Running"
    offline.complete()
    assert again.status == "Completed"
    assert sorted(os.listdir()) == ["offline-runs"]


def test_the_record_stays_where_the_script_began(offline: OfflineRun) -> None:
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    offline.log("m", 1)
    assert os.listdir() == []
    assert os.path.isdir(os.path.join("..", "offline-runs", offline.id))


def test_calls_print_v1s_lines(offline: OfflineRun, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = {
        "schema_type": "confusion_matrix",
        "schema_version": "1.0.0",
        "data": {"class_labels": ["a"], "matrix": [[1]]},
    }
    residuals = {
        "schema_type": "residuals",
        "schema_version": "1.0.0",
        "data": {"bin_edges": [1], "bin_counts": [2]},
    }
    os.mkdir("folder")
    Path("p.png").write_bytes(PNG)
    offline.log("a", 1, step=3)
    offline.log_list("l", [1, 2])
    offline.log_list("g", iter([3, 4]))
    offline.log_row("r", x=1)
    offline.log_table("t", {"x": [1]})
    offline.log_image("i", "p.png")
    offline.log_confusion_matrix("c", matrix)
    offline.log_residuals("s", residuals)
    offline.upload_file("n", "p.png")
    offline.upload_files(names=["n2"], paths=["p.png"])
    offline.upload_files(name=["n3"], paths=["p.png"])  # as v1's offline run called them
    offline.upload_folder("f", "folder")
    offline.tag("k", "v")
    offline.tag(name="old", value="w")
    offline.set_tags({"x": "y"})
    offline.add_properties({"p": "1"})
    offline.flush(timeout_seconds=3)
    offline.fail("why", "Code")
    assert said(capsys).splitlines() == [
        "Attempted to log scalar metric a:",
        "1",
        "Attempted to log list metric l:",
        "[1, 2]",
        "Attempted to log list metric g:",
        "[3, 4]",
        "Attempted to log row metric r:",
        "{'x': 1}",
        "Attempted to log table metric t:",
        "{'x': [1]}",
        "Attempted to log image metric i:",
        "p.png",
        "Attempted to log confusion_matrix metric c:",
        str(matrix),
        "Attempted to log residual metric s:",
        str(residuals),
        "Attempted to track file n at p.png",
        "Attempted to track file n2 at p.png",
        "Attempted to track file n3 at p.png",
        "Attempted to track folder f at folder",
        "Attempted to add tag k with value v",
        "Attempted to add tag old with value w",
        "Attempted to set tags {'x': 'y'}",
        "Attempted to add properties {'p': '1'}",
        f"Attempted to flush run with id {offline.id}",
        "Run failed with error code Code:",
        "why",
    ]
    assert offline.get_metrics()["g"] == [3, 4]
    assert offline.tags == {"k": "v", "old": "w", "x": "y"}
    assert offline.properties == {"p": "1"}
    assert offline.get_file_names() == ["c", "n", "n2", "n3", "p.png", "s"]
    assert offline.status == "Failed"
    assert offline.get_details()["error"] == {"error": {"code": "Code", "message": "why", "details": []}}


def test_with_prints_its_bounds_and_ends_the_run(offline: OfflineRun, capsys: pytest.CaptureFixture[str]) -> None:
    with offline as run:
        run.log("m", 1)
    lines = said(capsys).splitlines()
    assert (lines[0], lines[-1]) == (f"[START] Run {offline.id} context", f"[STOP] Run {offline.id} context")
    assert offline.status == "Completed"


def test_what_the_cloud_refuses_is_refused_on_the_laptop(
    offline: OfflineRun, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserErrorException, match=r"Use run\.log_list instead"):
        offline.log("m", [1, 2])
    with pytest.raises(UserErrorException, match="give the tag's name"):
        offline.tag(value="v")
    with pytest.raises(UserErrorException, match="give a dict"):
        offline.set_tags(["a"])  # type: ignore[arg-type]
    assert said(capsys) == ""
    assert os.listdir() == []


def test_children_lie_beside_their_parent(offline: OfflineRun) -> None:
    child = offline.child_run("kid")
    assert isinstance(child, OfflineRun)
    assert child.id == offline.id + ".kid"
    assert child.name == offline.id + ">kid"
    assert child.parent == offline
    again = offline.child_run("kid")
    assert again.id.startswith("OfflineRun_")
    assert again.id != child.id
    odd = offline.child_run("a b/c")
    assert odd.id == offline.id + ".a_b_c"
    numbered = offline.create_children(2)
    assert [run.tags for run in numbered] == [{"azureml.batch_child_number": str(number)} for number in range(2)]
    with child:
        child.log("m", 1)
    assert list(offline.get_children()) == [child, again, odd, *numbered]
    assert list(offline.get_children(status="Completed")) == [child]
    assert offline.get_metrics(recursive=True)[child.id] == {"m": 1}
    with pytest.raises(UserErrorException, match="already"):
        offline.child_run(run_id=child.id)


def test_names_get_too_long_and_ids_do_not(offline: OfflineRun) -> None:
    run: Any = offline
    for _ in range(8):
        run = run.child_run()
        assert len(run.id) <= ownership.MAX_ID_LENGTH
        assert run.status == "Running"


def test_outputs_stay_where_they_are_unless_named(offline: OfflineRun) -> None:
    os.mkdir("outputs")
    Path("outputs/a").write_text("1")
    offline.log("m", 1)
    child = offline.child_run(outputs="outputs")
    child.complete()
    offline.complete()
    assert offline.get_file_names() == []
    assert child.get_file_names() == ["outputs/a"]


def test_start_makes_the_record(offline: OfflineRun) -> None:
    offline.start()
    assert os.listdir("offline-runs") == [offline.id]


def test_a_forked_process_reports_into_the_same_record(offline: OfflineRun) -> None:
    pid = os.fork()
    if not pid:
        try:
            offline.log("m", 1)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    offline.log("m", 2)
    assert offline.get_metrics() == {"m": [1, 2]}
    assert os.listdir("offline-runs") == [offline.id]


def test_where_no_record_can_be_written_the_script_goes_on(unwritable: OfflineRun) -> None:
    with pytest.warns(UserWarning, match="goes on in memory"):
        unwritable.log("m", float("inf"))
    unwritable.log("m", 2)  # a second warning would be an error
    unwritable.tag("k", "v")
    unwritable.upload_file("x", io.BytesIO(b"1"))
    unwritable.log_image("plot", plot=object_with_savefig())
    with pytest.warns(UserWarning, match="goes on in memory"):
        child = unwritable.child_run("kid", outputs=".")
    assert unwritable.get_metrics("m") == {"m": [float("inf"), 2]}
    assert unwritable.tags == {"k": "v"}
    assert unwritable.get_details()["status"] == "Running"
    unwritable.complete()
    assert unwritable.status == "Completed"
    assert child.status == "Running"
    child.complete()
    assert child.status == "Completed"
    assert os.listdir() == ["offline-runs"]


def object_with_savefig() -> Any:
    class Plot:
        def savefig(self, path: str) -> None:
            Path(path).write_bytes(PNG)

    return Plot()


@pytest.fixture
def limited() -> Iterator[None]:
    """No file may grow beyond what its first line needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_no_longer_fits_on_the_disk_stays_in_memory(
    offline: OfflineRun, limited: None, capsys: pytest.CaptureFixture[str]
) -> None:
    offline.log("m", 0)
    events = os.path.join("offline-runs", offline.id, "events")
    size = os.path.getsize(os.path.join(events, os.listdir(events)[0]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with pytest.warns(UserWarning, match="no space left"):
        offline.log("m", 1)
    offline.log("m", 2)
    assert offline.get_metrics() == {"m": [0, 1, 2]}


def test_a_warning_that_is_an_error_loses_nothing(unwritable: OfflineRun) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="goes on in memory"):
            unwritable.log("m", 1)
        unwritable.log("m", 2)
    assert unwritable.get_metrics() == {"m": [1, 2]}


def test_an_offline_run_can_be_pickled(offline: OfflineRun) -> None:
    offline.log("m", 1)
    again = pickle.loads(pickle.dumps(offline))
    again.log("m", 2)
    assert offline.get_metrics() == {"m": [1, 2]}


def test_a_submitted_script_prints_nothing(submitted: Run, capsys: pytest.CaptureFixture[str]) -> None:
    submitted.log("m", 1)
    submitted.tag("k", "v")
    submitted.flush()
    assert said(capsys) == ""


def test_the_record_of_a_run_that_vanished_is_an_error(offline: OfflineRun) -> None:
    offline.log("m", 1)
    path = os.path.join("offline-runs", offline.id, "run.json")
    definition = json.loads(Path(path).read_text())
    assert definition["id"] == offline.id
    os.unlink(path)
    with pytest.raises(RecordException, match="can't be read"):
        Run(os.path.dirname(path)).get_details()


def test_an_offline_run_is_made_as_v1s_was(offline: OfflineRun) -> None:
    assert OfflineRun(None, "mine").id == OfflineRun(run_id="mine").id == "mine"
    with pytest.raises(UserErrorException, match="give the files' names and paths"):
        offline.upload_files(["n"])
