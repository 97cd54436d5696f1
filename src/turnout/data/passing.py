"""Finds the data that a run configuration names: among its arguments, and in its sections data, data_references and output_data.

Objects are turned into what the record and v1's files say of them; an argument becomes the words that stand for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from turnout.config.data import (
    Data,
    DataLocation,
    DataPath,
    DataReferenceConfiguration,
    Dataset,
    GlobsOptions,
    OutputData,
    OutputOptions,
    RegistrationOptions,
    UploadOptions,
)
from turnout.exceptions import RunConfigurationException
from turnout.runtime.inputs import DIRECT, DOWNLOAD, MOUNT, UPLOAD
from turnout.runtime.script.assets import patterns
from turnout.runtime.script.assets.consumption import (
    DatasetConsumptionConfig,
    OutputDatasetConfig,
    OutputFileDatasetConfig,
)
from turnout.runtime.script.assets.names import checked, checked_input
from turnout.runtime.script.assets.references import DataReference

if TYPE_CHECKING:
    from turnout.config.run_configuration import RunConfiguration
    from turnout.workspace import Workspace


class Input(NamedTuple):
    """What a run reads.

    Attributes:
        name: what it is called.
        mode: direct, mount or download.
        dataset: the dataset, or None for a reference.
        datastore: the datastore of a reference, else None.
        path: the path of a reference.
        path_on_compute: where the script wants it; None for anywhere.
    """

    name: str
    mode: str
    dataset: Any
    datastore: Any
    path: str
    path_on_compute: str | None


class Output(NamedTuple):
    """What a run leaves.

    Attributes:
        name: what it is called.
        datastore: the datastore that gets it; None for the workspace's default one.
        path: where to; None for v1's default.
        source: where the script writes it, relative to the working directory; None for anywhere.
        overwrite: whether files that are there are replaced.
        globs: which files; None for all.
        register: name, description and tags of the dataset that it becomes; None for none.
        read: how that dataset is read, when it is a table.
        reference: whether v1's older way, a data reference, says it.
    """

    name: str
    datastore: Any
    path: str | None
    source: str | None
    overwrite: bool
    globs: list[str] | None
    register: dict[str, Any] | None
    read: dict[str, Any] | None
    reference: bool


class Passed(NamedTuple):
    """All data that a configuration names."""

    inputs: list[Input]
    outputs: list[Output]


def names_data(configuration: RunConfiguration, command: Any = None) -> bool:
    """Say whether a configuration names data at all; most don't."""
    sections = (configuration.data, configuration.data_references, configuration.output_data)
    return any(sections) or any(_stands_for_data(word) for word in _words(configuration.arguments, command))


def collect(workspace: Workspace, configuration: RunConfiguration, command: Any = None) -> Passed:
    """Return the data that a configuration names, which says it in its sections afterwards; objects are gone from its arguments.

    Args:
        workspace: whose datasets and datastores are named.
        configuration: changed in place.
        command: the command as it was given, when it is a list.

    Raises:
        RunConfigurationException: two inputs of one name that differ, or something that is no data.
        UserErrorException: a dataset or a datastore isn't there.
    """
    named: dict[str, Any] = {}
    sections: list[Mapping[str, Any]] = [
        configuration.data or {},
        configuration.data_references or {},
        configuration.output_data or {},
    ]
    for section in sections:
        for key, given in section.items():
            _add(named, key, given)
    for word in _words(configuration.arguments, command):
        if _stands_for_data(word):
            _add(named, _name_of(word), word)
    if isinstance(configuration.arguments, list):
        configuration.arguments = [str(word) if _stands_for_data(word) else word for word in configuration.arguments]
    passed = Passed([], [])
    configuration.data, configuration.data_references, configuration.output_data = {}, {}, {}
    for name, value in named.items():
        if isinstance(value, (DatasetConsumptionConfig, Data)):
            found = _input(workspace, name, value)
            passed.inputs.append(found)
            configuration.data[name] = value if isinstance(value, Data) else _section(found)
        elif isinstance(value, (DataReference, DataReferenceConfiguration)):
            reference: DataReferenceConfiguration = value.to_config() if isinstance(value, DataReference) else value
            configuration.data_references[name] = reference
            _refer(workspace, name, reference, passed)
        else:
            passed.outputs.append(_output(workspace, name, value))
            configuration.output_data[name] = value if isinstance(value, OutputData) else _output_section(value)
    return passed


def _words(arguments: Any, command: Any) -> Iterable[Any]:
    for each in (arguments, command):
        if isinstance(each, (list, tuple)):
            yield from each


def _stands_for_data(word: Any) -> bool:
    return bool(getattr(type(word), "STANDS_FOR_DATA", False))


def _name_of(word: Any) -> str:
    return str(word.data_reference_name if isinstance(word, DataReference) else word.name)


_KINDS = (DatasetConsumptionConfig, Data, DataReference, DataReferenceConfiguration, OutputDatasetConfig, OutputData)


def _add(named: dict[str, Any], name: str, value: Any) -> None:
    if not isinstance(value, _KINDS):
        raise RunConfigurationException(
            f"the data {name!r} of the run configuration is a {type(value).__name__}; pass dataset.as_named_input({name!r})"
        )
    known = named.get(name)
    if known is not None and known is not value and _told(known) != _told(value):
        raise RunConfigurationException(f"there are two inputs or outputs named {name}; give each a name of its own")
    named[name] = value


def _told(value: Any) -> Any:
    """Return what tells two inputs of one name apart."""
    if isinstance(value, DatasetConsumptionConfig):
        return (value.name, value.dataset.id, value.mode, value.path_on_compute)
    if isinstance(value, DataReference):
        return value.to_config()
    return value


def _input(workspace: Workspace, name: str, value: Any) -> Input:
    checked_input(name)
    if isinstance(value, DatasetConsumptionConfig):
        return Input(name, value.mode, value.dataset, None, "", value.path_on_compute)
    if value.mechanism.lower() not in (DIRECT, MOUNT, DOWNLOAD):
        raise RunConfigurationException(
            f"the input {name} has the mechanism {value.mechanism}; it is direct, mount or download"
        )
    located = value.data_location or DataLocation()
    made = _located(workspace, name, located)
    if value.mechanism.lower() != DIRECT:
        DatasetConsumptionConfig(name, made, value.mechanism.lower())  # refuses a table
    return Input(name, value.mechanism.lower(), made, None, "", value.path_on_compute)


def _located(workspace: Workspace, name: str, located: DataLocation) -> Any:
    """Return the dataset that a section's location names: a dataset, a path of a datastore, or a URI."""
    from turnout.runtime.script.assets.dataset import Dataset as AnyDataset
    from turnout.runtime.script.assets.datastores import Datastore

    if located.dataset is not None and located.dataset.id:
        return AnyDataset.get_by_id(workspace, located.dataset.id)
    if located.dataset is not None and located.dataset.name:
        version = located.dataset.version
        return AnyDataset.get_by_name(workspace, located.dataset.name, version or "latest")
    if located.data_path is not None:
        store = Datastore(workspace, located.data_path.datastore_name)
        return AnyDataset.File.from_files((store, located.data_path.relative_path or ""))
    if located.uri is not None and located.uri.path:
        return AnyDataset.File.from_files(located.uri.path)
    raise RunConfigurationException(
        f"the input {name} says not where its data lies; give data_location a dataset, a data_path or a uri"
    )


def _section(each: Input) -> Data:
    facts = Dataset(
        each.dataset.id, each.dataset.name, None if each.dataset.version is None else str(each.dataset.version)
    )
    return Data(
        DataLocation(dataset=facts),
        mechanism=each.mode,
        environment_variable_name=each.name,
        path_on_compute=each.path_on_compute,
    )


def _refer(workspace: Workspace, name: str, section: DataReferenceConfiguration, passed: Passed) -> None:
    from turnout.runtime.script.assets.datastores import Datastore

    checked_input(name)
    store = Datastore(workspace, section.data_store_name)
    path = patterns.inside(section.path_on_data_store or "")
    mode = (section.mode or MOUNT).lower()
    if mode == UPLOAD:
        passed.outputs.append(
            Output(name, store, path, section.path_on_compute, section.overwrite, None, None, None, True)
        )
    elif mode in (MOUNT, DOWNLOAD):
        passed.inputs.append(Input(name, mode, None, store, path, section.path_on_compute))
    else:
        raise RunConfigurationException(
            f"the data reference {name} has the mode {mode}; it is mount, download or upload"
        )


def _output(workspace: Workspace, name: str, value: Any) -> Output:
    checked_input(name)
    if isinstance(value, OutputFileDatasetConfig):
        store, path = value.destination or (None, None)
        overwrite = value.overwrite or value.mode == MOUNT
        return Output(
            name, store, path, value.source, overwrite, value.source_globs, value._registration, _read(value), False
        )
    if not isinstance(value, OutputData):
        raise RunConfigurationException(f"the output {name} is a {type(value).__name__}; use OutputFileDatasetConfig")
    return _output_of_section(workspace, name, value)


def _read(value: OutputFileDatasetConfig) -> dict[str, Any] | None:
    """Return how an output is read as a dataset; of files, their partition format is kept."""
    if value._read is not None or not value.partition_format:
        return value._read
    return {"partition_format": value.partition_format}


def _output_of_section(workspace: Workspace, name: str, value: OutputData) -> Output:
    from turnout.runtime.script.assets.datastores import Datastore

    located = value.output_location.data_path if value.output_location is not None else None
    options = value.additional_options or OutputOptions()
    upload = options.upload_options or UploadOptions()
    register = options.registration_options
    return Output(
        name,
        Datastore(workspace, located.datastore_name) if located is not None and located.datastore_name else None,
        located.relative_path if located is not None else None,
        options.path_on_compute,
        upload.overwrite or value.mechanism.lower() == MOUNT,
        list(upload.source_globs.patterns or []) or None if upload.source_globs is not None else None,
        None
        if register is None or not register.name
        else {
            "name": checked("dataset", register.name),
            "description": register.description,
            "tags": dict(register.tags or {}),
        },
        None,
        False,
    )


def _output_section(value: OutputFileDatasetConfig) -> OutputData:
    store, path = value.destination or (None, None)
    located = None if store is None else DataLocation(data_path=DataPath(store.name, path))
    registration = value._registration
    return OutputData(
        located,
        value.mode,
        OutputOptions(
            value.source,
            None if registration is None else RegistrationOptions(**_known(registration)),
            UploadOptions(value.overwrite, GlobsOptions(value.source_globs) if value.source_globs else None),
        ),
    )


def _known(registration: Mapping[str, Any]) -> dict[str, Any]:
    return {key: registration[key] for key in ("name", "description", "tags")}
