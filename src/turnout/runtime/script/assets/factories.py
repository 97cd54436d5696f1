"""`Dataset.File` and `Dataset.Tabular`: make datasets from paths, and put data into datastores on the way."""

import os

from turnout.runtime.script.assets import names, needs, sources
from turnout.runtime.script.exceptions import NotYetException, UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional

_SQL = "databases are not read; in the script, pandas.read_sql does"


class DataType:
    """The type of a column, for `set_column_types`; made by its methods."""

    def __init__(self, kind: str, **facts: "Any") -> None:
        self._value: "Dict[str, Any]" = dict(facts, type=kind)

    @staticmethod
    def to_bool() -> "DataType":
        """Return true and false."""
        return DataType("bool")

    @staticmethod
    def to_datetime(formats: "Any" = None) -> "DataType":
        """Return times, read with one of these formats of strptime's; by what they look like by default."""
        listed = [formats] if isinstance(formats, str) else list(formats or [])
        return DataType("datetime", formats=listed)

    @staticmethod
    def to_float(decimal_mark: str = ".") -> "DataType":
        """Return numbers with a fraction, written with this mark."""
        return DataType("float", decimal_mark=decimal_mark)

    @staticmethod
    def to_long() -> "DataType":
        """Return whole numbers."""
        return DataType("long")

    @staticmethod
    def to_string() -> "DataType":
        """Return text."""
        return DataType("string")

    @staticmethod
    def to_stream(workspace: "Any", escaped: bool = False) -> "DataType":
        """Refuse."""
        raise NotYetException("columns of streams are not there; make a FileDataset of the files")


class FileDatasetFactory:
    """Makes FileDatasets: `Dataset.File`."""

    @staticmethod
    def from_files(
        path: "Any", validate: bool = True, partition_format: "Optional[str]" = None, is_file: bool = False
    ) -> "Any":
        """Return a dataset of files.

        Args:
            path: `(datastore, path)`, a DataPath, a URL or a path of this machine, or a list of those. Paths may have `*` and
                `**`; one of a directory means all files below it.
            validate: look at once whether the path means a file.
            partition_format: kept with the dataset.
            is_file: accepted as in v1.

        Raises:
            UserErrorException: the path can't be used; or `validate` is true and it means no file that is there.
        """
        read = {"partition_format": partition_format} if partition_format else None
        return _made("file", path, read, validate)

    @staticmethod
    def upload_directory(
        src_dir: str,
        target: "Any",
        pattern: "Optional[str]" = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> "Any":
        """Copy the files below a directory into a datastore, and return a dataset of them.

        Args:
            src_dir: the directory.
            target: where to: `(datastore, path)`, a datastore, or a DataPath.
            pattern: which files, as a pattern of their paths below the directory; all by default.
            overwrite: replace files that are there.
            show_progress: print how many.
        """
        from turnout.runtime.script.assets import patterns

        store, inside = _target(target)
        if pattern is None:
            store.upload(src_dir, inside, overwrite, show_progress)
        else:
            if not os.path.isdir(src_dir):
                raise UserErrorException("there is no folder %s to upload" % src_dir)
            matches = patterns.compiled(pattern)
            found = [os.path.join(top, name) for top, _, files in os.walk(src_dir) for name in files]
            wanted = [path for path in sorted(found) if matches.match(os.path.relpath(path, src_dir))]
            store.upload_files(wanted, src_dir, inside, overwrite, show_progress)
        return FileDatasetFactory.from_files((store, inside))


class TabularDatasetFactory:
    """Makes TabularDatasets: `Dataset.Tabular`. Paths are those of `FileDatasetFactory.from_files`."""

    @staticmethod
    def from_delimited_files(
        path: "Any",
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: "Optional[Dict[str, DataType]]" = None,
        separator: str = ",",
        header: "Any" = True,
        partition_format: "Optional[str]" = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> "Any":
        """Return a table of CSV files and their kin.

        Args:
            path: which files.
            validate: look at once whether the path means a file.
            include_path: have a column `Path`.
            infer_column_types: find out numbers, booleans and ISO dates; otherwise all is text.
            set_column_types: the types of columns, by name.
            separator: what stands between values.
            header: whether each file begins with names (True), none does (False: Column1, …), or v1's PromoteHeadersBehavior.
            partition_format: columns that the path has, such as `/{Country}/{Day:yyyy/MM/dd}/data.csv`.
            support_multi_line: accepted as in v1: values in quotes may have line ends.
            empty_as_string: keep empty values as empty text.
            encoding: of the files.

        Raises:
            UserErrorException: the path can't be used; or `validate` is true and it means no file that is there.
        """
        read = delimited(include_path, infer_column_types, set_column_types, separator, header, partition_format)
        read.update(encoding=encoding, empty_as_string=bool(empty_as_string))
        return _made("tabular", path, read, validate)

    @staticmethod
    def from_json_lines_files(
        path: "Any",
        validate: bool = True,
        include_path: bool = False,
        set_column_types: "Optional[Dict[str, DataType]]" = None,
        partition_format: "Optional[str]" = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> "Any":
        """Return a table of files that have a JSON object a line.

        Args:
            path: which files.
            validate: look at once whether the path means a file.
            include_path: have a column `Path`.
            set_column_types: the types of columns, by name.
            partition_format: columns that the path has.
            invalid_lines: `error`, or `drop` lines that are no JSON object.
            encoding: of the files.
        """
        if invalid_lines not in ("error", "drop"):
            raise UserErrorException("invalid_lines is error or drop, not %r" % (invalid_lines,))
        read = _table("jsonlines", include_path, set_column_types, partition_format)
        read.update(encoding=encoding, invalid_lines=invalid_lines, infer=True)
        return _made("tabular", path, read, validate)

    @staticmethod
    def from_parquet_files(
        path: "Any",
        validate: bool = True,
        include_path: bool = False,
        set_column_types: "Optional[Dict[str, DataType]]" = None,
        partition_format: "Optional[str]" = None,
    ) -> "Any":
        """Return a table of Parquet files; reading it needs pyarrow. The arguments are those of `from_json_lines_files`."""
        return _made("tabular", path, parquet(include_path, set_column_types, partition_format), validate)

    @staticmethod
    def register_pandas_dataframe(
        dataframe: "Any",
        target: "Any",
        name: str,
        description: "Optional[str]" = None,
        tags: "Optional[Dict[str, str]]" = None,
        show_progress: bool = True,
        row_group_size: "Optional[int]" = None,
        make_target_path_unique: bool = True,
    ) -> "Any":
        """Write a DataFrame into a datastore as Parquet, and register it: the next version of that name.

        Args:
            dataframe: the table.
            target: where to: `(datastore, path)` or a datastore.
            name: what it is registered under.
            description: text for people.
            tags: labels of your own.
            show_progress: print that it is uploaded.
            row_group_size: rows of a group in the file.
            make_target_path_unique: put it into a new directory below the path.
        """
        import shutil
        import tempfile
        import uuid

        needs.package("pyarrow", "writing Parquet files")
        names.checked("dataset", name)
        store, inside = _target(target)
        if make_target_path_unique:
            inside = "/".join(part for part in (inside, str(uuid.uuid4())) if part)
        directory = tempfile.mkdtemp(prefix="turnout-dataframe-")
        try:
            options = {"row_group_size": row_group_size} if row_group_size else {}
            dataframe.to_parquet(os.path.join(directory, "part-00000.parquet"), **options)
            store.upload(directory, inside, True, show_progress)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        made = TabularDatasetFactory.from_parquet_files((store, inside))
        return made.register(store.workspace, name, description, tags, create_new_version=True)

    @staticmethod
    def register_spark_dataframe(
        dataframe: "Any",
        target: "Any",
        name: str,
        description: "Optional[str]" = None,
        tags: "Optional[Dict[str, str]]" = None,
        show_progress: bool = True,
    ) -> "Any":
        """Write a Spark DataFrame into a datastore as Parquet, and register it; see `register_pandas_dataframe`."""
        return TabularDatasetFactory.register_pandas_dataframe(
            dataframe.toPandas(), target, name, description, tags, show_progress
        )

    @staticmethod
    def register_dask_dataframe(
        dataframe: "Any",
        target: "Any",
        name: str,
        description: "Optional[str]" = None,
        tags: "Optional[Dict[str, str]]" = None,
        show_progress: bool = True,
    ) -> "Any":
        """Write a Dask DataFrame into a datastore as Parquet, and register it; see `register_pandas_dataframe`."""
        return TabularDatasetFactory.register_pandas_dataframe(
            dataframe.compute(), target, name, description, tags, show_progress
        )

    @staticmethod
    def from_sql_query(
        query: "Any", validate: bool = True, set_column_types: "Any" = None, query_timeout: int = 30
    ) -> "Any":
        """Refuse: databases are not read."""
        raise NotYetException("from_sql_query: " + _SQL)


def delimited(
    include_path: bool, infer: bool, types: "Any", separator: str, header: "Any", partition_format: "Optional[str]"
) -> "Dict[str, Any]":
    """Return how delimited files are read."""
    number = getattr(header, "value", header)
    number = 3 if number is True else 0 if number is False or number is None else number
    if number not in (0, 1, 2, 3):
        raise UserErrorException("header is True, False or a PromoteHeadersBehavior, not %r" % (header,))
    if not isinstance(separator, str) or not separator:
        raise UserErrorException("the separator is text such as ',', not %r" % (separator,))
    read = _table("delimited", include_path, types, partition_format)
    read.update(infer=bool(infer), separator=separator, header=number, encoding="utf8", empty_as_string=False)
    return read


def parquet(include_path: bool, types: "Any", partition_format: "Optional[str]") -> "Dict[str, Any]":
    """Return how Parquet files are read."""
    return _table("parquet", include_path, types, partition_format)


def _table(form: str, include_path: bool, types: "Any", partition_format: "Optional[str]") -> "Dict[str, Any]":
    from turnout.runtime.script.assets import frames

    if partition_format:
        frames.partition(partition_format)
    kinds = {}
    for column, kind in (types or {}).items():
        if not isinstance(kind, DataType):
            raise UserErrorException("set_column_types: the type of %s is made by DataType, not %r" % (column, kind))
        kinds[column] = kind._value
    return {"format": form, "include_path": bool(include_path), "types": kinds, "partition_format": partition_format}


def _made(kind: str, path: "Any", read: "Optional[Dict[str, Any]]", validate: bool) -> "Any":
    from turnout.runtime.script.assets import datasets

    place, listed = sources.described(path)
    definition = {"kind": kind, "sources": listed, "read": read, "steps": []}
    if validate and any("datastore" in source for source in listed):
        sources.items(place, definition)
    return datasets.made(definition, place)


def _target(target: "Any") -> "Any":
    """Return the datastore and the path that data is to be put to."""
    if isinstance(target, tuple) and len(target) == 2 and hasattr(target[0], "datastore_type"):
        return target[0], (target[1] or "").strip("/")
    if hasattr(target, "datastore_type"):
        return target, ""
    if getattr(target, "datastore", None) is not None:
        return target.datastore, (target.path_on_datastore or "").strip("/")
    raise UserErrorException("the target is (datastore, path), a Datastore or a DataPath, not %r" % (target,))
