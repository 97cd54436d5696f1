"""A run away from its workspace: it sees what came along and what it did itself; the rest says why not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime import events
from turnout.runtime.script.assets import places, travelled
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.assets.datastores import Datastore
from turnout.runtime.script.assets.models import Model
from turnout.runtime.script.exceptions import ModelNotFoundException, UserErrorException
from turnout.runtime.script.run import Run

Put = Callable[..., Path]


@pytest.fixture
def before(ws: Workspace, store: Any, put: Put) -> Any:
    """What the workspace has when the run is submitted: `words`, in two versions, and the model `m`."""
    for version in (1, 2):
        put(f"words/{version}.txt", str(version))
        files = Dataset.File.from_files((store, f"words/{version}.txt"))
        files.register(ws, "words", "text", create_new_version=True)
    Path("model").write_text("trained")
    return Model.register(ws, "model", "m")


@pytest.fixture
def run(before: Any, send: Callable[..., Run]) -> Run:
    return send()


@pytest.fixture
def there(run: Run) -> Any:
    """The workspace as the run's script sees it."""
    return run.experiment.workspace


def _arrive(run: Run, path: str, content: str) -> None:
    target = Path(run.layout.data, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


def test_the_workspace_is_known_as_it_was(run: Run, there: Any) -> None:
    assert isinstance(there.assets, travelled.Travelled)
    assert sorted(there.datastores) == ["workspaceblobstore", "workspacefilestore"]
    assert there.get_default_datastore().name == "workspaceblobstore"
    assert {name: found.version for name, found in there.datasets.items()} == {"words": 2}
    assert {name: found.version for name, found in there.models.items()} == {"m": 1}
    assert Dataset.get_by_name(there, "words", 1).description == "text"
    assert Dataset.get_by_id(there, Dataset.get_by_name(there, "words").id).version == 2


def test_files_that_came_along_are_read_and_others_say_why_not(run: Run, there: Any) -> None:
    _arrive(run, "stores/workspaceblobstore/words/2.txt", "2")
    assert Path(Dataset.get_by_name(there, "words").download()[0]).read_text() == "2"
    with pytest.raises(UserErrorException, match=r"in this run, to which only its inputs travelled.*as_named_input"):
        Dataset.get_by_name(there, "words", 1).to_path()
    with pytest.raises(UserErrorException, match="the files of the model m, version 1, did not travel with this run"):
        Model.get_model_path("m")
    _arrive(run, "models/m/1/model", "trained")
    assert Path(Model.get_model_path("m")).read_text() == "trained"


def test_what_is_registered_is_read_back_counted_on_top_of_what_came(run: Run, there: Any) -> None:
    store = there.get_default_datastore()
    Path("new.txt").write_text("new")
    store.upload_files(["new.txt"], target_path="words", show_progress=False)
    made = Dataset.File.from_files((store, "words/new.txt"))
    found = made.register(there, "words", tags={"by": "run"}, create_new_version=True)
    assert (found.version, found.tags) == (3, {"by": "run"})
    assert Dataset.get_by_name(there, "words").to_path() == ["/new.txt"]
    assert Dataset.get_by_name(there, "words", 2).version == 2
    assert made.register(there, "fresh").version == 1
    assert sorted(there.datasets) == ["fresh", "words"]
    assert Dataset.get_by_id(there, made.id) == made


def test_a_name_that_came_is_taken(run: Run, there: Any) -> None:
    files = Dataset.File.from_files("https://example.org/x")
    with pytest.raises(UserErrorException, match="create_new_version=True"):
        files.register(there, "words")


def test_the_same_dataset_registered_again_is_no_change(run: Run, there: Any) -> None:
    words = Dataset.get_by_name(there, "words")
    assert words.register(there, "words", "text").version == 2
    with pytest.raises(
        UserErrorException, match="changing the dataset words can't be done in a run that is not on its w"
    ):
        words.register(there, "words", "other text")


def test_a_model_is_registered_and_read_back(run: Run, there: Any) -> None:
    Path("outputs").mkdir()
    Path(run.layout.artifacts).mkdir(exist_ok=True)
    Path("outputs/better").write_text("better")
    run.upload_file("outputs/better", "outputs/better")
    table = Dataset.Tabular.from_delimited_files((there.get_default_datastore(), "x"), validate=False)
    model = run.register_model("m", "outputs/better", tags={"a": "1"}, datasets=[("training", table)])
    assert (model.version, model.run_id) == (2, run.id)
    assert Path(Model.get_model_path("m")).read_text() == "better"
    assert Model(there, "m", tags={"a": "1"}).version == 2
    assert Model(there, "m").datasets == {"training": [table]}
    assert [each.id for each in Model.list(there)] == ["m:2", "m:1"]
    with pytest.raises(ModelNotFoundException, match="its latest is 2"):
        Model(there, "m", version=3)


def test_a_dataset_that_was_not_registered_is_known_if_the_run_reads_it(
    ws: Workspace, store: Any, before: Any, send: Callable[..., Run]
) -> None:
    table = Dataset.Tabular.from_delimited_files((store, "x"), validate=False)
    ws.assets.keep_dataset(table._definition)
    assert Dataset.get_by_id(send(table.id).experiment.workspace, table.id) == table


def test_files_that_are_there_stay_unless_they_are_to_be_replaced(run: Run, there: Any) -> None:
    store = there.get_default_datastore()
    _arrive(run, "stores/workspaceblobstore/x", "old")
    Path("x").write_text("new")
    store.upload_files(["x"], show_progress=False)
    assert Path(run.layout.data, "stores/workspaceblobstore/x").read_text() == "old"
    assert not [event for event in run.record.events() if event["e"] == events.REGISTERED]
    store.upload_files(["x"], overwrite=True, show_progress=False)
    assert Path(run.layout.data, "stores/workspaceblobstore/x").read_text() == "new"


def test_what_belongs_to_the_workspace_alone_is_refused(run: Run, there: Any, tmp_path: Path) -> None:
    for work in (
        lambda: Datastore.register(there, "mine", str(tmp_path)),
        lambda: there.get_default_datastore().set_as_default(),
        lambda: there.get_default_datastore().unregister(),
        lambda: Dataset.get_by_name(there, "words").add_tags({"a": "1"}),
        lambda: Dataset.get_by_name(there, "words").unregister_all_versions(),
        lambda: Model(there, "m").add_tags({"a": "1"}),
        lambda: Model(there, "m").delete(),
    ):
        with pytest.raises(UserErrorException, match="can't be done in a run that is not on its workspace's machine"):
            work()


def test_a_datastore_that_was_not_there_is_named(run: Run, there: Any) -> None:
    with pytest.raises(
        UserErrorException, match="Could not find datastore late in this workspace, which has: workspace"
    ):
        Datastore(there, "late")
    with pytest.raises(UserErrorException, match="the workspace had, when this run was submitted: workspaceblobstore"):
        there.assets.storage("late")


def test_without_a_catalogue_there_is_nothing(run: Run, there: Any) -> None:
    os.unlink(run.layout.assets)
    assert (there.datasets, there.models, there.datastores) == ({}, {}, {})
    assert there.assets.entry(places.MODEL, "m") is None
