"""What a run reads is at its place before the script starts, and what it leaves is kept when that has ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import checkout, inputs, layout, manifest
from turnout.runtime.objects import ObjectStore
from turnout.testing.records import make_run, make_workspace


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "home" / "objects"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory of this machine with files."""
    for name in ("a.txt", "deep/b.txt"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "source"


def _run(tmp_path: Path, entries: list[manifest.Entry] | None = None, **definition: Any) -> layout.RunLayout:
    files = {} if entries is None else {layout.DATA_MANIFEST: manifest.serialise(entries)}
    run = make_run(make_workspace(str(tmp_path / "home")), "r", files=files, **definition)
    os.makedirs(run.code)
    return run


def _entries(source: Path, name: str = "n") -> list[manifest.Entry]:
    return [
        manifest.Entry(manifest.FILE, "0" * 64, 1, f"inputs/{name}/{path.relative_to(source)}")
        for path in sorted(source.rglob("*.txt"))
    ]


def _input(source: Path, mode: str = "mount", **facts: Any) -> dict[str, Any]:
    return {"name": "n", "mode": mode, "dataset": {"id": "i"}, "sources": [["", str(source)]], **facts}


def _place(run: layout.RunLayout, store: ObjectStore, **definition: Any) -> str:
    inputs.place(run, definition, store)
    return inputs.path(run, definition["inputs"][0]) if definition.get("inputs") else ""


def test_a_mounted_input_is_links_to_where_the_files_lie(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    for _ in range(2):  # once more does no harm
        path = Path(_place(run, store, inputs=[_input(source)]))
        assert (path / "deep" / "b.txt").read_text() == "deep/b.txt"
        assert os.readlink(path / "a.txt") == str(source / "a.txt")


def test_a_downloaded_input_is_copies(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    path = Path(_place(_run(tmp_path, _entries(source)), store, inputs=[_input(source, "download")]))
    (path / "a.txt").write_text("changed")
    assert (source / "a.txt").read_text() == "a.txt"
    assert not (path / "deep" / "b.txt").is_symlink()


def test_a_copy_that_was_cut_short_is_made_again(
    tmp_path: Path, source: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path, _entries(source))

    def cut(source: str, target: str) -> None:
        Path(target).write_text("a.")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", cut)
        with pytest.raises(KeyboardInterrupt):
            _place(run, store, inputs=[_input(source, "download")])
    path = Path(_place(run, store, inputs=[_input(source, "download")]))
    assert (path / "a.txt").read_text() == "a.txt"
    assert sorted(found.name for found in path.rglob("*")) == ["a.txt", "b.txt", "deep"]


def test_files_of_several_sources_are_found_by_how_their_names_begin(
    tmp_path: Path, source: Path, store: ObjectStore
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "c.txt").write_text("c")
    names = ["one/a.txt", "one/two/c.txt"]
    entries = [manifest.Entry(manifest.FILE, "0" * 64, 1, f"inputs/n/{name}") for name in names]
    facts = {"sources": [["one/two/", str(other)], ["one/", str(source)]]}
    path = Path(_place(_run(tmp_path, entries), store, inputs=[_input(source, **facts)]))
    assert [(path / name).read_text() for name in names] == ["a.txt", "c"]


def test_a_file_that_is_gone_since_the_submit_is_named(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    (source / "a.txt").unlink()
    with pytest.raises(inputs.PlacingFailed, match=r"the input n: .*/a\.txt is gone since the run was submitted"):
        _place(run, store, inputs=[_input(source)])


def test_a_file_of_unknown_origin_is_refused(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    with pytest.raises(inputs.PlacingFailed, match=r"the input n has a file of unknown origin: a\.txt"):
        _place(run, store, inputs=[_input(source, sources=[["x/", str(source)]])])


def test_what_travelled_is_copied_from_objects(tmp_path: Path, store: ObjectStore) -> None:
    os.makedirs(tmp_path / "home", exist_ok=True)
    with store.incoming() as incoming:
        digest = incoming.add_bytes(b"content")
        incoming.commit()
    entries = [manifest.Entry(manifest.FILE, digest, 7, "inputs/n/a.txt")]
    run = _run(tmp_path, entries)
    definition = {"inputs": [{"name": "n", "mode": "mount", "dataset": {"id": "i"}}], "data": {"travels": True}}
    for _ in range(2):
        inputs.place(run, definition, store)
        assert Path(run.data, "inputs", "n", "a.txt").read_bytes() == b"content"
    lost = _run(tmp_path / "lost", [manifest.Entry(manifest.FILE, "1" * 64, 7, "inputs/n/a.txt")])
    with pytest.raises(checkout.CheckoutError, match="its object can't be read"):
        inputs.place(lost, definition, store)


def test_an_input_without_files_is_an_empty_directory_wherever_it_is_wanted(tmp_path: Path, store: ObjectStore) -> None:
    run = _run(tmp_path)
    each = {"name": "n", "mode": "mount", "reference": {}, "path_on_compute": "wanted/here"}
    path = _place(run, store, inputs=[each], data={"travels": True})
    assert path == os.path.join(run.code, "wanted", "here")
    assert os.listdir(path) == []


def test_an_input_is_seen_at_the_path_that_its_script_wants(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    each = _input(source, path_on_compute="data/n")
    for _ in range(2):
        path = Path(_place(run, store, inputs=[each]))
        assert path == Path(run.code, "data", "n")
        assert (path / "a.txt").read_text() == "a.txt"
    inputs.collect(run, {"inputs": [each]})
    assert not os.path.lexists(path)
    assert (source / "a.txt").exists()


def test_nothing_is_put_over_what_is_there(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    Path(run.code, "data").mkdir()
    with pytest.raises(inputs.PlacingFailed, match=r"the input n is wanted at .*/data, and something is there"):
        _place(run, store, inputs=[_input(source, path_on_compute="data")])


def test_a_link_that_leads_nowhere_makes_room(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    at = tmp_path / "at"
    at.symlink_to("ended")
    assert _place(run, store, inputs=[_input(source, path_on_compute=str(at))]) == str(at)
    assert (at / "a.txt").read_text() == "a.txt"


FILES = {"name": "f", "mode": "mount", "dataset": {"id": "i1"}, "folder": "/store/top"}
LEAF = {"name": "one", "mode": "download", "dataset": {"id": "i2"}, "leaf": "x.csv"}
TABLE = {"name": "t", "mode": "direct", "dataset": {"id": "i3"}}
OLD = {"name": "r", "mode": "mount", "reference": {"datastore": "s"}, "folder": "/store"}
LEFT = {"name": "left", "datastore": "s", "path": "p"}
UP = {"name": "up", "datastore": "s", "path": "p", "reference": True, "source": "models"}
DEFINITION = {"inputs": [FILES, LEAF, TABLE, OLD], "outputs": [LEFT, UP]}


def test_words_among_arguments_become_paths_and_ids() -> None:
    run = layout.RunLayout("/run")
    words = inputs.words(DEFINITION, run)
    arguments = [
        "--files=DatasetConsumptionConfig:f",
        "DatasetConsumptionConfig:one",
        "DatasetConsumptionConfig:t",
        "$AZUREML_DATAREFERENCE_r/sub",
        "DatasetOutputConfig:left",
        "$AZUREML_DATAREFERENCE_up",
        "DatasetConsumptionConfig:none",
    ]
    assert inputs.replaced(arguments, words) == [
        "--files=/store/top",
        f"{run.data}/inputs/one/x.csv",
        "i3",
        "/store/sub",
        f"{run.artifacts}/datasets/left",
        f"{run.code}/models",
        "DatasetConsumptionConfig:none",
    ]


def test_a_name_that_begins_like_another_is_not_taken_for_it() -> None:
    known = {"DatasetConsumptionConfig:a": "/a", "DatasetConsumptionConfig:ab": "/ab"}
    assert inputs.replaced(["DatasetConsumptionConfig:ab DatasetConsumptionConfig:a"], known) == ["/ab /a"]


def test_variables_are_those_of_v1() -> None:
    run = layout.RunLayout("/run")
    assert inputs.variables(DEFINITION, run) == {
        "f": "/store/top",
        "one": f"{run.data}/inputs/one/x.csv",
        "t": "i3",
        "AZUREML_DATAREFERENCE_r": "/store",
        "left": f"{run.artifacts}/datasets/left",
        "AZUREML_DATAREFERENCE_up": f"{run.code}/models",
        "AZUREML_DATASET_ENVIRONMENT_VARS": "f:mount,one:download,t:direct",
        "AZUREML_DATASET_FILE_OUTPUTS": "left",
    }


def test_a_run_without_data_has_neither_words_nor_variables(tmp_path: Path, store: ObjectStore) -> None:
    run = _run(tmp_path)
    assert (inputs.words({}, run), inputs.variables({}, run)) == ({}, {})
    inputs.place(run, {}, store)
    inputs.collect(run, {})
    assert not os.path.exists(run.data)


def test_what_a_script_writes_to_its_outputs_is_kept(tmp_path: Path, source: Path, store: ObjectStore) -> None:
    run = _run(tmp_path, _entries(source))
    definition = {"inputs": [_input(source)], "outputs": [LEFT, UP]}
    inputs.place(run, definition, store)
    for each, name in ((LEFT, "x"), (UP, "deep/y")):
        path = Path(inputs.output_path(run, each), name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    for _ in range(2):
        inputs.collect(run, definition)
    kept = Path(run.artifacts, "datasets")
    assert (kept / "left" / "x").read_text() == "x"
    assert (kept / "up" / "deep" / "y").read_text() == "deep/y"
    assert not os.path.exists(run.data)
    assert (source / "a.txt").exists()  # what was linked stays
