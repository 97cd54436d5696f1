"""Which files a dataset means: of folders, of patterns, of the web and of what fsspec reaches."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime.script.assets import sources, storages
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.assets.datastores import Datastore
from turnout.runtime.script.assets.references import DataPath
from turnout.runtime.script.exceptions import UserErrorException

Put = Callable[..., Path]
File = Dataset.File


@pytest.fixture
def tree(put: Put) -> None:
    for path in ("a/1.csv", "a/2.txt", "a/deep/3.csv", "b/4.csv"):
        put(path, path)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ["/a/1.csv", "/a/2.txt", "/a/deep/3.csv", "/b/4.csv"]),
        ("a", ["/1.csv", "/2.txt", "/deep/3.csv"]),
        ("/a/", ["/1.csv", "/2.txt", "/deep/3.csv"]),
        ("a/1.csv", ["/1.csv"]),
        ("a/*.csv", ["/1.csv"]),
        ("a/**/*.csv", ["/1.csv", "/deep/3.csv"]),
        ("*/*.csv", ["/a/1.csv", "/b/4.csv"]),
        ("a/[12].*", ["/1.csv", "/2.txt"]),
    ],
)
def test_a_path_means_a_file_all_below_a_directory_or_what_a_pattern_matches(
    store: Any, tree: None, path: str, names: list[str]
) -> None:
    assert File.from_files((store, path)).to_path() == names


def test_several_paths_are_listed_in_their_order_with_their_datastores(store: Any, tree: None) -> None:
    expected = ["/workspaceblobstore/b/4.csv", "/workspaceblobstore/a/1.csv"]
    assert File.from_files([(store, "b"), (store, "a/1.csv")]).to_path() == expected
    assert File.from_files((store, ["b", "a/1.csv"])).to_path() == expected
    assert File.from_files([DataPath(store, "b"), store.path("a/1.csv")]).to_path() == expected


@pytest.mark.parametrize("path", ["c", "a/*.parquet", "a/1.csv/x"])
def test_a_path_that_means_no_file_is_refused_unless_nobody_looks(store: Any, tree: None, path: str) -> None:
    with pytest.raises(UserErrorException, match="means no file that is there"):
        File.from_files((store, path))
    assert File.from_files((store, path), validate=False).id


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ([], "the list is empty"),
        (3, "not from 3"),
        (("store", "x"), r"the first of \(datastore, path\) is a Datastore, not a str"),
        ("./missing.csv", "there is nothing at .*missing.csv to make a dataset from"),
    ],
)
def test_what_names_no_data_is_refused(path: Any, says: str) -> None:
    with pytest.raises(UserErrorException, match=says):
        File.from_files(path)


@pytest.mark.parametrize("path", ["..", "a/../../x", "../secret"])
def test_a_path_does_not_lead_out_of_its_datastore(store: Any, path: str) -> None:
    with pytest.raises(UserErrorException, match="leads out of its datastore"):
        File.from_files((store, path), validate=False)


def test_datastores_of_two_workspaces_do_not_make_a_dataset(store: Any) -> None:
    other = Workspace.create("other").get_default_datastore()
    with pytest.raises(UserErrorException, match="belong to one workspace"):
        File.from_files([(store, "a"), (other, "a")], validate=False)


def test_names_with_brackets_mean_what_is_there(store: Any, put: Put, tmp_path: Path) -> None:
    put("old [1]/x[2].csv", "kept")
    put("old [1]/x2.csv")
    assert File.from_files((store, "old [1]/x[2].csv")).to_path() == ["/x[2].csv"]
    assert File.from_files((store, "old [1]/*2.csv")).to_path() == ["/x2.csv"]
    local = tmp_path / "project [v2]"
    local.mkdir()
    (local / "data.csv").write_text("")
    assert File.from_files(str(local / "data.csv")).to_path() == ["/data.csv"]
    assert File.from_files(str(local / "*.csv")).to_path() == ["/data.csv"]


def test_a_local_path_is_a_path_a_file_url_or_a_path_object(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x")
    for given in (str(tmp_path / "x.csv"), f"file://{tmp_path}/x.csv", tmp_path / "x.csv", os.path.relpath(tmp_path)):
        assert "/x.csv" in File.from_files(given).to_path()


def test_links_are_followed_but_not_in_circles(store: Any, put: Put, tmp_path: Path) -> None:
    directory = put("a/x.csv").parent
    (directory / "back").symlink_to("..")
    (directory / "self").symlink_to(".")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "y.csv").write_text("")
    (directory / "far").symlink_to(tmp_path / "far")
    (directory / "gone").symlink_to("nothing")
    assert File.from_files((store, "a")).to_path() == ["/far/y.csv", "/x.csv"]


def test_steps_choose_among_files(store: Any, tree: None) -> None:
    files = File.from_files((store, ""))
    assert files.take(2).to_path() == ["/a/1.csv", "/a/2.txt"]
    assert files.skip(2).take(1).to_path() == ["/a/deep/3.csv"]
    assert files.take(2).skip(1).to_path() == ["/a/2.txt"]
    left, right = files.random_split(0.5, seed=1)
    assert sorted(left.to_path() + right.to_path()) == files.to_path()
    assert files.take_sample(1.0).to_path() == files.to_path()
    assert files.take_sample(0.0).to_path() == []


def test_a_file_that_cannot_be_read_is_named(store: Any, put: Put, tmp_path: Path) -> None:
    path = put("x.csv")
    files = File.from_files((store, "x.csv"))
    with pytest.raises(UserErrorException, match=r"y\.csv can't be read: no such file or directory"):
        storages.Folder(str(path.parent)).open("y.csv")
    item = files._items()[0]
    path.unlink()
    with pytest.raises(UserErrorException, match=r"x\.csv can't be read: no such file or directory"):
        item.file.storage.get(item.file.path, str(tmp_path / "copy"))
    assert not list(tmp_path.glob("copy*"))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A server of the files below `tmp_path/web`; it answers whatever the query is."""
    root = tmp_path / "web"
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
        (root / name / "data.csv").write_text(f"n\n{name}\n")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(root))

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_of_the_web_has_its_name_without_the_query(web: str, tmp_path: Path) -> None:
    files = File.from_files(f"{web}/one/data.csv?sv=2020&sig=a/b*c")
    assert files.to_path() == ["/data.csv"]
    assert Path(files.download(str(tmp_path / "got"))[0]).read_text() == "n\none\n"


def test_files_of_the_web_with_one_name_stay_apart(web: str, tmp_path: Path) -> None:
    files = File.from_files([f"{web}/one/data.csv", f"{web}/two/data.csv"])
    got = files.download(str(tmp_path / "got"))
    assert [Path(path).read_text() for path in got] == ["n\none\n", "n\ntwo\n"]
    assert files.to_path() == [f"/{web[7:]}/{name}/data.csv" for name in ("one", "two")]


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://h/", "data"), ("https://h", "data"), ("https://h/a/..", "a"), ("https://h/x.csv#part", "x.csv")],
)
def test_a_url_never_names_a_file_outside_of_where_it_goes(url: str, name: str) -> None:
    assert File.from_files(url).to_path() == ["/" + name]


def test_a_page_that_is_not_there_is_refused_in_one_line(web: str, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match=r"/none\.csv can't be read: HTTP Error 404"):
        File.from_files(f"{web}/none.csv").download(str(tmp_path / "got"))


@pytest.fixture(params=["memory", "dir"])
def reached(request: pytest.FixtureRequest, ws: Workspace, tmp_path: Path) -> Any:
    """A datastore of fsspec's, empty."""
    url = f"memory://{tmp_path.name}" if request.param == "memory" else f"local://{tmp_path}/there"
    (tmp_path / "there").mkdir()
    return Datastore.register(ws, "reached", url)


def test_what_fsspec_reaches_is_a_datastore_like_a_folder(reached: Any, tmp_path: Path) -> None:
    for path in ("a/1.csv", "a/deep/2.csv", "b[1].csv"):
        (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / path).write_text("n\n1\n")
    reached.upload(str(tmp_path / "src"), "top", show_progress=False)
    assert File.from_files((reached, "top")).to_path() == ["/a/1.csv", "/a/deep/2.csv", "/b[1].csv"]
    assert File.from_files((reached, "top/a/*.csv")).to_path() == ["/1.csv"]
    assert File.from_files((reached, "top/**/2.csv")).to_path() == ["/a/deep/2.csv"]
    assert File.from_files((reached, "top/b[1].csv")).to_path() == ["/b[1].csv"]
    table = Dataset.Tabular.from_delimited_files((reached, "top/a/**"))
    assert list(table.to_pandas_dataframe().n) == [1, 1]
    got = File.from_files((reached, "top/a")).download(str(tmp_path / "got"))
    assert [Path(path).read_text() for path in got] == ["n\n1\n"] * 2
    assert reached.download(str(tmp_path / "all"), "top/a", show_progress=False) == 2
    with pytest.raises(UserErrorException, match="means no file that is there"):
        File.from_files((reached, "none"))


def test_what_fsspec_does_not_know_is_refused_in_one_line(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match="nosuch://x can't be reached: Protocol not known: nosuch"):
        File.from_files((Datastore.register(ws, "odd", "nosuch://x"), ""))


def test_a_url_of_fsspec_is_a_dataset_without_a_datastore(tmp_path: Path) -> None:
    storage = storages.Elsewhere("memory://urls")
    (tmp_path / "x").write_text("x")
    for path in ("d/1.csv", "d/2.csv", "e/1.csv"):
        storage.put(str(tmp_path / "x"), path)
    assert File.from_files("memory://urls/d/1.csv").to_path() == ["/1.csv"]
    assert File.from_files("memory://urls/d/*.csv").to_path() == ["/1.csv", "/2.csv"]
    both = File.from_files(["memory://urls/d/1.csv", "memory://urls/e/1.csv"])
    assert both.to_path() == ["/urls/d/1.csv", "/urls/e/1.csv"]


def test_a_version_of_a_file_changes_with_its_content(put: Put) -> None:
    path = put("x", "1")
    folder = storages.Folder(str(path.parent))
    before = folder.files("x")[0].version
    os.utime(path, ns=(1, 1))
    assert folder.files("x")[0].version != before


def test_a_dataset_of_no_workspace_asks_for_its_datastore_in_vain() -> None:
    with pytest.raises(UserErrorException, match="the datastore s is needed, and the dataset belongs to no workspace"):
        sources.storage_of(None, "s")
