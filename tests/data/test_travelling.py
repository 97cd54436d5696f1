"""The files of a run's data: looked up, hashed once, told in the record, and in the object store where they travel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Dataset, Model, RunConfiguration, Workspace
from turnout.data import passing, travelling
from turnout.exceptions import RunConfigurationException, UserErrorException
from turnout.runtime import inputs, layout, manifest, records
from turnout.runtime.objects import ObjectStore
from turnout.runtime.script.assets.consumption import OutputFileDatasetConfig
from turnout.runtime.script.assets.datastores import Datastore
from turnout.testing.records import make_run

Put = Callable[..., Path]
File = Dataset.File


@pytest.fixture
def prepare(ws: Workspace) -> Callable[..., travelling.Travel]:
    """Prepare the data that these arguments name."""

    def work(*arguments: Any, elsewhere: bool = False, names: tuple[str, ...] = ()) -> travelling.Travel:
        passed = passing.collect(ws, RunConfiguration(script="x", arguments=list(arguments)))
        return travelling.prepare(ws, passed, "run_1", elsewhere, names.__contains__, lambda line: None)

    return work


@pytest.fixture
def placed(ws: Workspace) -> Callable[[travelling.Travel], dict[str, str]]:
    """Place the data as a supervisor of this machine does; return the contents by path, of the first input."""

    def work(travel: travelling.Travel) -> dict[str, str]:
        run = make_run(ws.layout, files={layout.DATA_MANIFEST: travel.manifest} if travel.manifest else {})
        os.makedirs(run.code)
        definition = json.loads(json.dumps({"inputs": travel.inputs, "data": travel.facts}))
        inputs.place(run, definition, ObjectStore(ws.home.objects))
        top = Path(inputs.path(run, definition["inputs"][0]))
        if top.is_file():
            return {".": top.read_text()}
        found = [Path(where, name) for where, _, names in os.walk(top, followlinks=True) for name in names]
        return {str(path.relative_to(top)): path.read_text() for path in found}

    return work


def _paths(travel: travelling.Travel) -> list[str]:
    return [entry.path for entry in manifest.parse(travel.manifest)] if travel.manifest else []


@pytest.fixture
def tree(put: Put) -> None:
    for path in ("a/1.txt", "a/2.csv", "a/deep/3.txt", "b/1.txt"):
        put(path, path)


@pytest.mark.parametrize("mode", ["mount", "download"])
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"1.txt": "a/1.txt", "2.csv": "a/2.csv", "deep/3.txt": "a/deep/3.txt"}),
        ("a/**", {"1.txt": "a/1.txt", "2.csv": "a/2.csv", "deep/3.txt": "a/deep/3.txt"}),
        ("a/**/*.txt", {"1.txt": "a/1.txt", "deep/3.txt": "a/deep/3.txt"}),
        ("a/1.txt", {".": "a/1.txt"}),
        (["a/2.csv", "b"], {"workspaceblobstore/a/2.csv": "a/2.csv", "workspaceblobstore/b/1.txt": "b/1.txt"}),
    ],
)
def test_a_script_finds_the_same_files_however_they_get_to_it(
    prepare: Any, placed: Any, store: Any, tree: None, mode: str, elsewhere: bool, path: Any, expected: dict[str, str]
) -> None:
    given = File.from_files((store, path)).as_named_input("n")
    travel = prepare(getattr(given, f"as_{mode}")(), elsewhere=elsewhere)
    assert travel.facts["travels"] is elsewhere
    assert placed(travel) == expected


def test_what_may_be_used_where_it_lies_is(prepare: Any, store: Any, tree: None, ws: Workspace) -> None:
    top = os.path.join(ws.layout.storage, "workspaceblobstore")
    for path, folder, leaf in (("a", "a", None), ("a/1.txt", "a", "1.txt"), ("", "", None)):
        (each,) = prepare(File.from_files((store, path)).as_mount()).inputs
        assert (each["folder"], each.get("leaf")) == (os.path.join(top, folder).rstrip("/"), leaf)
    for steps in (File.from_files((store, "a")).take(1), File.from_files((store, "a/*.txt"))):
        (each,) = prepare(steps.as_mount()).inputs
        assert "folder" not in each


def test_local_files_of_several_folders_are_told_by_those_folders(prepare: Any, placed: Any, tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
        paths.append(str(tmp_path / name / "x"))
    travel = prepare(File.from_files(paths).as_mount())
    assert sorted(folder for _, folder in travel.inputs[0]["sources"]) == [os.path.dirname(path) for path in paths]
    assert placed(travel) == {path[1:]: os.path.basename(os.path.dirname(path)) for path in paths}


def test_local_files_are_not_taken_for_those_of_a_datastore_whose_name_is_theirs(
    ws: Workspace, prepare: Any, placed: Any, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("local")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "y").write_text("stored")
    first = str(tmp_path).split("/")[1]
    named = Datastore.register(ws, first, str(tmp_path / "there"))
    found = placed(prepare(File.from_files([(named, ""), str(tmp_path / "x")]).as_mount()))
    assert found == {f"{first}/y": "stored", f"{tmp_path}/x"[1:]: "local"}


def test_a_directory_with_brackets_is_used_where_it_lies(prepare: Any, placed: Any, store: Any, put: Put) -> None:
    put("old [1]/x.txt", "x")
    travel = prepare(File.from_files((store, "old [1]")).as_mount())
    assert travel.inputs[0]["folder"].endswith("old [1]")
    assert placed(travel) == {"x.txt": "x"}


def test_digests_are_those_of_the_contents_and_sizes_are_told(
    prepare: Any, store: Any, tree: None, ws: Workspace
) -> None:
    objects = ObjectStore(ws.home.objects)
    for elsewhere in (False, True):
        travel = prepare(File.from_files((store, "a")).as_named_input("n").as_mount(), elsewhere=elsewhere)
        entries = manifest.parse(travel.manifest)
        assert travel.facts == {
            "id": manifest.digest(travel.manifest),
            "files": 3,
            "bytes": sum(entry.size for entry in entries),
            "travels": elsewhere,
        }
        assert [objects.has(entry.content) for entry in entries] == [elsewhere] * 3
        assert [entry.path for entry in entries] == ["inputs/n/1.txt", "inputs/n/2.csv", "inputs/n/deep/3.txt"]


def test_a_file_is_hashed_once_and_again_when_it_has_changed(
    prepare: Any, store: Any, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("x", "one")
    os.utime(path, (1000, 1000))
    hashed: list[str] = []
    real = travelling.file_digest
    monkeypatch.setattr(travelling, "file_digest", lambda path: hashed.append(path) or real(path))
    given = File.from_files((store, "x"))
    prepare(given.as_mount())
    prepare(given.as_download())
    assert hashed == [str(path)]
    path.write_text("two")
    os.utime(path, (1000, 1000))
    prepare(given.as_mount())
    assert hashed == [str(path)] * 2


def test_a_damaged_cache_of_digests_only_costs_time(prepare: Any, store: Any, put: Put, ws: Workspace) -> None:
    os.utime(put("x", "one"), (1000, 1000))
    before = prepare(File.from_files((store, "x")).as_named_input("n").as_mount()).manifest
    (cache,) = Path(ws.layout.stat_cache).glob("data-*")
    for text in ("{", "[]", '{"a": 1}'):
        cache.write_text(text)
        assert prepare(File.from_files((store, "x")).as_named_input("n").as_mount()).manifest == before


def test_a_table_elsewhere_has_its_files_with_it_under_their_datastore(prepare: Any, store: Any, put: Put) -> None:
    put("t/1.csv", "n\n1\n")
    table = Dataset.Tabular.from_delimited_files((store, "t"))
    assert _paths(prepare(table.as_named_input("t"), elsewhere=True)) == ["stores/workspaceblobstore/t/1.csv"]
    assert prepare(table.as_named_input("t")).assets == b""


def test_a_dataset_that_nobody_registered_is_known_elsewhere(prepare: Any, store: Any, put: Put) -> None:
    put("t.csv", "n\n1\n")
    table = Dataset.Tabular.from_delimited_files((store, "t.csv"))
    assets = json.loads(prepare(table.as_named_input("t"), elsewhere=True).assets)
    assert assets["datasets"] == {table.id: table._definition}


def test_registered_things_travel_when_they_are_named(
    ws: Workspace, prepare: Any, store: Any, tree: None, tmp_path: Path
) -> None:
    File.from_files((store, "a/*.txt")).register(ws, "words")
    File.from_files((store, "b")).register(ws, "others")
    (tmp_path / "model").write_text("m")
    for _ in range(2):
        Model.register(ws, str(tmp_path / "model"), "net")
    assert _paths(prepare(elsewhere=True)) == []
    assert _paths(prepare(elsewhere=True, names=("words", "net"))) == [
        "models/net/2/model",
        "stores/workspaceblobstore/a/1.txt",
    ]
    assert _paths(prepare(names=("words", "net"))) == []


def test_a_name_whose_files_are_gone_hinders_no_run(ws: Workspace, prepare: Any, store: Any, put: Put) -> None:
    path = put("gone.txt")
    File.from_files((store, "gone.txt")).register(ws, "data")
    path.unlink()
    assert prepare(elsewhere=True, names=("data",)).facts is None


def test_an_input_whose_files_are_gone_is_refused(prepare: Any, store: Any, put: Put) -> None:
    path = put("gone.txt")
    given = File.from_files((store, "gone.txt")).as_mount()
    path.unlink()
    with pytest.raises(UserErrorException, match="means no file that is there"):
        prepare(given)


def test_what_lies_elsewhere_travels_also_to_this_machine(
    ws: Workspace, prepare: Any, placed: Any, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("far")
    far = Datastore.register(ws, "far", f"memory://{tmp_path.name}")
    far.upload_files([str(tmp_path / "x")], target_path="d", show_progress=False)
    travel = prepare(File.from_files((far, "d")).as_mount())
    assert travel.facts["travels"] is True
    assert placed(travel) == {"x": "far"}


def test_a_reference_to_what_is_not_there_yet_is_a_directory(
    prepare: Any, placed: Any, store: Any, ws: Workspace
) -> None:
    for elsewhere in (False, True):
        travel = prepare(store.path("to/fill").as_mount(), elsewhere=elsewhere)
        assert placed(travel) == {}
    assert os.path.isdir(os.path.join(ws.layout.storage, "workspaceblobstore", "to", "fill"))


def test_outputs_have_the_paths_of_v1(prepare: Any, store: Any) -> None:
    travel = prepare(
        OutputFileDatasetConfig("plain"),
        OutputFileDatasetConfig("named", (store, "/x//{run-id}/{output-name}/"), "written"),
    )
    assert [(each["datastore"], each["path"], each.get("source")) for each in travel.outputs] == [
        ("workspaceblobstore", "dataset/run_1/plain", None),
        ("workspaceblobstore", "x/run_1/named", "written"),
    ]


@pytest.mark.parametrize("path", ["..", "a/../../{run-id}"])
def test_an_output_does_not_lead_out_of_its_datastore(prepare: Any, store: Any, path: str) -> None:
    with pytest.raises(UserErrorException, match="leads out of its datastore"):
        prepare(OutputFileDatasetConfig("left", (store, path)))


@pytest.mark.parametrize("source", ["/tmp/x", "../x", "a/../../x"])
def test_an_output_is_written_below_the_working_directory(prepare: Any, source: str) -> None:
    with pytest.raises(RunConfigurationException, match="its source is a path below the working directory"):
        prepare(OutputFileDatasetConfig("left", source=source))


def test_data_of_another_workspace_is_refused(prepare: Any, ws: Workspace) -> None:
    other = Workspace.create("other").get_default_datastore()
    for given in (
        File.from_files((other, "x"), validate=False).as_mount(),
        OutputFileDatasetConfig("left", (other, "x")),
    ):
        with pytest.raises(RunConfigurationException, match="another workspace"):
            prepare(given)


def _named(tmp_path: Path, files: dict[str, str], *arguments: str) -> Callable[[str], bool]:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    entries = [manifest.Entry(manifest.FILE, "0" * 64, len(text), name) for name, text in files.items()]
    entries.append(manifest.Entry(manifest.FILE, "0" * 64, 1, "gone.py"))
    return travelling.names_in(str(tmp_path), manifest.serialise(entries), arguments)


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ('Dataset.get_by_name(ws, "words")', True),
        ("ws.datasets['words']", True),
        ("words = 1", False),
        ('"my words"', False),
        ("", False),
    ],
)
def test_a_name_is_looked_for_in_quotes_in_python_files(tmp_path: Path, text: str, is_named: bool) -> None:
    assert _named(tmp_path, {"train.py": text})("words") is is_named
    assert _named(tmp_path, {"train.txt": text, "train.py": ""})("words") is False


def test_a_name_among_the_arguments_stands_alone(tmp_path: Path) -> None:
    named = _named(tmp_path, {}, "--data", "words", "more words")
    assert [named("words"), named("more"), named("--data")] == [True, False, True]


def test_large_python_files_are_not_looked_through(tmp_path: Path) -> None:
    assert not _named(tmp_path, {"big.py": '"words"' + "#" * (1 << 20)})("words")


def test_the_record_of_an_input_says_what_it_is(ws: Workspace, prepare: Any, store: Any, tree: None) -> None:
    words = File.from_files((store, "a")).register(ws, "words")
    (each,) = prepare(words.as_named_input("w").as_download("here")).inputs
    facts = {"name": "w", "mode": "download", "files": 3, "path_on_compute": "here"}
    assert {key: each[key] for key in facts} == facts
    assert each["dataset"] == {"id": words.id, "name": "words", "version": 1}
    assert records.read_json(os.path.join(ws.layout.datasets, f"{words.id}.json"))["kind"] == "file"
