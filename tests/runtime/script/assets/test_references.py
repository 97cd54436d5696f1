"""v1's references to paths of datastores: their words, their copies, and what they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime.script.assets.datastores import Datastore
from turnout.runtime.script.assets.references import DataPath, DataPathComputeBinding, DataReference
from turnout.runtime.script.exceptions import UserErrorException


def test_its_text_is_the_word_of_v1(store: Any) -> None:
    assert str(DataReference(store, "images")) == "$AZUREML_DATAREFERENCE_images"
    assert str(store.as_mount()) == "$AZUREML_DATAREFERENCE_workspaceblobstore"


def test_a_path_without_a_name_has_one_of_its_own_and_always_the_same(store: Any) -> None:
    one, two = store.path("a"), store.path("b")
    assert one.data_reference_name != two.data_reference_name
    assert store.path("a").data_reference_name == one.data_reference_name


@pytest.mark.parametrize("name", ["2020 data", "a-b.c"])
def test_every_datastore_has_a_reference_that_can_be_a_variable(ws: Workspace, tmp_path: Path, name: str) -> None:
    store = Datastore.register(ws, name, str(tmp_path))
    assert store.as_mount().data_reference_name.isidentifier()
    assert store.path("x").data_reference_name.isidentifier()


@pytest.mark.parametrize("name", ["a-b", "1", "path", "HOME"])
def test_a_name_that_can_be_no_variable_is_refused(store: Any, name: str) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of an input or output"):
        store.path("x", data_reference_name=name)


def test_its_modes_are_copies(store: Any) -> None:
    one = store.path("a", data_reference_name="n")
    download, upload = one.as_download("here"), one.as_upload("there", overwrite=True)
    assert (one.mode, one.path_on_compute, one.overwrite) == ("mount", None, False)
    assert (download.mode, download.path_on_compute, download.path_on_datastore) == ("download", "here", "a")
    assert (upload.mode, upload.path_on_compute, upload.overwrite) == ("upload", "there", True)
    assert upload.as_mount().data_reference_name == "n"


def test_a_path_below_it_is_another_reference(store: Any) -> None:
    assert store.path("a/").path("/b").path_on_datastore == "a/b"
    assert store.as_mount().path("b").path_on_datastore == "b"


def test_its_section_says_the_same(store: Any) -> None:
    section = store.path("a").as_upload("there", overwrite=True).to_config()
    assert (section.data_store_name, section.path_on_data_store, section.mode) == (store.name, "a", "upload")
    assert (section.path_on_compute, section.overwrite) == ("there", True)


def test_a_path_and_how_it_is_bound_make_a_reference_and_back(store: Any) -> None:
    path, binding = DataPath(store, "a", "n"), DataPathComputeBinding("download", "here", True)
    for made in (
        path.create_data_reference(datapath_compute_binding=binding),
        binding.create_data_reference(datapath=path),
        DataReference.create("n", path, binding),
    ):
        assert (str(made), made.mode, made.path_on_compute, made.overwrite) == (
            "$AZUREML_DATAREFERENCE_n",
            "download",
            "here",
            True,
        )
        back = DataPath.create_from_data_reference(made)
        assert (back.datastore_name, back.path_on_datastore) == (store.name, "a")
        assert vars(DataPathComputeBinding.create_from_data_reference(made)) == vars(binding)
    with pytest.raises(UserErrorException, match="needs a datapath"):
        DataReference.create("n")
