"""`Datastore`: a named place for data, a folder or whatever fsspec reaches, with v1's classes and methods."""

import os
import re
import sys
import warnings

from turnout.runtime.script.assets import names, patterns, places
from turnout.runtime.script.assets.references import DataReference
from turnout.runtime.script.exceptions import UserErrorException
from turnout.runtime.script.refusals import refuse

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional

_PASSWORD = re.compile(r"://[^/\s@:]*:[^/\s@]+@")
_SECRET = re.compile(r"(?:^|_)(?:password|passwd|secret|token|key|connection_string|credential)s?$", re.IGNORECASE)
BLOB, FILE_SHARE, LAKE, OTHER = "AzureBlob", "AzureFile", "AzureDataLakeGen2", "Custom"


class AbstractDatastore:
    """A datastore of a workspace.

    Attributes:
        workspace: whose it is.
        name: what it is called there.
        datastore_type: v1's word for its kind; `Custom` for a folder or URL that a person registered.

    Args:
        workspace: a workspace.
        name: the name of one of its datastores; the default one by default.

    Raises:
        UserErrorException: the workspace has no such datastore.
    """

    def __init__(self, workspace: "Any", name: "Optional[str]" = None) -> None:
        place = places.of(workspace)
        found = place.datastore(name or place.default_datastore())
        if found is None:
            raise UserErrorException(
                "Could not find datastore %s in this workspace, which has: %s"
                % (name or "(the default one)", ", ".join(place.datastore_names()) or "none")
            )
        self.workspace = workspace
        self.name = str(found["name"])
        self.datastore_type = str(found.get("type") or OTHER)
        self._definition: "Dict[str, Any]" = found
        self._place = place

    def __repr__(self) -> str:
        return "%s(name=%r, url=%r)" % (type(self).__name__, self.name, self.url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractDatastore) and (other.name, other._place) == (self.name, self._place)

    def __hash__(self) -> int:
        return hash(self.name)

    def __deepcopy__(self, memo: "Any") -> "Any":
        """Return the same object: it names a place, and configurations that refer to it are copied when they are submitted."""
        return self

    @property
    def url(self) -> str:
        """Where its files lie: a URL, `file:///…` for a folder."""
        folder = self._definition.get("folder")
        return "file://%s" % folder if folder else str(self._definition.get("url"))

    def set_as_default(self) -> None:
        """Make it the workspace's default datastore."""
        self._place.set_default_datastore(self.name)

    def unregister(self) -> None:
        """Forget it; its files stay.

        Raises:
            UserErrorException: it is one that every workspace has.
        """
        self._place.unregister_datastore(self.name)


class Datastore(AbstractDatastore):
    """A datastore, and v1's ways to get and register one; see `AbstractDatastore`.

    Every workspace has `workspaceblobstore`, its default, and `workspacefilestore`: folders of the Turnout home.
    """

    def __new__(cls, workspace: "Any", name: "Optional[str]" = None) -> "Any":
        """Return an object of the class for the datastore's type (v1's rule)."""
        if cls is not Datastore:
            return object.__new__(cls)
        place = places.of(workspace)
        found = place.datastore(name or place.default_datastore()) or {}
        return object.__new__(_CLASSES.get(str(found.get("type")), Datastore))

    @staticmethod
    def get(workspace: "Any", datastore_name: str) -> "Any":
        """Return a datastore by its name. Raises UserErrorException when there is none."""
        return Datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: "Any") -> "Any":
        """Return the workspace's default datastore."""
        return Datastore(workspace)

    @staticmethod
    def register(
        workspace: "Any",
        datastore_name: str,
        url: str,
        overwrite: bool = False,
        options: "Optional[Dict[str, Any]]" = None,
    ) -> "Any":
        """Register a folder of this machine, or a URL of fsspec's, as a datastore. Not in v1.

        Args:
            workspace: whose it is to be.
            datastore_name: letters, digits, `-` and `_`.
            url: a folder's path, or a URL such as `s3://bucket/folder` or `sftp://host/folder`.
            overwrite: replace the one of that name.
            options: what fsspec's file system is given. They are kept in the Turnout home and travel with runs: no secrets.

        Raises:
            UserErrorException: the name is taken or can't be used, there is no such folder, or there is a secret in the URL or
                among the options.
        """
        _refuse_secrets(datastore_name, url, options or {})
        folder = url[len("file://") :] if url.startswith("file://") else None if "://" in url or "::" in url else url
        definition: "Dict[str, Any]" = {"name": names.checked("datastore", datastore_name), "type": OTHER}
        if folder is not None:
            folder = os.path.abspath(os.path.expanduser(folder))
            if not os.path.isdir(folder):
                raise UserErrorException(
                    "there is no folder %s for the datastore %s; make it first" % (folder, datastore_name)
                )
            definition["folder"] = folder
        else:
            definition.update(url=url, options=options or {})
        places.of(workspace).register_datastore(definition, overwrite)
        return Datastore(workspace, datastore_name)

    @staticmethod
    def register_azure_blob_container(
        workspace: "Any",
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: "Optional[str]" = None,
        account_key: "Optional[str]" = None,
        protocol: "Optional[str]" = None,
        endpoint: "Optional[str]" = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: "Optional[int]" = None,
        grant_workspace_access: bool = False,
        subscription_id: "Optional[str]" = None,
        resource_group: "Optional[str]" = None,
    ) -> "Any":
        """Register a container of Azure's blob storage; it is read with the package adlfs.

        A key or token is not kept (a warning says so): adlfs takes AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN from
        the process's variables.
        """
        return _register_azure(
            workspace, datastore_name, BLOB, container_name, account_name, bool(sas_token or account_key), overwrite
        )

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: "Any",
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: "Optional[str]" = None,
        client_id: "Optional[str]" = None,
        client_secret: "Optional[str]" = None,
        resource_url: "Optional[str]" = None,
        authority_url: "Optional[str]" = None,
        protocol: "Optional[str]" = None,
        endpoint: "Optional[str]" = None,
        overwrite: bool = False,
        subscription_id: "Optional[str]" = None,
        resource_group: "Optional[str]" = None,
        grant_workspace_access: bool = False,
    ) -> "Any":
        """Register a file system of Azure's Data Lake Storage Gen2; see `register_azure_blob_container`."""
        return _register_azure(
            workspace, datastore_name, LAKE, filesystem, account_name, client_secret is not None, overwrite
        )

    @staticmethod
    def register_hdfs(
        workspace: "Any",
        datastore_name: str,
        protocol: str,
        namenode_address: str,
        hdfs_server_certificate: "Any" = None,
        kerberos_realm: "Any" = None,
        kerberos_kdc_address: "Any" = None,
        kerberos_principal: "Any" = None,
        kerberos_keytab: "Any" = None,
        kerberos_password: "Any" = None,
        overwrite: bool = False,
    ) -> "Any":
        """Register a Hadoop file system; it is read with pyarrow, and Kerberos' own tickets."""
        return Datastore.register(workspace, datastore_name, "hdfs://%s" % namenode_address, overwrite)

    def path(self, path: "Optional[str]" = None, data_reference_name: "Optional[str]" = None) -> DataReference:
        """Return a reference to a path of this datastore, for a script's arguments."""
        return DataReference(self, data_reference_name, path)

    def as_mount(self) -> DataReference:
        """Return a reference to the whole datastore, mounted."""
        return DataReference(self).as_mount()

    def as_download(self, path_on_compute: "Optional[str]" = None) -> DataReference:
        """Return a reference to the whole datastore, downloaded."""
        return DataReference(self).as_download(path_on_compute)

    def as_upload(self, path_on_compute: "Optional[str]" = None) -> DataReference:
        """Return a reference to the whole datastore, to be uploaded to when the run ends."""
        return DataReference(self).as_upload(path_on_compute)

    def upload(
        self,
        src_dir: str,
        target_path: "Optional[str]" = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Copy all files below a folder into the datastore.

        Args:
            src_dir: the folder.
            target_path: where to, below the datastore's top; its top by default.
            overwrite: replace files that are there; otherwise they stay.
            show_progress: print how many.

        Returns:
            A reference to `target_path`.

        Raises:
            UserErrorException: there is no such folder.
        """
        folder = os.fspath(src_dir)
        if not os.path.isdir(folder):
            raise UserErrorException("there is no folder %s to upload" % folder)
        found = [os.path.join(top, name) for top, _, files in sorted(os.walk(folder)) for name in sorted(files)]
        return self.upload_files(found, folder, target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: "List[str]",
        relative_root: "Optional[str]" = None,
        target_path: "Optional[str]" = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Copy files into the datastore.

        Args:
            files: their paths.
            relative_root: what their paths in the datastore are relative to; the folder that they have in common by default.
            target_path: where to, below the datastore's top.
            overwrite: replace files that are there; otherwise they stay.
            show_progress: print how many.

        Raises:
            UserErrorException: one of them is no file, or not below `relative_root`.
        """
        listed = [os.path.abspath(os.fspath(path)) for path in files]
        for path in listed:
            if not os.path.isfile(path):
                raise UserErrorException("%s can't be uploaded: it is not a file that is there" % path)
        root = os.path.abspath(relative_root) if relative_root else _common(listed)
        below = patterns.inside(target_path or "")
        storage = self._place.storage(self.name)
        wanted = []
        for path in listed:
            relative = os.path.relpath(path, root)
            if relative.split(os.sep)[0] == os.pardir:
                raise UserErrorException("%s can't be uploaded: it is not below %s" % (path, root))
            target = "%s/%s" % (below, relative) if below else relative
            if overwrite or not storage.has(target):
                wanted.append((path, target))
            elif show_progress:
                _say("Target already exists. Skipping upload for %s" % target)
        if show_progress:
            _say("Uploading an estimated of %d files" % len(listed))
        self._place.upload(self.name, wanted, overwrite)
        if show_progress:
            _say("Uploaded %d files" % len(wanted))
        return DataReference(self, None, target_path)

    def download(
        self,
        target_path: str,
        prefix: "Optional[str]" = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Copy files of the datastore to this machine, with their paths below its top; return how many.

        Args:
            target_path: the folder that gets them.
            prefix: of their paths; all by default.
            overwrite: replace files that are there; otherwise they stay.
            show_progress: print how many.
        """
        storage = self._place.storage(self.name)
        count = 0
        for file in storage.files(""):
            target = os.path.join(target_path, file.path)
            if file.path.startswith(prefix or "") and (overwrite or not os.path.exists(target)):
                storage.get(file.path, target)
                count += 1
        if show_progress:
            _say("Downloaded %d files" % count)
        return count

    @property
    def container_name(self) -> "Optional[str]":
        """V1's name of the container; a label."""
        return self._definition.get("container_name")

    @property
    def account_name(self) -> "Optional[str]":
        """V1's name of the storage account; a label, None for a folder."""
        return self._definition.get("account_name")

    @property
    def account_key(self) -> None:
        """None: no key is kept."""

    @property
    def sas_token(self) -> None:
        """None: no token is kept."""

    @property
    def is_sas(self) -> bool:
        """False: no token is kept."""
        return False

    @property
    def protocol(self) -> str:
        """How its files are reached: the scheme of its URL."""
        return self.url.split("://", 1)[0]


class AzureBlobDatastore(Datastore):
    """A datastore of v1's type AzureBlob: a container of Azure's, or the workspace's own folder."""


class AzureFileDatastore(Datastore):
    """A datastore of v1's type AzureFile: the workspace's second folder."""


_CLASSES = {BLOB: AzureBlobDatastore, FILE_SHARE: AzureFileDatastore}


_QUERY = "query it in the script, with pandas.read_sql"
REFUSED = {
    "register_azure_file_share": "nothing reads Azure's file shares; mount it, and register the folder with Datastore.register",
    "register_azure_data_lake": "Azure has ended Data Lake Storage Gen1; use its successor Gen2",
    "register_azure_sql_database": "databases are no datastores here; " + _QUERY,
    "register_azure_postgre_sql": "databases are no datastores here; " + _QUERY,
    "register_azure_my_sql": "databases are no datastores here; " + _QUERY,
    "register_dbfs": "Databricks' file system is not reached; copy the files, and register their folder",
}
"""Kinds of v1's that can't be registered → why, and what to do instead."""
refuse(Datastore, REFUSED)


def _refuse_secrets(name: str, url: str, options: "Dict[str, Any]") -> None:
    """Refuse what would put a password into records: they go wherever a run goes."""
    if _PASSWORD.search(url):
        shown = _PASSWORD.sub("://***@", url)
    else:
        shown = next((str(key) for key in options if _SECRET.search(str(key)) and options[key]), "")
    if shown:
        raise UserErrorException(
            "the secret in %s would end up in records: leave it out of the datastore %s, and have the package that reads it "
            "find it in its own variables or files (~/.ssh, AWS_SECRET_ACCESS_KEY and so on)" % (shown, name)
        )


def _register_azure(
    workspace: "Any", name: str, kind: str, container: str, account: str, key: bool, overwrite: bool
) -> "Any":
    definition = {
        "name": names.checked("datastore", name),
        "type": kind,
        "url": "abfs://%s" % container,
        "options": {"account_name": account},
        "container_name": container,
        "account_name": account,
    }
    places.of(workspace).register_datastore(definition, overwrite)
    if key:
        warnings.warn(
            "the key of the datastore %s is not kept; set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, here and, as a "
            "secret, for runs" % name,
            stacklevel=3,
        )
    return Datastore(workspace, name)


def _common(paths: "List[str]") -> str:
    """Return the folder that files have in common."""
    return os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else os.curdir


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
