"""What a run has left comes into its workspace: once, whole, and nothing that the run had no right to name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime import events, layout, states
from turnout.runtime.script.assets import places, taking
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.assets.datastores import Datastore
from turnout.runtime.script.assets.models import Model
from turnout.runtime.script.run import Run
from turnout.testing.records import make_run

Put = Callable[..., Path]


@pytest.fixture
def back(ws: Workspace, send: Callable[..., Run], come_back: Callable[..., layout.RunLayout]) -> layout.RunLayout:
    """The record of a run that has uploaded a file, and registered a dataset of it and a model made from another."""
    run = send()
    there = run.experiment.workspace
    store = there.get_default_datastore()
    Path("new.txt").write_text("new")
    store.upload_files(["new.txt"], target_path="words", show_progress=False)
    Dataset.File.from_files((store, "words/new.txt")).register(there, "words", tags={"a": "1"})
    run.upload_file("outputs/net/weights", "new.txt")
    unregistered = Dataset.Tabular.from_delimited_files((store, "table"), validate=False)
    run.register_model("m", "outputs/net", datasets=[("training", unregistered)])
    return come_back(run)


@pytest.mark.parametrize("state", [states.COMPLETED, states.FAILED, states.CANCELED])
def test_what_was_registered_stands_however_the_run_ended(
    ws: Workspace, back: layout.RunLayout, tmp_path: Path, state: str
) -> None:
    assert taking.take(back, state) == []
    words = Dataset.get_by_name(ws, "words")
    assert (words.version, words.tags) == (1, {"a": "1"})
    assert Path(words.download()[0]).read_text() == "new"
    model = Model(ws, "m")
    assert (model.version, model.run_id, model.experiment_name) == (1, back.run_id, "data")
    assert Path(model.download(str(tmp_path / "got")), "weights").read_text() == "new"
    assert [each._definition["sources"][0]["path"] for each in model.datasets["training"]] == ["table"]


def test_once_more_does_no_harm(ws: Workspace, back: layout.RunLayout) -> None:
    for _ in range(2):
        assert taking.take(back, states.COMPLETED) == []
    os.unlink(back.assets_taken)  # as if the first one had died at the end
    assert taking.take(back, states.COMPLETED) == []
    assert [Dataset.get_by_name(ws, "words").version, Model(ws, "m").version] == [1, 1]


def test_versions_are_those_that_are_free_when_the_run_comes_back(ws: Workspace, back: layout.RunLayout) -> None:
    Dataset.File.from_files("https://example.org/x").register(ws, "words")
    taking.take(back, states.COMPLETED)
    assert [entry["version"] for entry in ws.assets.entries(places.DATASET, "words")] == [2, 1]


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_have_come_meanwhile_stay_unless_they_are_to_be_replaced(
    send: Callable[..., Run], come_back: Callable[..., layout.RunLayout], put: Put, overwrite: bool
) -> None:
    run = send()
    Path("x").write_text("new")
    store = run.experiment.workspace.get_default_datastore()
    store.upload_files(["x"], overwrite=overwrite, show_progress=False)
    path = put("x", "old")
    assert taking.take(come_back(run), states.COMPLETED) == []
    assert path.read_text() == ("new" if overwrite else "old")


def _registered(ws: Workspace, *said: dict[str, Any]) -> layout.RunLayout:
    lines = [{"e": events.REGISTERED, "id": f"i{number}", **each} for number, each in enumerate(said)]
    contents = {layout.ASSETS: b"{}", "artifacts/registered/i0/x": b"x"}
    return make_run(ws.layout, "r", files=contents, events_by_writer={"w": lines})


@pytest.mark.parametrize(
    "listed",
    [
        ["x", "../../run.json"],
        ["x", "registered/../../run.json"],
        ["x", "outputs/x"],
        ["x", "/etc/hostname"],
        ["../../../x", "registered/i0/x"],
        ["/x", "registered/i0/x"],
        ["x", "registered/i0/link"],
        ["x", "registered/i0/away/hostname"],
    ],
)
@pytest.mark.parametrize("what", ["model", "files"])
def test_a_record_that_names_another_file_is_refused(ws: Workspace, listed: list[str], what: str) -> None:
    said = {"what": what, "files": [listed], "entry": {"name": "m"}, "datastore": "workspaceblobstore"}
    run = _registered(ws, said)
    below = Path(run.artifacts, "registered", "i0")
    (below / "link").symlink_to("/etc/hostname")
    (below / "away").symlink_to("/etc")
    before = sorted(Path(ws.layout.root).rglob("*"))
    troubles = taking.take(run, states.COMPLETED)
    assert len(troubles) == 1
    assert troubles[0].startswith("the run names a file outside of what it registered: ")
    assert sorted(Path(ws.layout.root).rglob("*")) == before
    assert not os.path.exists(run.assets_taken)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"what": "dataset", "entry": {"name": "../x"}, "definition": {}}, "can't be the name of a dataset"),
        ({"what": "model", "entry": {"name": "a/b"}, "files": []}, "can't be the name of a model"),
        ({"what": "files", "datastore": "../x", "files": []}, "there is no datastore ../x"),
        ({"what": "files", "datastore": "none", "files": []}, "there is no datastore none"),
        ({"what": "dataset"}, "'entry'"),
    ],
)
def test_what_cannot_be_taken_keeps_nothing_else_back(ws: Workspace, said: dict[str, Any], says: str) -> None:
    good = {"what": "model", "entry": {"name": "m"}, "files": [["x", "registered/i0/x"]]}
    troubles = taking.take(_registered(ws, said, good), states.COMPLETED)
    assert len(troubles) == 1
    assert says in troubles[0]
    assert Model(ws, "m").version == 1


OUTPUT = {"name": "left", "datastore": "workspaceblobstore", "path": "left/r", "overwrite": True}


def _left(ws: Workspace, output: dict[str, Any], state: str = states.COMPLETED) -> layout.RunLayout:
    files = {f"artifacts/datasets/left/{name}": name.encode() for name in ("a.csv", "deep/b.csv", "c.txt")}
    return make_run(ws.layout, "r", files=files, outputs=[{**OUTPUT, **output}], state=state)


def test_an_output_goes_to_its_datastore_and_is_registered(ws: Workspace, store: Any) -> None:
    register = {"name": "results", "description": "text", "tags": {"a": "1"}}
    run = _left(ws, {"register": register})
    for _ in range(2):
        assert taking.take(run, states.COMPLETED) == []
        if os.path.exists(run.assets_taken):
            os.unlink(run.assets_taken)
    found = Dataset.get_by_name(ws, "results")
    assert (found.version, found.description, found.tags) == (1, "text", {"a": "1"})
    assert found.to_path() == ["/a.csv", "/c.txt", "/deep/b.csv"]
    assert ws.assets.entry(places.DATASET, "results")["run"] == "r"


@pytest.mark.parametrize("state", [states.FAILED, states.CANCELED])
def test_an_output_of_a_run_that_has_not_completed_is_not_taken(ws: Workspace, state: str) -> None:
    assert taking.take(_left(ws, {"register": {"name": "results"}}, state), state) == []
    assert ws.datasets == {}
    assert not os.path.exists(ws.layout.storage)


def test_only_what_was_asked_for_is_taken(ws: Workspace, store: Any, put: Put) -> None:
    kept = put("left/r/a.csv", "old")
    assert taking.take(_left(ws, {"globs": ["**/*.csv"], "overwrite": False}), states.COMPLETED) == []
    assert Dataset.File.from_files((store, "left")).to_path() == ["/r/a.csv", "/r/deep/b.csv"]
    assert kept.read_text() == "old"


def test_an_output_that_is_a_table_is_registered_as_one(ws: Workspace) -> None:
    read = {"format": "delimited", "separator": ",", "header": 3, "infer": True, "encoding": "utf8"}
    register = {"name": "table", "description": None, "tags": {}}
    run = make_run(
        ws.layout,
        "r",
        files={"artifacts/datasets/left/t.csv": b"n\n1\n"},
        outputs=[{**OUTPUT, "read": read, "register": register}],
    )
    assert taking.take(run, states.COMPLETED) == []
    assert Dataset.get_by_name(ws, "table").to_pandas_dataframe().to_dict("list") == {"n": [1]}


def test_what_a_datastore_does_not_take_is_taken_the_next_time(ws: Workspace, tmp_path: Path) -> None:
    run = _left(ws, {"datastore": "late", "register": {"name": "results"}})
    assert ["there is no datastore late" in trouble for trouble in taking.take(run, states.COMPLETED)] == [True]
    (tmp_path / "late").mkdir()
    Datastore.register(ws, "late", str(tmp_path / "late"))
    assert taking.take(run, states.COMPLETED) == []
    assert (tmp_path / "late" / "left" / "r" / "a.csv").exists()
    assert Dataset.get_by_name(ws, "results").version == 1


def test_a_run_that_has_left_nothing_is_passed_over(ws: Workspace) -> None:
    run = make_run(ws.layout, "r")
    assert taking.take(run, states.COMPLETED) == []
    assert not os.path.exists(run.assets_taken)


def test_a_damaged_record_is_one_line(ws: Workspace) -> None:
    run = make_run(ws.layout, "r", files={layout.ASSETS: b"{}"})
    Path(run.definition).write_text("{")
    assert [trouble.count("\n") for trouble in taking.take(run, states.COMPLETED)] == [0]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_link_among_outputs_is_followed_only_on_the_machine_that_made_it(
    ws: Workspace, store: Any, tmp_path: Path, elsewhere: bool
) -> None:
    (tmp_path / "private").write_text("mine")
    run = _left(ws, {})
    Path(run.artifacts, "datasets", "left", "link").symlink_to(tmp_path / "private")
    if elsewhere:
        Path(run.replica).write_text("{}")
    assert taking.take(run, states.COMPLETED) == []
    names = Dataset.File.from_files((store, "left/r")).to_path()
    assert ("/link" in names) == (not elsewhere)
    assert "/a.csv" in names
