"""The place that says what a workspace has: who registered what, and a workspace that can't be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.exceptions import RecordException
from turnout.runtime import layout
from turnout.runtime.script.assets import needs, places
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.assets.datastores import Datastore
from turnout.runtime.script.assets.models import Model
from turnout.runtime.script.exceptions import UserErrorException
from turnout.runtime.script.run import Run


def test_a_person_registers_without_a_run_and_a_script_with_its_own(
    submit: Callable[..., layout.RunLayout], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = submit(snapshot={"id": "s1"})
    place = places.Live(record.workspace)
    definition = {"kind": "file", "sources": [{"url": "https://example.org/x"}], "read": None, "steps": []}
    by_hand = place.register_dataset({"name": "words"}, definition)
    assert [by_hand[key] for key in ("run", "experiment", "snapshot")] == [None, None, None]
    monkeypatch.setenv(layout.RUN_DIRECTORY_VARIABLE, record.root)
    ws = Run.get_context().experiment.workspace
    assert ws.assets == place
    Dataset.File.from_files("https://example.org/y").register(ws, "words", create_new_version=True)
    entry = place.entry(places.DATASET, "words")
    assert entry is not None
    assert [entry[key] for key in ("run", "experiment", "snapshot")] == [record.run_id, "diabetes", "s1"]


def test_the_id_of_a_dataset_does_not_depend_on_the_order_of_its_members() -> None:
    one = {"kind": "file", "sources": [{"datastore": "ü", "path": "x"}], "read": None, "steps": []}
    assert places.dataset_id(one) == places.dataset_id(dict(reversed(one.items())))
    assert places.dataset_id(one) != places.dataset_id({**one, "kind": "tabular"})


def test_places_of_one_workspace_are_the_same(ws: Workspace) -> None:
    assert ws.assets == Workspace.get("data").assets
    assert len({ws.assets, Workspace.get("data").assets, Workspace.create("other").assets}) == 2


def test_the_catalogue_has_all_that_a_run_elsewhere_may_ask_for(ws: Workspace, store: Any, put: Any) -> None:
    put("a")
    put("b")
    for path in ("a", "b"):
        Dataset.File.from_files((store, path)).register(ws, "words", create_new_version=True)
    further = ws.assets.keep_dataset({"kind": "file", "sources": [], "read": None, "steps": []})
    found = ws.assets.catalogue([further])
    assert found["default_datastore"] == "workspaceblobstore"
    assert [entry["version"] for entry in found["dataset"]["words"]] == [2, 1]
    assert set(found["datasets"]) == {further, *(entry["id"] for entry in found["dataset"]["words"])}


@pytest.mark.parametrize(
    ("member", "write"),
    [
        ("datasets", lambda ws: Dataset.File.from_files("https://example.org/x").register(ws, "words")),
        ("dataset_names", lambda ws: Dataset.File.from_files("https://example.org/x").register(ws, "words")),
        ("datastores", lambda ws: Datastore.register(ws, "d", "memory://d")),
        ("models", lambda ws: Model.register(ws, __file__, "m")),
    ],
)
def test_a_workspace_that_cannot_be_written_is_named(
    ws: Workspace, member: str, write: Callable[[Workspace], object]
) -> None:
    Path(getattr(ws.layout, member)).write_text("")  # in the place of a directory
    with pytest.raises(RecordException, match=r"can't be written: .*; mend its permissions, or free some space"):
        write(ws)


def test_damaged_entries_are_passed_over_or_named(ws: Workspace) -> None:
    Dataset.File.from_files("https://example.org/x").register(ws, "words")
    Path(ws.layout.default_datastore).write_text("{")
    assert ws.get_default_datastore().name == "workspaceblobstore"
    Path(ws.layout.dataset_names, "words", "1.json").write_text("[]")
    with pytest.raises(UserErrorException, match="Cannot find dataset registered with name"):
        Dataset.get_by_name(ws, "words")


def test_a_missing_package_is_named_with_what_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UserErrorException, match="reading a table needs the package no_such_package; add it to the env"
    ):
        needs.package("no_such_package", "reading a table")
    (tmp_path / "half_a_package.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        UserErrorException, match="the package half_a_package, which does not load: No module named 'no_such"
    ):
        needs.package("half_a_package", "reading a table")
