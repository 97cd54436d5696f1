"""`FileDataset` and `TabularDataset`: files and tables, read when they are asked for, with v1's methods."""

import operator
import os
import random
import shutil
import tempfile
import time

from turnout.runtime.inputs import DOWNLOAD, MOUNT
from turnout.runtime.script.assets import frames, needs, places, sources, storages
from turnout.runtime.script.assets.consumption import DatasetConsumptionConfig, new_input_name
from turnout.runtime.script.assets.factories import FileDatasetFactory, TabularDatasetFactory
from turnout.runtime.script.assets.names import checked, checked_version
from turnout.runtime.script.exceptions import NotYetException, UserErrorException
from turnout.runtime.script.refusals import refuse

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

_USED = "read it with to_pandas_dataframe()"


class AbstractDataset:
    """A dataset: what it is made of (its definition), and, once registered, its name and version.

    Made by `Dataset.File` and `Dataset.Tabular`, and returned by `Dataset.get_by_name`.

    Args:
        definition: `kind`, `sources`, `read` and `steps`.
        place: of the workspace that its datastores belong to; None when it has none.
        entry: what is registered, or None.
    """

    File = FileDatasetFactory
    Tabular = TabularDatasetFactory

    def __init__(
        self, definition: "Dict[str, Any]", place: "Any" = None, entry: "Optional[Mapping[str, Any]]" = None
    ) -> None:
        self._definition = definition
        self._place = place
        self._entry: "Dict[str, Any]" = dict(entry or {})

    def __repr__(self) -> str:
        facts = "name=%r, version=%r, " % (self.name, self.version) if self.name else ""
        return "%s(%ssources=%r, steps=%r)" % (
            type(self).__name__,
            facts,
            self._definition["sources"],
            self._definition["steps"],
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractDataset) and other._definition == self._definition

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def id(self) -> str:
        """Its id, a UUID made of what it is: the same dataset has the same id everywhere."""
        return places.dataset_id(self._definition)

    @property
    def name(self) -> "Optional[str]":
        """The name that it is registered under; None when it isn't."""
        return self._entry.get("name")

    @property
    def version(self) -> "Optional[int]":
        """The version that is registered, from 1; None when it isn't."""
        return self._entry.get("version")

    @property
    def description(self) -> "Optional[str]":
        """The description that it was registered with."""
        return self._entry.get("description")

    @property
    def tags(self) -> "Dict[str, str]":
        """The tags that it was registered with."""
        return dict(self._entry.get("tags") or {})

    @property
    def data_changed_time(self) -> "Any":
        """When its files were changed last, UTC; None where that isn't known."""
        changed = [item.file.changed for item in self._items() if item.file.changed]
        return places.utc(max(changed)) if changed else None

    @property
    def partition_keys(self) -> "List[str]":
        """The columns that its partition format takes from paths."""
        form = (self._definition.get("read") or {}).get("partition_format")
        return list(frames.partition(form)[0]) if form else []

    @staticmethod
    def get_all(workspace: "Any") -> "Dict[str, Any]":
        """Return the latest version of every registered dataset, by name."""
        place = places.of(workspace)
        return {name: _loaded(place, place.entry(places.DATASET, name)) for name in place.registered(places.DATASET)}

    @staticmethod
    def get_by_name(workspace: "Any", name: str, version: "Union[int, str]" = "latest", **kwargs: "Any") -> "Any":
        """Return a registered dataset.

        Args:
            workspace: where it is registered.
            name: its name.
            version: a version from 1, or `latest`.
            **kwargs: accepted as in v1.

        Raises:
            UserErrorException: there is no such dataset, or no such version of it.
        """
        place = places.of(workspace)
        number = None if version in ("latest", None) else checked_version("dataset", version)
        entry = place.entry(places.DATASET, name, number)
        if entry is None:
            latest = place.entry(places.DATASET, name)
            if latest is not None:
                raise UserErrorException(
                    "Cannot load the dataset %s, version %s: its latest version is %s"
                    % (name, version, latest["version"])
                )
            raise UserErrorException(
                'Cannot find dataset registered with name "%s" in the workspace, which has: %s'
                % (name, ", ".join(place.registered(places.DATASET)) or "none")
            )
        return _loaded(place, entry)

    @staticmethod
    def get_by_id(workspace: "Any", id: str, **kwargs: "Any") -> "Any":  # noqa: A002 - v1's name
        """Return a dataset by its id: one that was registered, or an input of a run. Raises UserErrorException for none."""
        place = places.of(workspace)
        definition = place.dataset(str(id))
        if definition is None:
            raise UserErrorException("Cannot load dataset with the specified id %s: the workspace has none" % id)
        for name in place.registered(places.DATASET):
            for entry in place.entries(places.DATASET, name):
                if entry.get("id") == id:
                    return made(definition, place, entry)
        return made(definition, place)

    def register(
        self,
        workspace: "Any",
        name: str,
        description: "Optional[str]" = None,
        tags: "Optional[Dict[str, str]]" = None,
        create_new_version: bool = False,
    ) -> "Any":
        """Register the dataset under a name, and return it as it is registered.

        Args:
            workspace: where.
            name: the name.
            description: text for people.
            tags: labels of your own.
            create_new_version: register the next version when there is a dataset of that name. The latest version, if it is this
                very dataset, stays the latest (v1's rule).

        Raises:
            UserErrorException: the name is taken by another dataset and `create_new_version` is false, or can't be used.
        """
        place = places.of(workspace)
        checked("dataset", name)
        if self._place is not None and self._place != place:
            raise UserErrorException("the dataset's datastores belong to another workspace; register it there")
        latest = place.entry(places.DATASET, name)
        if latest is not None and latest.get("id") == self.id:
            given = (("description", description), ("tags", tags))
            changes = {key: value for key, value in given if value is not None and value != latest.get(key)}
            if changes:
                latest = place.change(places.DATASET, name, latest["version"], lambda entry: changes)
            return made(self._definition, place, latest)
        if latest is not None and not create_new_version:
            raise UserErrorException(
                'There is already a dataset registered under name "%s". Specify `create_new_version=True` to register the '
                "dataset as a new version." % name
            )
        entry = {"name": name, "description": description, "tags": dict(tags or {})}
        return made(self._definition, place, place.register_dataset(entry, self._definition))

    def update(self, description: "Optional[str]" = None, tags: "Optional[Dict[str, str]]" = None) -> "Any":
        """Give the registered dataset another description, or other tags. Raises UserErrorException when it isn't registered."""
        given = (("description", description), ("tags", tags))
        self._change(lambda entry: {key: value for key, value in given if value is not None})
        return self

    def add_tags(self, tags: "Optional[Dict[str, str]]" = None) -> "Any":
        """Give the registered dataset further tags."""
        self._change(lambda entry: {"tags": dict(entry.get("tags") or {}, **(tags or {}))})
        return self

    def remove_tags(self, tags: "Optional[List[str]]" = None) -> "Any":
        """Take tags from the registered dataset, by their names."""
        gone = [tags] if isinstance(tags, str) else list(tags or [])
        self._change(
            lambda entry: {"tags": {key: value for key, value in (entry.get("tags") or {}).items() if key not in gone}}
        )
        return self

    def unregister_all_versions(self) -> None:
        """Remove all versions of this dataset's name; the data stays, and so does what runs know of it."""
        if self.name is not None:
            for entry in self._place.entries(places.DATASET, self.name):
                self._place.delete(places.DATASET, self.name, entry["version"])

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run: for a script's arguments, or to be found in `run.input_datasets`."""
        return DatasetConsumptionConfig(name, self)

    def get_partition_key_values(self, partition_keys: "Optional[List[str]]" = None) -> "Any":
        """Refuse."""
        raise NotYetException("get_partition_key_values is not there; " + _USED)

    def _change(self, alter: "Any") -> None:
        if self.name is None:
            raise UserErrorException("the dataset is not registered; register it first")
        self._entry = self._place.change(places.DATASET, self.name, self.version, alter)

    def _items(self) -> "List[sources.Item]":
        return sources.items(self._place, self._definition)

    def _with(self, step: str, **values: "Any") -> "Any":
        steps = list(self._definition["steps"]) + [[step, values]]
        return made(dict(self._definition, steps=steps), self._place)

    def take(self, count: int) -> "Any":
        """Return a dataset of the first `count` records (of files: files)."""
        return self._with("take", count=_count(count))

    def skip(self, count: int) -> "Any":
        """Return a dataset without the first `count` records (of files: files)."""
        return self._with("skip", count=_count(count))

    def take_sample(self, probability: float, seed: "Optional[int]" = None) -> "Any":
        """Return a dataset that has each record (of files: each file) with a probability.

        Args:
            probability: between 0 and 1.
            seed: makes the choice the same each time; one is drawn by default.
        """
        return self._with("sample", probability=_share(probability), seed=_seed(seed))

    def random_split(self, percentage: float, seed: "Optional[int]" = None) -> "Tuple[Any, Any]":
        """Return two datasets that share the records by chance.

        Args:
            percentage: about which share the first one gets, between 0 and 1.
            seed: makes the choice the same each time; one is drawn by default.
        """
        seed, share = _seed(seed), _share(percentage)
        return (
            self._with("split", percentage=share, seed=seed, part=0),
            self._with("split", percentage=share, seed=seed, part=1),
        )

    def filter(self, expression: "Any") -> "Any":
        """Refuse."""
        raise NotYetException("a dataset is not filtered by an expression; %s and filter there" % _USED)


class FileDataset(AbstractDataset):
    """Files of datastores, or of the web."""

    def to_path(self) -> "List[str]":
        """Return the paths of the files, `/`-separated and beginning with a slash, relative to what the dataset names."""
        return ["/" + item.name for item in self._items()]

    def download(
        self, target_path: "Optional[str]" = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> "List[str]":
        """Copy the files to this machine and return their paths.

        Args:
            target_path: a directory; a new temporary one by default.
            overwrite: replace files that are there.
            ignore_not_found: accepted as in v1; what is not there is not listed.

        Raises:
            UserErrorException: a file is there already and `overwrite` is false.
        """
        into = os.path.abspath(target_path) if target_path else tempfile.mkdtemp(prefix="turnout-dataset-")
        wanted = [(item, os.path.join(into, item.name)) for item in self._items()]
        taken = [path for _, path in wanted if os.path.exists(path)]
        if taken and not overwrite:
            raise UserErrorException("%s is there already; pass overwrite=True to replace it" % taken[0])
        for item, path in wanted:
            item.file.storage.get(item.file.path, path)
        return [path for _, path in wanted]

    def mount(self, mount_point: "Optional[str]" = None, **kwargs: "Any") -> "MountContext":
        """Return a context in which the files are seen below a directory, for reading.

        Args:
            mount_point: the directory; a new temporary one by default.
            **kwargs: accepted as in v1.
        """
        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute: "Optional[str]" = None) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run that sees the files where they lie."""
        return DatasetConsumptionConfig(new_input_name(), self, MOUNT, path_on_compute)

    def as_download(self, path_on_compute: "Optional[str]" = None) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run that gets copies of its files."""
        return DatasetConsumptionConfig(new_input_name(), self, DOWNLOAD, path_on_compute)

    def as_hdfs(self) -> "Any":
        """Refuse."""
        raise NotYetException("as_hdfs was for Synapse; use as_mount(), or give Spark the URL")

    def as_cache(self, datacache_store: "Any") -> "Any":
        """Refuse."""
        raise NotYetException("data caches are not there; a target keeps what it has got by its content")

    def hydrate(self, datacache_store: "Any", replica_count: "Any" = None) -> "Any":
        """Refuse."""
        return self.as_cache(datacache_store)

    def file_metadata(self, col: str) -> "Any":
        """Refuse."""
        raise NotYetException("file_metadata is not there; to_path() lists the files")


class TabularDataset(AbstractDataset):
    """A table: delimited, Parquet or JSON lines files, and steps over their rows and columns."""

    def to_pandas_dataframe(
        self, on_error: str = "null", out_of_range_datetime: str = "null", **kwargs: "Any"
    ) -> "Any":
        """Read the table; needs pandas (and pyarrow for Parquet files).

        Args:
            on_error: accepted as in v1.
            out_of_range_datetime: likewise.
            **kwargs: likewise.

        Raises:
            UserErrorException: a package or a column is missing, or a file can't be read.
        """
        return frames.read(self._place, self._definition)

    def to_spark_dataframe(self) -> "Any":
        """Return the table as a DataFrame of the Spark session that there is, or of a new one."""
        sql = needs.package("pyspark.sql", "a Spark DataFrame")
        return sql.SparkSession.builder.getOrCreate().createDataFrame(self.to_pandas_dataframe())

    def keep_columns(self, columns: "Union[str, List[str]]", validate: bool = False) -> "TabularDataset":
        """Return a dataset of these columns alone.

        Args:
            columns: a name or names.
            validate: look at once whether the dataset has them.

        Raises:
            UserErrorException: `validate` is true and one of them is missing.
        """
        made_: TabularDataset = self._with("keep", columns=_listed(columns))
        if validate:
            made_.take(1).to_pandas_dataframe()
        return made_

    def drop_columns(self, columns: "Union[str, List[str]]") -> "TabularDataset":
        """Return a dataset without these columns."""
        made_: TabularDataset = self._with("drop", columns=_listed(columns))
        return made_

    def with_timestamp_columns(
        self,
        timestamp: "Optional[str]" = None,
        partition_timestamp: "Optional[str]" = None,
        validate: bool = False,
        **kwargs: "Any",
    ) -> "TabularDataset":
        """Return a dataset that knows which columns hold times, for `time_before` and its kin.

        Args:
            timestamp: the column of a record's time (earlier releases: `fine_grain_timestamp`).
            partition_timestamp: the column of a path's time (earlier releases: `coarse_grain_timestamp`).
            validate: look at once whether the dataset has them.
            **kwargs: the earlier names.
        """
        fine = timestamp or kwargs.get("fine_grain_timestamp")
        coarse = partition_timestamp or kwargs.get("coarse_grain_timestamp")
        made_: TabularDataset = self._with("timestamps", timestamp=fine, partition_timestamp=coarse)
        if validate and (fine or coarse):
            made_.keep_columns([column for column in (fine, coarse) if column], validate=True)
        return made_

    @property
    def timestamp_columns(self) -> "Tuple[Optional[str], Optional[str]]":
        """The columns that `with_timestamp_columns` named: of records, of paths."""
        for step, values in reversed(self._definition["steps"]):
            if step == "timestamps":
                return values["timestamp"], values["partition_timestamp"]
        return None, None

    def time_before(self, end_time: "Any", include_boundary: bool = True, validate: bool = True) -> "TabularDataset":
        """Return a dataset of the records up to a time."""
        return self._between(None, end_time, include_boundary)

    def time_after(self, start_time: "Any", include_boundary: bool = True, validate: bool = True) -> "TabularDataset":
        """Return a dataset of the records from a time on."""
        return self._between(start_time, None, include_boundary)

    def time_between(
        self, start_time: "Any", end_time: "Any", include_boundary: bool = True, validate: bool = True
    ) -> "TabularDataset":
        """Return a dataset of the records between two times."""
        return self._between(start_time, end_time, include_boundary)

    def time_recent(self, time_delta: "Any", include_boundary: bool = True, validate: bool = True) -> "TabularDataset":
        """Return a dataset of the records of the last time, a timedelta before now (UTC)."""
        return self._between(places.utc(time.time()) - time_delta, None, include_boundary)

    def _between(self, after: "Any", before: "Any", inclusive: bool) -> "TabularDataset":
        fine, coarse = self.timestamp_columns
        if not (fine or coarse):
            raise UserErrorException("the dataset has no timestamp column; name it with with_timestamp_columns first")
        made_: TabularDataset = self._with(
            "time",
            column=fine or coarse,
            after=None if after is None else after.isoformat(),
            before=None if before is None else before.isoformat(),
            with_after=inclusive,
            with_before=inclusive,
        )
        return made_

    def download(self, stream_column: str, **kwargs: "Any") -> "Any":
        """Refuse: a table can't be downloaded, in v1 only files that a column names."""
        raise NotYetException("a tabular dataset's streams are not there; make a FileDataset of the files")

    def mount(self, stream_column: str, mount_point: "Optional[str]" = None) -> "Any":
        """Refuse; see `download`."""
        return self.download(stream_column)


REFUSED = {
    "get_profile": _USED + " and describe()",
    "get_profile_runs": _USED + " and describe()",
    "submit_profile_run": _USED + " and describe()",
    "partition_by": _USED + " and write it with to_parquet(partition_cols=…)",
    "to_csv_files": _USED + " and write it with to_csv",
    "to_parquet_files": _USED + " and write it with to_parquet",
    "to_torchvision": "make a FileDataset of the images, and give torchvision.datasets the directory that it is mounted at",
    "to_dask_dataframe": _USED + ", and dask.dataframe.from_pandas",
}
"""Methods of v1's TabularDataset that are not there → what to use instead."""


_VERSIONS = "a dataset is what it is made of: register the next version of its name"
REFUSED_OF_ALL = {
    **dict.fromkeys(
        ("archive", "deprecate", "reactivate", "update_definition", "get_definition", "get_definitions"), _VERSIONS
    ),
    **dict.fromkeys(
        ("create_snapshot", "delete_snapshot", "get_snapshot", "get_all_snapshots"),
        "a run's record has the digest of each file that it read",
    ),
    **dict.fromkeys(("generate_profile", "compare_profiles", "diff"), _USED + " and describe() or compare()"),
    "head": "use take(count).to_pandas_dataframe()",
    "sample": "use take_sample(probability)",
}
"""Methods of earlier releases' datasets that are not there → what to use instead."""
refuse(TabularDataset, REFUSED)
refuse(AbstractDataset, REFUSED_OF_ALL)


class MountContext:
    """A directory below which the files of a dataset are seen while it is started; a `with` does that, too.

    Attributes:
        mount_point: the directory.

    Args:
        dataset: a FileDataset.
        mount_point: the directory; a new temporary one by default.
    """

    def __init__(self, dataset: FileDataset, mount_point: "Optional[str]") -> None:
        self._dataset = dataset
        self._own = mount_point is None
        self.mount_point = os.path.abspath(mount_point) if mount_point else tempfile.mkdtemp(prefix="turnout-mount-")
        self._placed: "List[str]" = []

    def start(self) -> None:
        """Make the files seen: links to those of this machine, copies of others.

        Raises:
            UserErrorException: something is there already where a file is to be seen.
        """
        wanted = {os.path.join(self.mount_point, item.name): item.file for item in self._dataset._items()}
        taken = [path for path in wanted if os.path.lexists(path)]
        if taken:
            raise UserErrorException("%s is there already; mount into an empty directory" % taken[0])
        for path, file in wanted.items():
            local = file.storage.local(file.path)
            storages.make_directory(os.path.dirname(path))
            if local is None:
                file.storage.get(file.path, path)
            else:
                os.symlink(local, path)
            self._placed.append(path)

    def stop(self) -> None:
        """Take them away again."""
        for path in self._placed:
            try:
                os.unlink(path)
            except OSError:
                pass
        self._placed = []
        if self._own:
            shutil.rmtree(self.mount_point, ignore_errors=True)

    def __enter__(self) -> "MountContext":
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()


def made(definition: "Dict[str, Any]", place: "Any" = None, entry: "Optional[Mapping[str, Any]]" = None) -> "Any":
    """Return the dataset of a definition: a FileDataset or a TabularDataset."""
    kind = FileDataset if definition["kind"] == "file" else TabularDataset
    return kind(dict(definition, steps=list(definition.get("steps") or [])), place, entry)


def _loaded(place: "Any", entry: "Any") -> "Any":
    definition = place.dataset(str(entry["id"]))
    if definition is None:
        raise UserErrorException("the dataset %s is registered, and what it is made of is gone" % entry["name"])
    return made(definition, place, entry)


def _count(count: int) -> int:
    try:
        number = -1 if isinstance(count, bool) else operator.index(count)  # numpy's numbers are, too
    except TypeError:
        number = -1
    if number < 0:
        raise UserErrorException("a number of records is a whole number from 0, not %r" % (count,))
    return number


def _share(share: float) -> float:
    if not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise UserErrorException("a share is a number between 0 and 1, not %r" % (share,))
    return float(share)


def _seed(seed: "Optional[int]") -> int:
    return random.SystemRandom().randrange(1 << 31) if seed is None else int(seed)


def _listed(columns: "Union[str, List[str]]") -> "List[str]":
    return [columns] if isinstance(columns, str) else list(columns)
