"""Datasets under their names: registered, found again, changed, mounted and downloaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from turnout import Workspace
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.assets.datasets import REFUSED, FileDataset, TabularDataset
from turnout.runtime.script.exceptions import NotYetException, UserErrorException

Put = Callable[..., Path]


@pytest.fixture
def files(store: Any, put: Put) -> Any:
    put("a/1.txt", "one")
    put("a/2.txt", "two")
    return Dataset.File.from_files((store, "a"))


@pytest.fixture
def other(store: Any, put: Put) -> Any:
    put("b/1.txt", "other")
    return Dataset.File.from_files((store, "b"))


def test_a_registered_dataset_is_found_by_name_id_and_in_lists(ws: Workspace, files: Any) -> None:
    made = files.register(ws, "words", "some words", {"kind": "test"})
    assert (made.name, made.version, made.description, made.tags) == ("words", 1, "some words", {"kind": "test"})
    for found in (
        Dataset.get_by_name(ws, "words"),
        Dataset.get_by_name(ws, "words", 1),
        Dataset.get_by_name(ws, "words", "1"),
        Dataset.get_by_name(ws, "words", version="latest"),
        Dataset.get_by_id(ws, made.id),
        Dataset.get(ws, "words"),
        Dataset.get(ws, id=made.id),
        ws.datasets["words"],
        Dataset.list(ws)[0],
    ):
        assert isinstance(found, FileDataset)
        assert (found, found.id, found.version, found.to_path()) == (files, made.id, 1, ["/1.txt", "/2.txt"])
    assert files.name is None  # the object that was registered stays as it is


def test_a_name_is_taken_unless_a_new_version_is_asked_for(ws: Workspace, files: Any, other: Any) -> None:
    files.register(ws, "words")
    with pytest.raises(
        UserErrorException, match=r'already a dataset registered under name "words"\. Specify `create_new_v'
    ):
        other.register(ws, "words")
    assert other.register(ws, "words", create_new_version=True).version == 2
    assert Dataset.get_by_name(ws, "words").to_path() == ["/1.txt"]
    assert Dataset.get_by_name(ws, "words", 1).to_path() == ["/1.txt", "/2.txt"]
    assert [ws.datasets["words"].version, len(ws.datasets)] == [2, 1]


@pytest.mark.parametrize("anew", [False, True])
def test_the_same_dataset_registered_again_stays_the_latest_version(ws: Workspace, files: Any, anew: bool) -> None:
    files.register(ws, "words", "first", {"a": "1"})
    again = files.register(ws, "words", "second", create_new_version=anew)
    assert (again.version, again.description, again.tags) == (1, "second", {"a": "1"})


def test_an_earlier_dataset_registered_again_is_a_new_version(ws: Workspace, files: Any, other: Any) -> None:
    for dataset in (files, other, files):
        dataset.register(ws, "words", create_new_version=True)
    assert Dataset.get_by_name(ws, "words").version == 3


@pytest.mark.parametrize(
    ("name", "version", "says"),
    [
        ("none", "latest", 'Cannot find dataset registered with name "none" in the workspace, which has: words'),
        ("../dataset-names/words", 1, "Cannot find dataset registered with name"),
        ("words", 2, "Cannot load the dataset words, version 2: its latest version is 1"),
        ("words", -1, "Cannot load the dataset words, version -1"),
        ("words", "newest", "the version of a dataset is a number from 1, not 'newest'"),
    ],
)
def test_what_is_not_registered_is_not_found(ws: Workspace, files: Any, name: str, version: Any, says: str) -> None:
    files.register(ws, "words")
    with pytest.raises(UserErrorException, match=says):
        Dataset.get_by_name(ws, name, version)


@pytest.mark.parametrize("identity", ["", "../workspace", "x" * 5000, "0" * 36])
def test_an_id_that_nobody_knows_is_not_found(ws: Workspace, identity: str) -> None:
    with pytest.raises(UserErrorException, match="Cannot load dataset with the specified id"):
        Dataset.get_by_id(ws, identity)


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 201, None])
def test_names_that_cannot_be_used_are_refused(ws: Workspace, files: Any, name: Any) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of a dataset"):
        files.register(ws, name)
    assert ws.datasets == {}


def test_a_dataset_is_not_registered_in_another_workspace(ws: Workspace, files: Any) -> None:
    with pytest.raises(UserErrorException, match="belong to another workspace"):
        files.register(Workspace.create("second"), "words")


def test_the_id_tells_what_a_dataset_is_and_nothing_else(ws: Workspace, store: Any, files: Any) -> None:
    assert Dataset.File.from_files((store, "a/")).id == files.id
    assert len({files.id, files.take(1).id, files.take(2).id, Dataset.File.from_files((store, "a/*")).id}) == 4
    assert files.register(ws, "words").id == files.id
    assert len({files, Dataset.File.from_files((store, "a"))}) == 1


def test_tags_and_descriptions_change_as_they_are_now(ws: Workspace, files: Any) -> None:
    files.register(ws, "words", "first", {"a": "1"})
    one, two = Dataset.get_by_name(ws, "words"), Dataset.get_by_name(ws, "words")
    one.add_tags({"b": "2"})
    two.add_tags({"c": "3"})
    assert two.tags == Dataset.get_by_name(ws, "words").tags == {"a": "1", "b": "2", "c": "3"}
    one.remove_tags(["a", "none"]).remove_tags("b")
    two.update(description="second")
    found = Dataset.get_by_name(ws, "words")
    assert (found.tags, found.description) == ({"c": "3"}, "second")


def test_what_is_not_registered_does_not_change(ws: Workspace, files: Any) -> None:
    with pytest.raises(UserErrorException, match="the dataset is not registered; register it first"):
        files.add_tags({"a": "1"})
    files.unregister_all_versions()
    made = files.register(ws, "words")
    Dataset.get_by_name(ws, "words").unregister_all_versions()
    with pytest.raises(UserErrorException, match="the dataset words, version 1, is not registered any more"):
        made.add_tags({"a": "1"})
    assert ws.datasets == {}
    assert Dataset.get_by_id(ws, files.id) == files  # what runs know of it stays
    assert files.register(ws, "words").version == 2


def test_files_are_downloaded_once_unless_replaced(files: Any, tmp_path: Path) -> None:
    target = str(tmp_path / "got")
    got = files.download(target)
    assert [Path(path).read_text() for path in got] == ["one", "two"]
    with pytest.raises(UserErrorException, match=r"1\.txt is there already; pass overwrite=True to replace it"):
        files.download(target)
    Path(got[0]).write_text("changed")
    assert files.download(target, overwrite=True) == got
    assert Path(got[0]).read_text() == "one"
    assert Path(files.download()[0]).read_text() == "one"


def test_files_are_seen_where_they_are_mounted_and_gone_afterwards(files: Any, tmp_path: Path, put: Put) -> None:
    with files.mount() as mounted:
        assert sorted(os.listdir(mounted.mount_point)) == ["1.txt", "2.txt"]
        put("a/1.txt", "changed")
        assert Path(mounted.mount_point, "1.txt").read_text() == "changed"
    assert not os.path.exists(mounted.mount_point)
    (tmp_path / "at").mkdir()
    context = files.mount(str(tmp_path / "at"))
    context.start()
    assert (tmp_path / "at" / "2.txt").read_text() == "two"
    context.stop()
    assert os.listdir(tmp_path / "at") == []
    assert put("a/1.txt", "still").read_text() == "still"


def test_nothing_is_mounted_over_what_is_there(files: Any, tmp_path: Path) -> None:
    (tmp_path / "2.txt").write_text("mine")
    with pytest.raises(UserErrorException, match=r"2\.txt is there already; mount into an empty directory"):
        files.mount(str(tmp_path)).start()
    assert (tmp_path / "2.txt").read_text() == "mine"
    assert not (tmp_path / "1.txt").exists()


def test_a_file_that_two_paths_mean_is_mounted_once(store: Any, files: Any) -> None:
    with Dataset.File.from_files([(store, "a"), (store, "a/1.txt")]).mount() as mounted:
        assert sorted(os.listdir(os.path.join(mounted.mount_point, "workspaceblobstore", "a"))) == ["1.txt", "2.txt"]


def test_the_time_of_the_last_change_is_that_of_the_newest_file(files: Any, put: Put) -> None:
    os.utime(put("a/1.txt"), (1000, 1000))
    os.utime(put("a/2.txt"), (3600, 3600))
    assert files.data_changed_time.isoformat() == "1970-01-01T01:00:00"


def test_a_dataframe_is_uploaded_and_registered_version_by_version(ws: Workspace, store: Any) -> None:
    for number in (1, 2):
        frame = pandas.DataFrame({"n": [number], "word": ["a"]})
        made = Dataset.Tabular.register_pandas_dataframe(frame, (store, "frames"), "table", show_progress=False)
        assert isinstance(made, TabularDataset)
        assert (made.name, made.version) == ("table", number)
    assert Dataset.get_by_name(ws, "table", 1).to_pandas_dataframe().to_dict("list") == {"n": [1], "word": ["a"]}
    assert Dataset.get_by_name(ws, "table").to_pandas_dataframe().n[0] == 2


def test_nothing_is_uploaded_for_a_name_that_cannot_be_used(ws: Workspace, store: Any) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of a dataset"):
        Dataset.Tabular.register_pandas_dataframe(pandas.DataFrame({"n": [1]}), store, "a/b")
    assert not os.path.exists(ws.layout.storage)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.csv", "a,b\n1,2\n", {"a": [1], "b": [2]}),
        ("x.TSV", "a\tb\n1\t2\n", {"a": [1], "b": [2]}),
        ("x.jsonl", '{"a": 1}\n', {"a": [1]}),
    ],
)
def test_files_are_read_by_their_suffix(store: Any, put: Put, name: str, text: str, expected: dict[str, Any]) -> None:
    put(name, text)
    assert Dataset.auto_read_files((store, name)).to_pandas_dataframe().to_dict("list") == expected


def test_rows_are_passed_over_as_in_earlier_releases(store: Any, put: Put) -> None:
    put("x.csv", "made by hand\na\n1\n")
    assert Dataset.from_delimited_files((store, "x.csv"), skip_rows=1).to_pandas_dataframe().a[0] == 1


def test_a_directory_is_uploaded_as_a_dataset_of_its_pattern(store: Any, tmp_path: Path) -> None:
    for name in ("src/a.csv", "src/deep/b.csv", "src/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    upload = Dataset.File.upload_directory
    assert upload(str(tmp_path / "src"), (store, "d"), "**/*.csv", show_progress=False).to_path() == [
        "/a.csv",
        "/deep/b.csv",
    ]
    assert len(upload(str(tmp_path / "src"), (store, "e"), show_progress=False).to_path()) == 3
    for pattern in (None, "*"):
        with pytest.raises(UserErrorException, match="there is no folder none to upload"):
            upload("none", (store, "d"), pattern)
    with pytest.raises(
        UserErrorException, match=r"the target is \(datastore, path\), a Datastore or a DataPath, not 'd'"
    ):
        upload(str(tmp_path / "src"), "d")


@pytest.mark.parametrize("method", sorted(REFUSED))
def test_what_a_table_does_not_do_says_what_does(store: Any, method: str) -> None:
    table = Dataset.Tabular.from_delimited_files((store, "x"), validate=False)
    with pytest.raises(NotYetException, match=re.escape(f"is not there; {REFUSED[method]}")):
        getattr(table, method)()
