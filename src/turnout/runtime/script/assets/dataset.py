"""`Dataset`: v1's way in to datasets, with what earlier releases had there."""

import enum

from turnout.runtime.script.assets.datasets import AbstractDataset
from turnout.runtime.script.assets.factories import FileDatasetFactory, TabularDatasetFactory
from turnout.runtime.script.exceptions import NotYetException

MYPY = False
if MYPY:
    from typing import Any


class Scenario:
    """What a model's dataset was used for; v1's words."""

    TRAINING = "training"
    VALIDATION = "validation"
    INFERENCING = "inferencing"


class PromoteHeadersBehavior(enum.Enum):
    """Which delimited files begin with the names of their columns; v1's values."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class Dataset(AbstractDataset):
    """The way in: `Dataset.File`, `Dataset.Tabular`, `Dataset.get_by_name`, `get_by_id` and `get_all`.

    What it returns are FileDatasets and TabularDatasets.
    """

    Scenario = Scenario

    @staticmethod
    def get(workspace: "Any", name: "Any" = None, id: "Any" = None) -> "Any":  # noqa: A002 - v1's name
        """Return a dataset by name or id, as earlier releases did."""
        return Dataset.get_by_id(workspace, id) if id is not None else Dataset.get_by_name(workspace, name)

    @staticmethod
    def list(workspace: "Any") -> "Any":
        """Return the latest version of every registered dataset, as earlier releases did."""
        return [found for _, found in sorted(Dataset.get_all(workspace).items())]

    @staticmethod
    def auto_read_files(path: "Any", include_path: bool = False, partition_format: "Any" = None) -> "Any":
        """Return a table of files by their suffix: Parquet, JSON lines, tab-separated, else comma-separated."""
        from turnout.runtime.script.assets import sources

        place, listed = sources.described(path)
        names = [item.name for item in sources.items(place, {"kind": "file", "sources": listed, "steps": []})]
        suffix = names[0].lower().rpartition(".")[2] if names else ""
        made = TabularDatasetFactory
        if suffix == "parquet":
            return made.from_parquet_files(path, True, include_path, None, partition_format)
        if suffix in ("json", "jsonl"):
            return made.from_json_lines_files(path, True, include_path, None, partition_format)
        separator = "\t" if suffix in ("tsv", "tab") else ","
        return made.from_delimited_files(
            path, include_path=include_path, separator=separator, partition_format=partition_format
        )

    @staticmethod
    def from_delimited_files(
        path: "Any",
        separator: str = ",",
        header: "Any" = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        encoding: "Any" = "utf8",
        quoting: bool = False,
        infer_column_types: bool = True,
        skip_rows: int = 0,
        skip_mode: "Any" = None,
        comment: "Any" = None,
        include_path: bool = False,
        archive_options: "Any" = None,
        partition_format: "Any" = None,
    ) -> "Any":
        """Return a table of delimited files, as earlier releases did; `comment` and `archive_options` are refused."""
        if comment is not None or archive_options is not None:
            raise NotYetException(
                "Dataset.from_delimited_files: comment and archive_options are not there; leave them out"
            )
        made = TabularDatasetFactory.from_delimited_files(
            path,
            include_path=include_path,
            infer_column_types=infer_column_types,
            separator=separator,
            header=header,
            partition_format=partition_format,
            encoding=encoding if isinstance(encoding, str) else "utf8",
        )
        made._definition["read"]["skip_rows"] = skip_rows
        return made

    @staticmethod
    def from_parquet_files(path: "Any", include_path: bool = False, partition_format: "Any" = None) -> "Any":
        """Return a table of Parquet files, as earlier releases did."""
        return TabularDatasetFactory.from_parquet_files(path, True, include_path, None, partition_format)

    @staticmethod
    def from_json_files(
        path: "Any",
        encoding: "Any" = "utf8",
        flatten_nested_arrays: bool = False,
        include_path: bool = False,
        partition_format: "Any" = None,
    ) -> "Any":
        """Return a table of JSON lines files, as earlier releases did."""
        return TabularDatasetFactory.from_json_lines_files(path, True, include_path, None, partition_format)

    @staticmethod
    def from_binary_files(path: "Any") -> "Any":
        """Return a dataset of files, as earlier releases did."""
        return FileDatasetFactory.from_files(path)

    @staticmethod
    def from_pandas_dataframe(dataframe: "Any", path: "Any" = None, in_memory: bool = False) -> "Any":
        """Refuse: a DataFrame needs a name and a place."""
        raise NotYetException(
            "Dataset.from_pandas_dataframe is not there; use Dataset.Tabular.register_pandas_dataframe(dataframe, datastore, name)"
        )

    @staticmethod
    def from_sql_query(data_source: "Any", query: "Any") -> "Any":
        """Refuse: databases are not read."""
        return TabularDatasetFactory.from_sql_query(query)

    @staticmethod
    def from_excel_files(path: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        """Refuse: Excel's files are not read."""
        raise NotYetException(
            "Dataset.from_excel_files is not there; make a FileDataset, and read it with pandas.read_excel"
        )
