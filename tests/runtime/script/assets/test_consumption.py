"""Inputs and outputs of a run as v1 wrote them down."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.runtime.script.assets.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from turnout.runtime.script.assets.dataset import Dataset
from turnout.runtime.script.exceptions import NotYetException, UserErrorException


@pytest.fixture
def files(store: Any) -> Any:
    return Dataset.File.from_files((store, "a"), validate=False)


def test_an_input_says_its_name_and_changes_its_mode_in_place(files: Any) -> None:
    made = files.as_named_input("words")
    assert (str(made), made.mode, made.path_on_compute) == ("DatasetConsumptionConfig:words", "direct", None)
    assert made.as_mount("/data") is made
    assert (made.mode, made.path_on_compute) == ("mount", "/data")
    assert made.as_download() is made
    assert (made.mode, made.path_on_compute) == ("download", "/data")
    made.name = "other"
    assert str(made) == "DatasetConsumptionConfig:other"
    with pytest.raises(UserErrorException, match="can't be the name of an input or output"):
        made.name = "no name"


def test_a_dataset_without_a_name_gets_one_of_its_own(files: Any) -> None:
    names = {files.as_mount().name, files.as_mount().name, files.as_download().name}
    assert len(names) == 3
    assert all(name.startswith("input_") for name in names)


@pytest.mark.parametrize("mode", ["hdfs", "", None])
def test_an_input_has_a_mode_that_there_is(files: Any, mode: Any) -> None:
    with pytest.raises(UserErrorException, match="an input's mode is direct, mount or download"):
        DatasetConsumptionConfig("n", files, mode)


def test_an_input_is_a_dataset(store: Any) -> None:
    for given in ("path", store, store.path("x")):
        with pytest.raises(UserErrorException, match="the input n needs a dataset, not a"):
            DatasetConsumptionConfig("n", given)


def test_what_is_not_there_is_refused_with_a_way_out(files: Any) -> None:
    with pytest.raises(NotYetException, match=r"use as_mount\(\)"):
        files.as_named_input("n").as_hdfs()
    with pytest.raises(NotYetException, match="register the output with register_on_complete"):
        OutputFileDatasetConfig("n").as_input()


def test_an_output_says_its_name_and_how_it_is_left() -> None:
    made = OutputFileDatasetConfig("left")
    assert (str(made), made.mode, made.source_globs) == ("DatasetOutputConfig:left", "mount", None)
    assert made.as_upload(overwrite=True, source_globs=["*.csv"]) is made
    assert (made.mode, made.overwrite, made.source_globs) == ("upload", True, ["*.csv"])
    assert made.as_mount().mode == "mount"
    assert made.register_on_complete("results", tags={"a": "1"}) is made
    assert OutputFileDatasetConfig().name != OutputFileDatasetConfig().name


def test_an_output_is_read_as_a_table_of_its_kind() -> None:
    csv = OutputFileDatasetConfig("a").as_upload(source_globs=["x*"]).read_delimited_files(separator="\t", header=False)
    assert csv._read is not None
    assert (csv._read["format"], csv._read["separator"], csv._read["header"]) == ("delimited", "\t", 0)
    assert csv.source_globs == ["x*"]
    parquet = OutputFileDatasetConfig("b").read_parquet_files(path_glob="**/*.parquet")
    assert parquet._read is not None
    assert (parquet._read["format"], parquet.source_globs) == ("parquet", ["**/*.parquet"])


@pytest.mark.parametrize(
    "name", ["path", "PYTHONPATH", "LD_PRELOAD", "turnout_home", "AZUREML_RUN_ID", "1st", "a-b", ""]
)
def test_no_input_hides_a_variable_that_leads_a_process(files: Any, name: str) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of an input or output"):
        files.as_named_input(name)


@pytest.mark.parametrize("name", ["python_files", "data", "Words_2"])
def test_other_names_of_inputs_are_fine(files: Any, name: str) -> None:
    assert files.as_named_input(name).name == name
