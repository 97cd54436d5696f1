from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.runtime.script import artifacts
from turnout.runtime.script.exceptions import NotYetException, RecordException, UserErrorException
from turnout.runtime.script.run import Run


def content(run: Run, name: str) -> bytes:
    path = run.record.artifact_path(name)
    assert path is not None
    return Path(path).read_bytes()


def leftovers(run: Run) -> list[str]:
    return [name for name in os.listdir(run.layout.root) if name.startswith(".")]


def test_a_file_is_kept_under_its_name(interactive: Run) -> None:
    Path("a.txt").write_text("one")
    kept = interactive.upload_file("deep/./down/a.txt", "a.txt")
    assert kept == {"deep/down/a.txt": "aml://artifactId/ExperimentRun/dcid.interactive/deep/down/a.txt"}
    assert content(interactive, "deep/down/a.txt") == b"one"
    assert interactive.get_file_names() == ["deep/down/a.txt"]
    [event] = [event for event in interactive.record.events() if event["e"] == "artifact"]
    assert (event["name"], event["size"]) == ("deep/down/a.txt", 3)
    path = os.path.join(interactive.layout.artifacts, "deep", "down")
    assert os.stat(path).st_mode & 0o777 == 0o700
    assert os.stat(os.path.join(path, "a.txt")).st_mode & 0o777 == 0o600
    assert leftovers(interactive) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [(io.BytesIO(b"\0bytes"), b"\0bytes"), (io.StringIO("té"), "té".encode()), (Path("given"), b"path")],
)
def test_streams_and_path_objects_are_kept(interactive: Run, source: Any, expected: bytes) -> None:
    Path("given").write_bytes(b"path")
    interactive.upload_file(name="x", path_or_stream=source)
    assert content(interactive, "x") == expected


def test_a_stream_is_read_from_where_it_stands(interactive: Run) -> None:
    stream = io.BytesIO(b"12345")
    stream.read(2)
    interactive.upload_file("x", stream)
    assert content(interactive, "x") == b"345"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", ".", "a\0b", 3])
def test_names_that_lead_out_are_refused(interactive: Run, name: Any) -> None:
    Path("a").write_text("a")
    with pytest.raises(UserErrorException, match="artifact"):
        interactive.upload_file(name, "a")
    assert interactive.get_file_names() == []


@pytest.mark.parametrize(("source", "words"), [("none", "not a file that is there"), (".", "use run.upload_folder")])
def test_what_is_no_file_is_named(interactive: Run, source: str, words: str) -> None:
    with pytest.raises(UserErrorException, match=words):
        interactive.upload_file("x", source)


@pytest.mark.parametrize("source", [b"bytes", 3, None])
def test_what_is_neither_path_nor_stream_is_refused(interactive: Run, source: Any) -> None:
    with pytest.raises(UserErrorException, match="give a path or a stream"):
        interactive.upload_file("x", source)


def test_a_fifo_does_not_hang(interactive: Run) -> None:
    os.mkfifo("pipe")
    with pytest.raises(UserErrorException, match="not a file"):
        interactive.upload_file("x", "pipe")


def test_the_same_content_again_is_no_error_and_other_content_is_refused(interactive: Run) -> None:
    Path("a").write_text("one")
    interactive.upload_file("x", "a")
    interactive.upload_file("x", "a")
    Path("a").write_text("two")
    with pytest.raises(UserErrorException, match=r"Resource Conflict: .* x already"):
        interactive.upload_file("x", "a")
    assert content(interactive, "x") == b"one"
    assert leftovers(interactive) == []


def test_a_name_below_a_file_is_refused(interactive: Run) -> None:
    interactive.upload_file("x", io.BytesIO(b"1"))
    with pytest.raises(UserErrorException, match="Resource Conflict"):
        interactive.upload_file("x/y", io.BytesIO(b"2"))
    interactive.upload_file("d/y", io.BytesIO(b"2"))
    with pytest.raises(UserErrorException, match="Resource Conflict"):
        interactive.upload_file("d", io.BytesIO(b"1"))


def test_of_two_at_the_same_time_one_is_told(interactive: Run) -> None:
    barrier = threading.Barrier(2)
    told = []

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            if not data:
                barrier.wait(10)  # both have checked the name before either has put its file there
            return data

    def upload(data: bytes) -> None:
        try:
            interactive.upload_file("x", Slow(data))
        except UserErrorException:
            told.append(data)

    threads = [threading.Thread(target=upload, args=(data,)) for data in (b"1", b"2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert content(interactive, "x") == (b"2" if told == [b"1"] else b"1")


def test_file_systems_without_hard_links_work(interactive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    interactive.upload_file("x", io.BytesIO(b"1"))
    interactive.upload_file("x", io.BytesIO(b"1"))
    with pytest.raises(UserErrorException, match="Resource Conflict"):
        artifacts.keep(interactive.layout, "x", io.BytesIO(b"2"))
    assert content(interactive, "x") == b"1"
    assert leftovers(interactive) == []


def test_outputs_may_be_uploaded_under_their_own_name(submitted: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(submitted.layout.code)
    os.mkdir("outputs")
    Path("outputs/model.bin").write_bytes(b"model")
    submitted.upload_file("outputs/model.bin", "outputs/model.bin")
    assert submitted.get_file_names() == ["outputs/model.bin"]
    Path("other").write_bytes(b"other")
    with pytest.raises(UserErrorException, match="Resource Conflict"):
        submitted.upload_file("outputs/model.bin", "other")


def test_a_record_that_is_not_there_takes_no_file(tmp_path: Path) -> None:
    Path("a").write_text("a")
    run = Run(str(tmp_path / "runs" / "gone"))
    for call in (
        lambda: run.upload_file("x", "a"),
        run.get_file_names,
        lambda: run.download_file("x"),
        run.get_details,
    ):
        with pytest.raises(RecordException, match="the record of the run gone can't be read"):
            call()
    assert not (tmp_path / "runs").exists()


def test_several_files_go_in_pairs(interactive: Run) -> None:
    Path("a").write_text("1")
    Path("b").write_text("2")
    assert interactive.upload_files(["x", "y/z"], ["a", "b"]) is None
    assert interactive.get_file_names() == ["x", "y/z"]
    found = interactive.upload_files(names=["x"], paths=["a"], return_artifacts=True, timeout_seconds=5)
    assert found is not None
    assert set(found) == {"x"}
    with pytest.raises(TypeError, match="2 names for 1 paths"):
        interactive.upload_files(["x", "y"], ["a"])


def test_a_folder_keeps_its_relative_paths(interactive: Run) -> None:
    os.makedirs("folder/deep")
    Path("folder/a").write_text("1")
    Path("folder/deep/b").write_text("2")
    os.symlink("a", "folder/link")
    os.symlink("nowhere", "folder/dangling")
    interactive.upload_folder("kept", "folder")
    assert interactive.get_file_names() == ["kept/a", "kept/deep/b", "kept/link"]
    with pytest.raises(UserErrorException, match="no folder missing"):
        interactive.upload_folder("x", "missing")


def test_datastores_are_refused_rather_than_ignored(interactive: Run) -> None:
    Path("a").write_text("1")
    for call in (
        lambda: interactive.upload_file("x", "a", "store"),
        lambda: interactive.upload_files(["x"], ["a"], datastore_name="store"),
        lambda: interactive.upload_folder("x", ".", "store"),
    ):
        with pytest.raises(NotYetException, match="leave datastore_name out"):
            call()


@pytest.fixture
def three(interactive: Run) -> Run:
    for name in ("models/a.bin", "models/deep/b.bin", "notes.txt"):
        interactive.upload_file(name, io.BytesIO(name.encode()))
    return interactive


def test_a_file_is_copied_out_under_its_own_name_or_another(three: Run) -> None:
    three.download_file("models/a.bin")
    three.download_file("models/a.bin", "new/dir/c.bin")
    os.mkdir("there")
    three.download_file("models/a.bin", output_file_path="there")
    three.download_file("models/a.bin", "made/")
    three.download_file(name="models/a.bin", output_file_path="there/a.bin", _validate_checksum=True)
    for path in ("a.bin", "new/dir/c.bin", "there/a.bin", "made/a.bin"):
        assert Path(path).read_bytes() == b"models/a.bin"


def test_a_missing_file_says_what_there_is(three: Run) -> None:
    with pytest.raises(UserErrorException, match=r"models/x was not found, available files include: models/a\.bin, "):
        three.download_file("models/x")


@pytest.mark.parametrize("name", ["../run.json", "/etc/passwd", "models", ""])
def test_nothing_but_the_runs_files_is_copied_out(three: Run, name: str) -> None:
    with pytest.raises(UserErrorException, match="was not found"):
        three.download_file(name)


def test_a_target_that_can_not_be_written_is_named(three: Run) -> None:
    Path("file").write_text("x")
    with pytest.raises(UserErrorException, match="file/a can't be written"):
        three.download_file("notes.txt", "file/a")


def test_downloading_onto_the_artifact_itself_changes_nothing(three: Run) -> None:
    path = three.record.artifact_path("notes.txt")
    three.download_file("notes.txt", path)
    assert content(three, "notes.txt") == b"notes.txt"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["models/a.bin", "models/deep/b.bin", "notes.txt"]),
        ({"prefix": "models"}, ["models/a.bin", "models/deep/b.bin"]),
        ({"prefix": "models", "output_directory": "out"}, ["out/models/a.bin", "out/models/deep/b.bin"]),
        ({"prefix": "models", "output_directory": "out", "append_prefix": False}, ["out/a.bin", "out/deep/b.bin"]),
        ({"prefix": "models/", "append_prefix": False}, ["a.bin", "deep/b.bin"]),
        ({"prefix": "notes.txt", "append_prefix": False}, ["notes.txt"]),
        ({"prefix": "models", "output_paths": ["p/1", "p/2"], "batch_size": 1, "timeout_seconds": 1}, ["p/1", "p/2"]),
        ({"prefix": "none"}, []),
    ],
)
def test_files_are_copied_out_by_prefix(three: Run, arguments: Any, expected: list[str]) -> None:
    three.download_files(**arguments)
    found = [os.path.relpath(os.path.join(top, name)) for top, _, names in os.walk(".") for name in names]
    assert sorted(found) == expected


def test_output_paths_must_match_the_files(three: Run) -> None:
    with pytest.raises(UserErrorException, match="1 output_paths for 2 files"):
        three.download_files("models", output_paths=["x"])


def test_logs_and_outputs_of_a_submitted_run_are_its_files(submit: Callable[..., layout.RunLayout]) -> None:
    run = submit()
    os.makedirs(os.path.join(run.code, "outputs"))
    os.makedirs(run.user_logs)
    Path(run.code, "outputs", "m").write_text("m")
    Path(run.script_log).write_text("log")
    Path(run.code, "train.py").write_text("not an artifact")
    assert Run(run.root).get_file_names() == ["outputs/m", "user_logs/std_log.txt"]
