"""Models: files under a name with versions, found by what they are labelled with, copied to where they are wanted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime import layout
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.assets.models import REFUSED, Model
from turnout.runtime.script.exceptions import ModelNotFoundException, NotYetException, UserErrorException
from turnout.runtime.script.run import Run


@pytest.fixture
def register(ws: Workspace, tmp_path: Path) -> Callable[..., Model]:
    """Register a file with some content."""

    def make(content: str = "one", name: str = "m", **facts: Any) -> Model:
        path = tmp_path / "made" / "model.pkl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return Model.register(ws, str(path), name, **facts)

    return make


def test_a_file_is_a_model_version_by_version(ws: Workspace, register: Callable[..., Model], tmp_path: Path) -> None:
    first, second = register("one"), register("two")
    assert (first.id, second.id, second.version, second.name) == ("m:1", "m:2", 2, "m")
    assert Model(ws, "m").version == 2
    assert Model(ws, id="m:1").version == Model(ws, "m", version=1).version == 1
    assert Path(Model(ws, "m").download(str(tmp_path / "got"))).read_text() == "two"
    assert ws.models["m"].version == 2
    assert (first.run_id, first.run, first.experiment_name, first.snapshot_id) == (None, None, None, None)


def test_a_folder_is_a_model_with_its_name(ws: Workspace, tmp_path: Path) -> None:
    for name in ("net/weights", "net/deep/vocabulary"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    model = Model.register(ws, str(tmp_path / "net") + "/", "m")
    got = Path(model.download(str(tmp_path / "got")))
    assert got == tmp_path / "got" / "net"
    assert (got / "deep" / "vocabulary").read_text() == "net/deep/vocabulary"
    assert sorted(model.get_sas_urls()) == ["net/deep/vocabulary", "net/weights"]
    part = Model.register(ws, str(tmp_path / "net"), "m", child_paths=["deep"])
    assert list(part.get_sas_urls()) == ["net/deep/vocabulary"]


@pytest.mark.parametrize(("path", "says"), [("none", "cannot be found"), ("empty", "has no file for a model")])
def test_what_has_no_files_is_no_model(ws: Workspace, path: str, says: str) -> None:
    os.mkdir("empty")
    with pytest.raises(UserErrorException, match=says):
        Model.register(ws, path, "m")
    assert Model.list(ws) == []


def test_a_model_that_cannot_be_copied_whole_is_not_there(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir("net")
    for name in "ab":
        Path("net", name).write_text(name)
    place = ws.assets
    with pytest.raises(UserErrorException, match="net/c can't be read: no such file or directory"):
        place.register_model({"name": "m"}, [("net/a", "net/a"), ("net/c", "net/c")])
    assert Model.list(ws) == []
    assert not os.path.exists(os.path.join(ws.layout.models, "m", "1"))
    assert Model.register(ws, "net", "m").version == 2


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 201, None])
def test_names_that_cannot_be_used_are_refused(register: Callable[..., Model], name: Any) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of a model"):
        register(name=name)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"name": "none"}, "Model with name none not found in provided workspace, which has: m"),
        ({"name": "m", "version": 2}, r"the model m has no such version \(2\); its latest is 1"),
        ({"id": "m:2"}, "has no such version"),
        ({"name": "m", "tags": {"kind": "b"}}, "the model m has no such version"),
        ({"name": "../models/m"}, "not found in provided workspace"),
    ],
)
def test_what_is_not_registered_is_not_found(
    ws: Workspace, register: Callable[..., Model], wanted: dict[str, Any], says: str
) -> None:
    register(tags={"kind": "a"})
    with pytest.raises(ModelNotFoundException, match=says):
        Model(ws, **wanted)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({}, "a Model needs a name, or an id such as NAME:1"),
        ({"id": "m"}, "a Model needs a name, or an id such as NAME:1"),
        ({"id": "m:newest"}, "the version of a model is a number from 1, not 'newest'"),
        ({"name": "m", "version": "x"}, "the version of a model is a number from 1, not 'x'"),
    ],
)
def test_what_names_no_model_is_refused(
    ws: Workspace, register: Callable[..., Model], wanted: dict[str, Any], says: str
) -> None:
    register()
    with pytest.raises(UserErrorException, match=says):
        Model(ws, **wanted)


def test_models_are_listed_by_their_labels(ws: Workspace, register: Callable[..., Model]) -> None:
    register(tags={"kind": "a", "n": 1}, properties={"auc": 0.5})
    register(tags={"kind": "b"}, model_framework=Model.Framework.ONNX)
    register(name="other", tags={"kind": "a"})

    def found(**wanted: Any) -> list[str]:
        return [model.id for model in Model.list(ws, **wanted)]

    assert found() == ["other:1", "m:2", "m:1"]
    assert found(name="m") == ["m:2", "m:1"]
    assert found(latest=True) == ["other:1", "m:2"]
    assert found(tags="n") == found(tags={"n": 1}) == found(tags=[["n", 1]]) == ["m:1"]
    assert found(tags=["kind", ["kind", "a"]]) == ["other:1", "m:1"]
    assert found(properties={"auc": "0.5"}) == ["m:1"]
    assert found(model_framework="Onnx") == ["m:2"]
    assert found(run_id="nobody") == found(name="none") == []
    assert Model(ws, "m", tags={"kind": "a"}).version == 1  # the latest that has them


def test_tags_change_as_they_are_now_and_are_found_by(ws: Workspace, register: Callable[..., Model]) -> None:
    register(tags={"a": "1"})
    one, two = Model(ws, "m"), Model(ws, "m")
    one.add_tags({"epochs": 7})
    two.add_tags({"c": "3"})
    assert two.tags == Model(ws, "m").tags == {"a": "1", "epochs": "7", "c": "3"}
    assert Model.list(ws, tags={"epochs": 7})
    one.remove_tags(["a", "none"])
    one.remove_tags("c")
    one.update(description="text")
    assert (Model(ws, "m").tags, Model(ws, "m").description) == ({"epochs": "7"}, "text")
    one.update(tags={"only": True})
    assert Model(ws, "m").tags == {"only": "True"}


def test_properties_are_added_and_never_change(ws: Workspace, register: Callable[..., Model]) -> None:
    model, stale = register(properties={"auc": 1}), Model(ws, "m")
    model.update_tags_properties(add_tags={"a": "1"}, add_properties={"loss": 2})
    assert Model(ws, "m").properties == {"auc": "1", "loss": "2"}
    for late in ({"auc": 2}, {"loss": 3}):
        with pytest.raises(UserErrorException, match="already, and properties never change"):
            stale.add_properties(late)
    assert Model(ws, "m").properties == {"auc": "1", "loss": "2"}


def test_a_deleted_version_stays_deleted_and_its_number_is_not_given_again(
    ws: Workspace, register: Callable[..., Model]
) -> None:
    register()
    last, stale = register("two"), Model(ws, "m", version=2)
    last.delete()
    assert Model(ws, "m").version == 1
    with pytest.raises(UserErrorException, match="the model m, version 2, is not registered any more"):
        stale.add_tags({"a": "1"})
    assert [model.id for model in Model.list(ws)] == ["m:1"]
    assert register("three").version == 3


def test_a_download_replaces_only_if_it_may(register: Callable[..., Model], tmp_path: Path) -> None:
    model = register("one")
    got = Path(model.download(str(tmp_path / "got")))
    got.write_text("mine")
    with pytest.raises(UserErrorException, match=r"model\.pkl is there already; pass exist_ok=True to replace it"):
        model.download(str(tmp_path / "got"))
    assert Path(model.download(str(tmp_path / "got"), exist_ok=True)).read_text() == "one"
    assert Path(model.download(str(tmp_path / "got"), exists_ok=True)).read_text() == "one"


def test_a_download_of_files_that_are_gone_removes_nothing(register: Callable[..., Model], tmp_path: Path) -> None:
    model = register()
    model._entry["files"] = []
    shutil.rmtree(model.url[len("file://") :])
    (tmp_path / "keep").write_text("")
    with pytest.raises(UserErrorException, match="the files of the model m:1 are gone"):
        model.download(str(tmp_path), exist_ok=True)
    assert (tmp_path / "keep").exists()


def test_the_path_of_a_model_is_a_copy_below_the_working_directory(ws: Workspace, register: Any) -> None:
    register("one")
    register("two")
    path = Model.get_model_path("m", _workspace=ws)
    assert path == os.path.join("azureml-models", "m", "2", "model.pkl")
    assert Path(path).read_text() == "two"
    assert Path(Model.get_model_path("m", 1, _workspace=ws)).read_text() == "one"


def test_without_a_workspace_the_copy_that_is_there_does(ws: Workspace, register: Any) -> None:
    register("one")
    register("two")
    for version in (1, 2):
        Model.get_model_path("m", version, _workspace=ws)
    shutil.rmtree(ws.layout.models)
    assert Model.get_model_path("m") == os.path.join("azureml-models", "m", "2", "model.pkl")
    assert Model.get_model_path("m", version=1) == os.path.join("azureml-models", "m", "1", "model.pkl")
    assert Model.get_model_path("azureml-models/m/1/model.pkl") == "azureml-models/m/1/model.pkl"
    with pytest.raises(ModelNotFoundException, match="Model with name other not found"):
        Model.get_model_path("other", _workspace=ws)


def test_a_model_knows_its_datasets_wherever_they_come_from(
    ws: Workspace, store: Any, register: Callable[..., Model], tmp_path: Path
) -> None:
    table = Dataset.Tabular.from_delimited_files((store, "x"), validate=False)
    web = Dataset.File.from_files("https://example.org/data.csv")
    local = Dataset.File.from_files(str(tmp_path), validate=False)
    model = register(
        datasets=[(Dataset.Scenario.TRAINING, table), (Dataset.Scenario.VALIDATION, [web])], sample_input_dataset=local
    )
    assert model.datasets == {"training": [table], "validation": [web]}
    model.add_dataset_references([("training", web), ("training", table)])
    assert Model(ws, "m").datasets == {"training": [table, web], "validation": [web]}
    assert [each.id for each in Model.list(ws, dataset_id=web.id)] == ["m:1"]
    assert Dataset.get_by_id(ws, local.id) == local


def test_a_run_registers_its_files_with_its_lineage(
    submit: Callable[..., layout.RunLayout], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [{"name": "words", "mode": "mount", "dataset": {"id": "1" * 36}}]
    record = submit(snapshot={"id": "s1"}, inputs=inputs)
    monkeypatch.setenv(layout.RUN_DIRECTORY_VARIABLE, record.root)
    run = Run.get_context()
    for name in ("net/weights", "net/deep/vocabulary", "model.pkl"):
        path = Path(record.code, "outputs", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    model = run.register_model("m", "./outputs//model.pkl", tags={"a": 1})
    assert (model.run_id, model.experiment_name, model.snapshot_id) == (run.id, "diabetes", "s1")
    assert model._entry["datasets"] == [{"scenario": "training", "id": "1" * 36}]
    assert Path(Model.get_model_path("m")).read_text() == "model.pkl"
    folder = run.register_model("m", "outputs/net/")
    assert sorted(folder.get_sas_urls()) == ["net/deep/vocabulary", "net/weights"]
    run.upload_file("uploaded", str(Path(record.code, "outputs", "model.pkl")))
    assert list(run.register_model("uploaded").get_sas_urls()) == ["uploaded"]
    with pytest.raises(UserErrorException, match="Could not locate the provided model_path none in the set of files"):
        run.register_model("m", "none")


@pytest.mark.parametrize("method", sorted(REFUSED))
def test_serving_is_refused_with_a_way_out(method: str) -> None:
    with pytest.raises(NotYetException, match="load the model's file in a service of your own"):
        getattr(Model, method)()
