"""The data that a run configuration names: among its arguments, and in v1's three sections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Dataset, RunConfiguration, Workspace
from turnout.config import data as config
from turnout.data import passing
from turnout.exceptions import RunConfigurationException, UserErrorException
from turnout.runtime.script.assets.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from turnout.runtime.script.assets.references import DataReference

Put = Callable[..., Path]


@pytest.fixture
def files(store: Any, put: Put) -> Any:
    put("a/1.txt")
    return Dataset.File.from_files((store, "a"))


@pytest.fixture
def table(store: Any) -> Any:
    return Dataset.Tabular.from_delimited_files((store, "t.csv"), validate=False)


@pytest.fixture
def collect(ws: Workspace) -> Callable[..., tuple[passing.Passed, RunConfiguration]]:
    """Collect the data of a configuration with these arguments and sections."""

    def work(*arguments: Any, **sections: Any) -> tuple[passing.Passed, RunConfiguration]:
        configuration = RunConfiguration(script="train.py", arguments=list(arguments))
        for name, value in sections.items():
            setattr(configuration, name, value)
        return passing.collect(ws, configuration), configuration

    return work


def test_most_configurations_name_no_data(files: Any) -> None:
    assert not passing.names_data(RunConfiguration(script="x", arguments=["--a", 1, Path("b")]))
    assert not passing.names_data(RunConfiguration(script="x", arguments="--data DatasetConsumptionConfig:x"))
    assert passing.names_data(RunConfiguration(script="x", arguments=[files.as_mount()]))
    assert passing.names_data(RunConfiguration(script="x"), ["python", files.as_mount()])


def test_arguments_become_the_words_that_stand_for_them(collect: Any, store: Any, files: Any, table: Any) -> None:
    output = OutputFileDatasetConfig("left", destination=(store, "left"))
    passed, configuration = collect(
        "--rate", 0.1, files.as_named_input("words").as_mount(), table.as_named_input("t"), store.path("m"), output
    )
    assert configuration.arguments[:4] == [
        "--rate",
        0.1,
        "DatasetConsumptionConfig:words",
        "DatasetConsumptionConfig:t",
    ]
    assert configuration.arguments[4].startswith("$AZUREML_DATAREFERENCE_workspaceblobstore_")
    assert configuration.arguments[5] == "DatasetOutputConfig:left"
    assert [(each.name[:5], each.mode) for each in passed.inputs] == [
        ("words", "mount"),
        ("t", "direct"),
        ("works", "mount"),
    ]
    assert [(each.name, each.path, each.overwrite) for each in passed.outputs] == [("left", "left", True)]


def test_a_configuration_that_was_submitted_says_the_same_in_its_sections(
    ws: Workspace, collect: Any, store: Any, files: Any
) -> None:
    files.register(ws, "words")
    words = Dataset.get_by_name(ws, "words")
    output = OutputFileDatasetConfig("left", (store, "left"), "written").as_upload(True, ["*.csv"])
    output.register_on_complete("results", "text", {"a": "1"})
    reference = store.path("m", data_reference_name="m").as_download("here")
    first, configuration = collect(words.as_named_input("w").as_download("there"), output, reference)
    section = configuration.data["w"]
    assert (section.data_location.dataset.name, section.data_location.dataset.version) == ("words", "1")
    assert (section.mechanism, section.path_on_compute) == ("download", "there")
    again = passing.collect(ws, configuration)
    assert [(each.name, each.mode, each.path_on_compute, each.path) for each in again.inputs] == [
        (each.name, each.mode, each.path_on_compute, each.path) for each in first.inputs
    ]
    assert again.inputs[0].dataset == words
    assert again.outputs == first.outputs
    assert configuration.arguments == [
        "DatasetConsumptionConfig:w",
        "DatasetOutputConfig:left",
        "$AZUREML_DATAREFERENCE_m",
    ]


def test_the_same_input_may_be_named_twice_and_another_of_its_name_may_not(
    collect: Any, files: Any, store: Any
) -> None:
    words = files.as_named_input("words")
    assert len(collect(words, words)[0].inputs) == 1
    assert len(collect(words, files.as_named_input("words"))[0].inputs) == 1
    assert len(collect(store.path("a"), store.path("a"))[0].inputs) == 1
    for other in (
        files.as_named_input("words").as_mount(),
        files.take(1).as_named_input("words"),
        OutputFileDatasetConfig("words"),
        store.path("a", data_reference_name="words"),
    ):
        with pytest.raises(
            RunConfigurationException, match="there are two inputs or outputs named words; give each a name"
        ):
            collect(words, other)


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "path", "HOME", "Ld_Library_Path", None, "é"])
def test_names_that_can_be_no_variables_are_refused(collect: Any, files: Any, store: Any, name: Any) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of an input or output"):
        files.as_named_input(name)
    with pytest.raises(UserErrorException, match="can't be the name of an input or output"):
        collect(data={name: config.Data(config.DataLocation(uri=config.Uri("https://example.org/x")))})


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_a_table_is_neither_mounted_nor_downloaded(ws: Workspace, collect: Any, table: Any, mode: str) -> None:
    says = "a TabularDataset can't be mounted or downloaded"
    with pytest.raises(UserErrorException, match=says):
        DatasetConsumptionConfig("t", table, mode)
    with pytest.raises(UserErrorException, match=says):
        getattr(table.as_named_input("t"), f"as_{mode}")()
    table.register(ws, "table")
    location = config.DataLocation(dataset=config.Dataset(dataset_name="table"))
    with pytest.raises(UserErrorException, match=says):
        collect(data={"t": config.Data(location, mechanism=mode)})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("text", "the data 'd' of the run configuration is a str; pass dataset.as_named_input"),
        (config.Data(config.DataLocation(), mechanism="direct"), "the input d says not where its data lies"),
        (config.Data(None), "the input d says not where its data lies"),
        (
            config.Data(config.DataLocation(), mechanism="hdfs"),
            "has the mechanism hdfs; it is direct, mount or download",
        ),
        (config.Data(config.DataLocation(dataset=config.Dataset(dataset_name="none"))), "Cannot find dataset"),
        (
            config.Data(config.DataLocation(dataset=config.Dataset("0" * 36))),
            "Cannot load dataset with the specified id",
        ),
        (
            config.Data(config.DataLocation(data_path=config.DataPath("none", "x"))),
            "Could not find datastore none in this workspace",
        ),
    ],
)
def test_a_section_that_names_no_data_is_refused(collect: Any, given: Any, says: str) -> None:
    with pytest.raises(UserErrorException, match=says):
        collect(data={"d": given})


def test_a_section_names_a_version_a_path_or_a_uri(
    ws: Workspace, collect: Any, files: Any, put: Put, store: Any
) -> None:
    put("b/2.txt")
    files.register(ws, "words")
    Dataset.File.from_files((store, "b")).register(ws, "words", create_new_version=True)
    found, _ = collect(
        data={
            "one": config.Data(config.DataLocation(dataset=config.Dataset(dataset_name="words", dataset_version="1"))),
            "latest": config.Data(config.DataLocation(dataset=config.Dataset(dataset_name="words"))),
            "where": config.Data(
                config.DataLocation(data_path=config.DataPath("workspaceblobstore", "b")), mechanism="Mount"
            ),
            "uri": config.Data(config.DataLocation(uri=config.Uri("https://example.org/x.csv"))),
        }
    )
    assert [each.dataset.to_path() for each in found.inputs] == [["/1.txt"], ["/2.txt"], ["/2.txt"], ["/x.csv"]]
    assert found.inputs[2].mode == "mount"


@pytest.mark.parametrize("path", ["..", "a/../../b"])
@pytest.mark.parametrize("mode", ["mount", "download", "upload"])
def test_a_reference_does_not_lead_out_of_its_datastore(collect: Any, store: Any, path: str, mode: str) -> None:
    with pytest.raises(UserErrorException, match="leads out of its datastore"):
        collect(DataReference(store, "d", path, mode))


def test_a_reference_has_a_mode_that_there_is(collect: Any, store: Any) -> None:
    with pytest.raises(UserErrorException, match="a data reference's mode is mount, download or upload, not 'copy'"):
        DataReference(store, "d", mode="copy")
    with pytest.raises(RunConfigurationException, match="the data reference d has the mode copy"):
        collect(data_references={"d": config.DataReferenceConfiguration("workspaceblobstore", "copy")})


def test_a_reference_that_is_uploaded_is_an_output(collect: Any, store: Any) -> None:
    passed, _ = collect(store.path("models", "m").as_upload("written"))
    (output,) = passed.outputs
    assert (output.name, output.path, output.source, output.overwrite, output.reference) == (
        "m",
        "models",
        "written",
        False,
        True,
    )


def test_how_an_output_is_read_is_kept(collect: Any, store: Any) -> None:
    table = OutputFileDatasetConfig("t").read_delimited_files(separator=";", path_glob="*.csv")
    parts = OutputFileDatasetConfig("p", partition_format="/{Day:yyyy}/x.csv")
    passed, _ = collect(table, parts, OutputFileDatasetConfig("plain"))
    assert passed.outputs[0].read["separator"] == ";"
    assert passed.outputs[0].globs == ["*.csv"]
    assert [each.read for each in passed.outputs[1:]] == [{"partition_format": "/{Day:yyyy}/x.csv"}, None]


def test_an_output_is_registered_under_a_name_that_can_be_used(collect: Any) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of a dataset"):
        OutputFileDatasetConfig("left").register_on_complete("a/b")
    options = config.OutputOptions(registration_options=config.RegistrationOptions("a/b"))
    with pytest.raises(UserErrorException, match="can't be the name of a dataset"):
        collect(output_data={"left": config.OutputData(additional_options=options)})


@pytest.mark.parametrize("destination", ["left", ("store", "left"), 3])
def test_the_destination_of_an_output_is_a_path_of_a_datastore(destination: Any) -> None:
    with pytest.raises(UserErrorException, match=r"the destination of the output left is \(datastore, path\)"):
        OutputFileDatasetConfig("left", destination)
