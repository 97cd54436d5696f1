"""The data that a RunConfiguration names, in v1's classes: references, inputs, outputs, caches.

Descriptions only; `turnout.data.passing` finds the data that they mean.
"""

from __future__ import annotations

from typing import Any

from turnout.elements import ConfigElement, Field


class DataReferenceConfiguration(ConfigElement):
    """A path in a datastore that a script reads or writes: `mount`, `download` or `upload`."""

    data_store_name: str | None
    path_on_data_store: str | None
    mode: str
    overwrite: bool
    path_on_compute: str | None

    FIELDS = (
        Field("data_store_name", "dataStoreName"),
        Field("path_on_data_store", "pathOnDataStore"),
        Field("mode", "mode", str, "mount"),
        Field("overwrite", "overwrite", bool, False),
        Field("path_on_compute", "pathOnCompute"),
    )

    def __init__(
        self,
        datastore_name: str | None = None,
        mode: str = "mount",
        path_on_datastore: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        super().__init__()
        self.data_store_name = datastore_name
        self.mode = mode
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite


class Dataset(ConfigElement):
    """A dataset by id, or by name and version."""

    id: str | None
    name: str | None
    version: str | None

    FIELDS = (Field("id", "id"), Field("name", "name"), Field("version", "version"))

    def __init__(
        self, dataset_id: str | None = None, dataset_name: str | None = None, dataset_version: str | None = None
    ) -> None:
        super().__init__()
        self.id = dataset_id
        self.name = dataset_name
        self.version = dataset_version


class DataPath(ConfigElement):
    """A path in a datastore."""

    datastore_name: str | None
    relative_path: str | None

    FIELDS = (Field("datastore_name", "datastoreName"), Field("relative_path", "relativePath"))

    def __init__(self, datastore_name: str | None = None, relative_path: str | None = None) -> None:
        super().__init__()
        self.datastore_name = datastore_name
        self.relative_path = relative_path


class Uri(ConfigElement):
    """A URI, of a file or of a folder."""

    path: str | None
    is_file: bool

    FIELDS = (Field("path", "path"), Field("is_file", "isFile", bool, False))

    def __init__(self, path: str | None = None, is_file: bool = False) -> None:
        super().__init__()
        self.path = path
        self.is_file = is_file


class DataLocation(ConfigElement):
    """Where data lies: one of a dataset, a path in a datastore, a URI."""

    dataset: Dataset | None
    data_path: DataPath | None
    uri: Uri | None

    FIELDS = (Field("dataset", "dataset", Dataset), Field("data_path", "dataPath", DataPath), Field("uri", "uri", Uri))

    def __init__(
        self, dataset: Dataset | None = None, data_path: DataPath | None = None, uri: Uri | None = None
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.data_path = data_path
        self.uri = uri


class Data(ConfigElement):
    """An input of a run: where it lies and how it gets to the script."""

    data_location: DataLocation | None
    create_output_directories: bool | None
    mechanism: str
    environment_variable_name: str | None
    path_on_compute: str | None
    overwrite: bool
    options: dict[str, Any] | None

    FIELDS = (
        Field("data_location", "dataLocation", DataLocation),
        Field("create_output_directories", "createOutputDirectories", bool),
        Field("mechanism", "mechanism", str, "direct"),
        Field("environment_variable_name", "environmentVariableName"),
        Field("path_on_compute", "pathOnCompute"),
        Field("overwrite", "overwrite", bool, False),
        Field("options", "options", object),
    )

    def __init__(
        self,
        data_location: DataLocation | None = None,
        create_output_directories: bool | None = None,
        mechanism: str = "direct",
        environment_variable_name: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.data_location = data_location
        self.create_output_directories = create_output_directories
        self.mechanism = mechanism
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.options = options


class DatasetRegistrationOptions(ConfigElement):
    """How an output becomes a dataset."""

    additional_transformation: str | None

    FIELDS = (Field("additional_transformation", "additionalTransformation"),)

    def __init__(self, additional_transformations: str | None = None) -> None:
        super().__init__()
        self.additional_transformation = additional_transformations


class RegistrationOptions(ConfigElement):
    """The name, description and tags that an output is registered with."""

    name: str | None
    description: str | None
    tags: dict[str, str] | None
    dataset_registration_options: DatasetRegistrationOptions | None

    FIELDS = (
        Field("name", "name"),
        Field("description", "description"),
        Field("tags", "tags", dict),
        Field("dataset_registration_options", "datasetRegistrationOptions", DatasetRegistrationOptions),
    )

    def __init__(
        self,
        name: str | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        dataset_registration_options: DatasetRegistrationOptions | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.description = description
        self.tags = tags
        self.dataset_registration_options = dataset_registration_options


class GlobsOptions(ConfigElement):
    """Which files are meant, as glob patterns."""

    patterns: list[str] | None

    FIELDS = (Field("patterns", "patterns", list),)

    def __init__(self, patterns: list[str] | None = None) -> None:
        super().__init__()
        self.patterns = patterns


class UploadOptions(ConfigElement):
    """How an output is uploaded."""

    overwrite: bool
    source_globs: GlobsOptions | None

    FIELDS = (Field("overwrite", "overwrite", bool, False), Field("source_globs", "sourceGlobs", GlobsOptions))

    def __init__(self, overwrite: bool = False, source_globs: GlobsOptions | None = None) -> None:
        super().__init__()
        self.overwrite = overwrite
        self.source_globs = source_globs


class MountOptions(ConfigElement):
    """How an output is mounted."""

    disable_metadata_cache: bool

    FIELDS = (Field("disable_metadata_cache", "disableMetadataCache", bool, False),)

    def __init__(self, disable_metadata_cache: bool = False) -> None:
        super().__init__()
        self.disable_metadata_cache = disable_metadata_cache


class OutputOptions(ConfigElement):
    """The settings of an output."""

    path_on_compute: str | None
    registration_options: RegistrationOptions | None
    upload_options: UploadOptions | None
    mount_options: MountOptions | None

    FIELDS = (
        Field("path_on_compute", "pathOnCompute"),
        Field("registration_options", "registrationOptions", RegistrationOptions),
        Field("upload_options", "uploadOptions", UploadOptions),
        Field("mount_options", "mountOptions", MountOptions),
    )

    def __init__(
        self,
        path_on_compute: str | None = None,
        registration_options: RegistrationOptions | None = None,
        upload_options: UploadOptions | None = None,
        mount_options: MountOptions | None = None,
    ) -> None:
        super().__init__()
        self.path_on_compute = path_on_compute
        self.registration_options = registration_options
        self.upload_options = upload_options
        self.mount_options = mount_options


class OutputData(ConfigElement):
    """An output of a run: where it goes and how."""

    output_location: DataLocation | None
    mechanism: str
    additional_options: OutputOptions | None

    FIELDS = (
        Field("output_location", "outputLocation", DataLocation),
        Field("mechanism", "mechanism", str, "mount"),
        Field("additional_options", "additionalOptions", OutputOptions),
    )

    def __init__(
        self,
        output_location: DataLocation | None = None,
        mechanism: str = "mount",
        additional_options: OutputOptions | None = None,
    ) -> None:
        super().__init__()
        self.output_location = output_location
        self.mechanism = mechanism
        self.additional_options = additional_options


class DatacacheConfiguration(ConfigElement):
    """A cached copy of a dataset near the compute target."""

    datacache_id: str | None
    datacache_store: str | None
    dataset_id: str | None
    mode: str
    replica: int | None
    failure_fallback: bool
    path_on_compute: str | None

    FIELDS = (
        Field("datacache_id", "datacacheId"),
        Field("datacache_store", "datacacheStore"),
        Field("dataset_id", "datasetId"),
        Field("mode", "mode", str, "mount"),
        Field("replica", "replica", int),
        Field("failure_fallback", "failureFallback", bool, False),
        Field("path_on_compute", "pathOnCompute"),
    )

    def __init__(
        self,
        dataset_id: str | None = None,
        datacache_store: str | None = None,
        datacache_id: str | None = None,
        mode: str = "mount",
        path_on_compute: str | None = None,
        replica: int | None = None,
        failure_fallback: bool = False,
    ) -> None:
        super().__init__()
        self.datacache_id = datacache_id
        self.datacache_store = datacache_store
        self.dataset_id = dataset_id
        self.mode = mode
        self.replica = replica
        self.failure_fallback = failure_fallback
        self.path_on_compute = path_on_compute
