"""What a script asks of its run by name: inputs, outputs, and files of it that become models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.runtime.script.assets import places
from turnout.runtime.script.assets.datasets import TabularDataset
from turnout.runtime.script.exceptions import ModelPathNotFoundException, UserErrorException
from turnout.runtime.script.run import Run


@pytest.fixture
def begin(submit: Callable[..., layout.RunLayout], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Make the context of a script whose run reads and leaves this."""

    def make(**definition: Any) -> Run:
        monkeypatch.setenv(layout.RUN_DIRECTORY_VARIABLE, submit(**definition).root)
        found = Run.get_context()
        assert isinstance(found, Run)
        return found

    return make


def test_inputs_are_datasets_or_paths_and_references_are_neither(
    begin: Callable[..., Run], workspace: layout.WorkspaceLayout
) -> None:
    definition = {"kind": "tabular", "sources": [{"datastore": "s", "path": "x"}], "read": {}, "steps": []}
    place = places.Live(workspace)
    named = place.register_dataset({"name": "table"}, definition)
    place.register_dataset({"name": "also"}, definition)
    direct = {"name": "t", "mode": "direct", "dataset": {"id": named["id"], "name": "also", "version": 1}}
    run = begin(
        inputs=[
            direct,
            {**direct, "name": "anonymous", "dataset": {"id": named["id"], "name": None, "version": None}},
            {"name": "files", "mode": "mount", "dataset": {"id": "i"}, "folder": "/store/top"},
            {"name": "old", "mode": "mount", "reference": {"datastore": "s"}, "folder": "/store"},
        ]
    )
    found = run.input_datasets
    assert sorted(found) == ["anonymous", "files", "t"]
    assert isinstance(found["t"], TabularDataset)
    assert (found["t"].id, found["t"].name, found["t"].version) == (named["id"], "also", 1)
    assert found["anonymous"].id == named["id"]
    assert found["files"] == "/store/top"
    with pytest.raises(KeyError):
        found["old"]


def test_outputs_are_directories(begin: Callable[..., Run]) -> None:
    run = begin(outputs=[{"name": "left"}, {"name": "here", "source": "written"}])
    assert run.output_datasets == {
        "left": f"{run.layout.artifacts}/datasets/left",
        "here": f"{run.layout.code}/written",
    }
    assert begin(run_id="other").output_datasets == {}


def test_a_dataset_that_is_gone_is_named(begin: Callable[..., Run]) -> None:
    run = begin(inputs=[{"name": "t", "mode": "direct", "dataset": {"id": "0" * 36, "name": "table", "version": 1}}])
    with pytest.raises(UserErrorException, match="Cannot load dataset with the specified id 0000"):
        _ = run.input_datasets


def test_a_model_is_its_files_and_nothing_that_begins_alike(begin: Callable[..., Run]) -> None:
    run = begin()
    for name in ("outputs/net/w", "outputs/network", "outputs/net.txt"):
        path = Path(run.layout.code, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert list(run.register_model("m", "outputs/net").get_sas_urls()) == ["net/w"]
    with pytest.raises(
        ModelPathNotFoundException, match=r"model_path outputs/ne in the set .*: outputs/net\.txt, outputs/"
    ):
        run.register_model("m", "outputs/ne")
    with pytest.raises(ModelPathNotFoundException):
        run.register_model("m", "../run.json")
    with pytest.raises(UserErrorException, match="can't be the name of a model"):
        run.register_model("a/b", "outputs/net")


def test_of_many_files_some_are_named(begin: Callable[..., Run]) -> None:
    run = begin()
    Path(run.layout.code, "outputs").mkdir()
    for number in range(25):
        Path(run.layout.code, "outputs", f"{number:02}").write_text("")
    with pytest.raises(ModelPathNotFoundException, match=r"outputs/19 and 5 more$"):
        run.register_model("none")
