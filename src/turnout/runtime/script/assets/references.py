"""v1's older way to pass data: a reference to a path of a datastore, which an argument of the script stands for."""

from turnout.runtime.inputs import DOWNLOAD, MOUNT, UPLOAD
from turnout.runtime.script.assets import names
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Optional

_VARIABLE = "$AZUREML_DATAREFERENCE_"


class DataReference:
    """A path of a datastore that a script reads, or writes when its mode is `upload`.

    Among a script's arguments it becomes the path of that data where the script runs; `str()` is v1's
    `$AZUREML_DATAREFERENCE_NAME`, which becomes the same.

    Args:
        datastore: a datastore.
        data_reference_name: a name for the script's variable; made from the datastore's by default.
        path_on_datastore: below its top; the top by default.
        mode: `mount`, `download` or `upload`.
        path_on_compute: where the data is to be found, absolute or relative to the working directory.
        overwrite: replace what is there.

    Raises:
        UserErrorException: the name or the mode can't be used.
    """

    STANDS_FOR_DATA = True
    """Among arguments its text stands for what the script gets in its place."""

    def __init__(
        self,
        datastore: "Any",
        data_reference_name: "Optional[str]" = None,
        path_on_datastore: "Optional[str]" = None,
        mode: str = MOUNT,
        path_on_compute: "Optional[str]" = None,
        overwrite: bool = False,
    ) -> None:
        if mode not in (MOUNT, DOWNLOAD, UPLOAD):
            raise UserErrorException("a data reference's mode is mount, download or upload, not %r" % (mode,))
        self.datastore = datastore
        self.data_reference_name = names.checked_input(
            data_reference_name or _default_name(datastore.name, path_on_datastore)
        )
        self.path_on_datastore = path_on_datastore
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def __str__(self) -> str:
        return _VARIABLE + self.data_reference_name

    def __repr__(self) -> str:
        return self.__str__()

    @staticmethod
    def create(
        data_reference_name: "Optional[str]" = None, datapath: "Any" = None, datapath_compute_binding: "Any" = None
    ) -> "DataReference":
        """Return the reference that a DataPath and a DataPathComputeBinding make."""
        if datapath is None:
            raise UserErrorException("DataReference.create needs a datapath")
        return datapath.create_data_reference(data_reference_name, datapath_compute_binding)  # type: ignore[no-any-return]

    def path(self, path: "Optional[str]" = None, data_reference_name: "Optional[str]" = None) -> "DataReference":
        """Return a reference to a path below this one."""
        joined = "/".join(part.strip("/") for part in (self.path_on_datastore, path) if part)
        return DataReference(self.datastore, data_reference_name, joined or None, self.mode)

    def as_mount(self) -> "DataReference":
        """Return a copy that is mounted: the script sees the data where it lies, or a copy on another machine."""
        return self._copy(MOUNT, None, False)

    def as_download(self, path_on_compute: "Optional[str]" = None, overwrite: bool = False) -> "DataReference":
        """Return a copy that is downloaded: the script gets files of its own."""
        return self._copy(DOWNLOAD, path_on_compute, overwrite)

    def as_upload(self, path_on_compute: "Optional[str]" = None, overwrite: bool = False) -> "DataReference":
        """Return a copy that is uploaded to: what the script writes there is in the datastore when the run has ended."""
        return self._copy(UPLOAD, path_on_compute, overwrite)

    def _copy(self, mode: str, path_on_compute: "Optional[str]", overwrite: bool) -> "DataReference":
        return DataReference(
            self.datastore,
            self.data_reference_name,
            self.path_on_datastore,
            mode,
            path_on_compute or self.path_on_compute,
            overwrite or self.overwrite,
        )

    def to_config(self) -> "Any":
        """Return the section of a run configuration that says the same; needs a full installation of Turnout."""
        from importlib import import_module

        section = import_module("turnout.config.data").DataReferenceConfiguration
        return section(self.datastore.name, self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite)


class DataPath:
    """A path of a datastore.

    Args:
        datastore: a datastore.
        path_on_datastore: below its top; the top by default.
        name: a name for references that are made of it.
    """

    def __init__(
        self, datastore: "Any" = None, path_on_datastore: "Optional[str]" = None, name: "Optional[str]" = None
    ) -> None:
        self.datastore = datastore
        self._path = path_on_datastore
        self._name = name

    @property
    def datastore_name(self) -> "Optional[str]":
        """The datastore's name."""
        return None if self.datastore is None else str(self.datastore.name)

    @property
    def path_on_datastore(self) -> "Optional[str]":
        """The path below the datastore's top."""
        return self._path

    def create_data_reference(
        self, data_reference_name: "Optional[str]" = None, datapath_compute_binding: "Any" = None
    ) -> DataReference:
        """Return a reference to this path."""
        binding = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            self.datastore,
            data_reference_name or self._name,
            self._path,
            binding.mode,
            binding.path_on_compute,
            binding.overwrite,
        )

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> "DataPath":
        """Return the path that a reference is to."""
        return DataPath(data_reference.datastore, data_reference.path_on_datastore, data_reference.data_reference_name)


class DataPathComputeBinding:
    """How a DataPath gets to a script; the arguments are those of `DataReference`."""

    def __init__(self, mode: str = MOUNT, path_on_compute: "Optional[str]" = None, overwrite: bool = False) -> None:
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def create_data_reference(
        self, data_reference_name: "Optional[str]" = None, datapath: "Any" = None
    ) -> DataReference:
        """Return a reference to a DataPath."""
        return DataReference.create(data_reference_name, datapath, self)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> "DataPathComputeBinding":
        """Return how a reference gets to a script."""
        return DataPathComputeBinding(data_reference.mode, data_reference.path_on_compute, data_reference.overwrite)


def _default_name(datastore: str, path: "Optional[str]") -> str:
    """Return a name for a reference that was given none: the datastore's, with a digest of the path where there is one."""
    import hashlib

    letters = "".join(letter if letter.isalnum() else "_" for letter in datastore)
    if letters[:1].isdigit():
        letters = "_" + letters
    return "%s_%s" % (letters, hashlib.sha256(path.encode("utf-8")).hexdigest()[:8]) if path else letters
