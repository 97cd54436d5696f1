"""How a run gets a dataset and leaves one: v1's DatasetConsumptionConfig and OutputFileDatasetConfig."""

import os

from turnout.runtime.inputs import DIRECT, DOWNLOAD, MOUNT, UPLOAD
from turnout.runtime.script.assets import names
from turnout.runtime.script.exceptions import NotYetException, UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional

_TABULAR = (
    "a TabularDataset can't be mounted or downloaded; pass it as it is, and read it with run.input_datasets['%s']."
    "to_pandas_dataframe()"
)


class _NamedData:
    """What stands for a run's data in its configuration: it has a name that can be set anew."""

    STANDS_FOR_DATA = True
    """Among arguments its text stands for what the script gets in its place."""

    _name: str

    @property
    def name(self) -> str:
        """The name of the input or output."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = names.checked_input(name)


class DatasetConsumptionConfig(_NamedData):
    """A dataset as an input of a run.

    Among a script's arguments it becomes the dataset's id (`direct`), or the path of its files (`mount`, `download`); in any case
    it is in `run.input_datasets` under its name, and the variable of that name is the same.

    Args:
        name: letters, digits and underscores.
        dataset: a FileDataset or a TabularDataset.
        mode: `direct`, `mount` or `download`.
        path_on_compute: where the files are to be found, absolute or relative to the working directory.

    Raises:
        UserErrorException: the name or the mode can't be used, or a table is to be mounted or downloaded.
    """

    def __init__(self, name: str, dataset: "Any", mode: str = DIRECT, path_on_compute: "Optional[str]" = None) -> None:
        if mode not in (DIRECT, MOUNT, DOWNLOAD):
            raise UserErrorException("an input's mode is direct, mount or download, not %r" % (mode,))
        self._name = names.checked_input(name)
        if not hasattr(dataset, "as_named_input"):
            raise UserErrorException("the input %s needs a dataset, not a %s" % (name, type(dataset).__name__))
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute
        if mode != DIRECT:
            self._check()

    def __str__(self) -> str:
        return "DatasetConsumptionConfig:%s" % self._name

    def __repr__(self) -> str:
        return "DatasetConsumptionConfig(%r, %r, mode=%r)" % (self._name, self.dataset, self.mode)

    def as_mount(self, path_on_compute: "Optional[str]" = None) -> "DatasetConsumptionConfig":
        """Have the script see the files where they lie; on another machine it gets copies. Return this object, as in v1."""
        return self._become(MOUNT, path_on_compute)

    def as_download(self, path_on_compute: "Optional[str]" = None) -> "DatasetConsumptionConfig":
        """Have the script get copies of the files. Return this object, as in v1."""
        return self._become(DOWNLOAD, path_on_compute)

    def as_hdfs(self) -> "Any":
        """Refuse."""
        return self.dataset.as_hdfs()

    def _become(self, mode: str, path_on_compute: "Optional[str]") -> "DatasetConsumptionConfig":
        self._check()
        self.mode = mode
        self.path_on_compute = path_on_compute or self.path_on_compute
        return self

    def _check(self) -> None:
        if self.dataset._definition["kind"] != "file":
            raise UserErrorException(_TABULAR % self._name)


class OutputDatasetConfig(_NamedData):
    """What a run leaves as a dataset; see `OutputFileDatasetConfig`."""

    def __init__(self, mode: str, name: "Optional[str]" = None, **kwargs: "Any") -> None:
        self.mode = mode
        self._name = names.checked_input(name or "output_%s" % os.urandom(4).hex())
        self._registration: "Optional[Dict[str, Any]]" = None

    def __str__(self) -> str:
        return "DatasetOutputConfig:%s" % self._name

    def register_on_complete(
        self, name: str, description: "Optional[str]" = None, tags: "Optional[Dict[str, str]]" = None
    ) -> "Any":
        """Have the output registered as a dataset once the run has completed: the next version of that name.

        Args:
            name: what it is registered under.
            description: text for people.
            tags: labels of your own.
        """
        self._registration = {
            "name": names.checked("dataset", name),
            "description": description,
            "tags": dict(tags or {}),
        }
        return self

    def as_input(self, name: "Optional[str]" = None) -> "Any":
        """Refuse: it is for pipelines."""
        raise NotYetException(
            "as_input was for pipelines; register the output with register_on_complete, wait for the run, and pass the dataset on"
        )


class OutputFileDatasetConfig(OutputDatasetConfig):
    """A directory that a script writes to, whose files are in a datastore when the run has completed.

    Among a script's arguments it becomes the directory's path.

    Args:
        name: letters, digits and underscores; a random one by default.
        destination: `(datastore, path)`; the path may have `{run-id}` and `{output-name}`. By default
            `dataset/{run-id}/{output-name}` of the workspace's default datastore (v1's rule).
        source: where the script writes, relative to the working directory; a directory of the record by default.
        partition_format: accepted as in v1, and kept with the dataset that is registered.
    """

    DEFAULT_PATH = "dataset/{run-id}/{output-name}"

    def __init__(
        self,
        name: "Optional[str]" = None,
        destination: "Any" = None,
        source: "Optional[str]" = None,
        partition_format: "Optional[str]" = None,
    ) -> None:
        super(OutputFileDatasetConfig, self).__init__(MOUNT, name)
        if destination is not None and not (
            isinstance(destination, tuple) and len(destination) == 2 and hasattr(destination[0], "datastore_type")
        ):
            raise UserErrorException("the destination of the output %s is (datastore, path)" % self._name)
        self.destination = destination
        self.source = source
        self.partition_format = partition_format
        self.overwrite = False
        self.source_globs: "Optional[List[str]]" = None
        self._read: "Optional[Dict[str, Any]]" = None

    def as_mount(self, disable_metadata_cache: bool = False) -> "OutputFileDatasetConfig":
        """Have the files in the datastore when the run has completed. Return this object."""
        self.mode = MOUNT
        return self

    def as_upload(
        self, overwrite: bool = False, source_globs: "Optional[List[str]]" = None
    ) -> "OutputFileDatasetConfig":
        """Have the files uploaded when the run has completed. Return this object.

        Args:
            overwrite: replace files that are in the datastore.
            source_globs: which files, as patterns; all by default.
        """
        self.mode = UPLOAD
        self.overwrite = overwrite
        self.source_globs = list(source_globs) if source_globs else None
        return self

    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: "Any" = 3,
        partition_format: "Optional[str]" = None,
        path_glob: "Optional[str]" = None,
        set_column_types: "Optional[Dict[str, Any]]" = None,
    ) -> "OutputFileDatasetConfig":
        """Have the output registered as a table of delimited files; the arguments are those of `from_delimited_files`."""
        from turnout.runtime.script.assets import factories

        self._read = factories.delimited(include_path, True, set_column_types, separator, header, partition_format)
        self.source_globs = [path_glob] if path_glob else self.source_globs
        return self

    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: "Optional[str]" = None,
        path_glob: "Optional[str]" = None,
        set_column_types: "Optional[Dict[str, Any]]" = None,
    ) -> "OutputFileDatasetConfig":
        """Have the output registered as a table of Parquet files; the arguments are those of `from_parquet_files`."""
        from turnout.runtime.script.assets import factories

        self._read = factories.parquet(include_path, set_column_types, partition_format)
        self.source_globs = [path_glob] if path_glob else self.source_globs
        return self


def new_input_name() -> str:
    """Return a name for an input that was given none, as v1 made one."""
    return "input_%s" % os.urandom(4).hex()
