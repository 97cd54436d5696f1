"""v1's verbs of data: `datastore upload`, `dataset register` and their kin."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli.azureml.verbs import options
from turnout.exceptions import UserErrorException


@click.group("datastore")
def datastore() -> None:
    """Datastores, as v1's command line used them."""


_NAME = click.option("-n", "--name", metavar="NAME", help="The datastore; the default one by default.")
_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace files that are there.")


def _datastore(workspace_name: str | None, path: str, name: str | None) -> Any:
    from turnout.runtime.script.assets.datastores import Datastore

    return Datastore(options.workspace(workspace_name, path), name)


def _described(store: Any) -> dict[str, Any]:
    return {"name": store.name, "type": store.datastore_type, "url": store.url}


@datastore.command("upload")
@options.place
@_NAME
@_OVERWRITE
@click.option("-p", "--src-path", required=True, metavar="DIR", help="What to upload.")
@click.option("-u", "--target-path", metavar="PATH", help="Where to.")
def upload(
    workspace_name: str | None, path: str, name: str | None, overwrite: bool, src_path: str, target_path: str | None
) -> None:
    """Copy the files below a directory into a datastore."""
    store = _datastore(workspace_name, path, name)
    store.upload(src_path, target_path, overwrite, show_progress=False)
    options.show({**_described(store), "path": target_path or ""})


@datastore.command("download")
@options.place
@_NAME
@_OVERWRITE
@click.option("-p", "--target-path", required=True, metavar="DIR", help="Where to.")
@click.option("--prefix", metavar="PATH", help="Only what begins so.")
def download(
    workspace_name: str | None, path: str, name: str | None, overwrite: bool, target_path: str, prefix: str | None
) -> None:
    """Copy files of a datastore here."""
    count = _datastore(workspace_name, path, name).download(target_path, prefix, overwrite, show_progress=False)
    options.show({"files": count})


@datastore.command("list")
@options.place
def list_datastores(workspace_name: str | None, path: str) -> None:
    """List the datastores."""
    options.show([_described(store) for store in options.workspace(workspace_name, path).datastores.values()])


@datastore.command("show")
@options.place
@_NAME
def show(workspace_name: str | None, path: str, name: str | None) -> None:
    """Show a datastore."""
    options.show(_described(_datastore(workspace_name, path, name)))


@datastore.command("show-default")
@options.place
def show_default(workspace_name: str | None, path: str) -> None:
    """Show the default datastore."""
    options.show(_described(_datastore(workspace_name, path, None)))


@datastore.command("set-default")
@options.place
@click.option("-n", "--name", required=True, metavar="NAME", help="The datastore.")
def set_default(workspace_name: str | None, path: str, name: str) -> None:
    """Make a datastore the default one."""
    _datastore(workspace_name, path, name).set_as_default()


@datastore.command("add")
@options.place
@click.argument("name")
@click.argument("url")
@_OVERWRITE
def add(workspace_name: str | None, path: str, name: str, url: str, overwrite: bool) -> None:
    """Register a folder of this machine, or a URL of fsspec's, as a datastore. Not in v1."""
    from turnout.runtime.script.assets.datastores import Datastore

    options.show(_described(Datastore.register(options.workspace(workspace_name, path), name, url, overwrite)))


@click.group("dataset")
def dataset() -> None:
    """Datasets, as v1's command line registered them."""


def _dataset(found: Any) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "version": found.version,
        "datasetType": "File" if found._definition["kind"] == "file" else "Tabular",
        "description": found.description,
        "tags": found.tags,
    }


@dataset.command("register")
@options.place
@click.option(
    "-f", "--file", "file", required=True, metavar="FILE", help="v1's JSON: datasetType, parameters, registration."
)
def register(workspace_name: str | None, path: str, file: str) -> None:
    """Register a dataset as a file describes it."""
    from turnout.runtime import records

    told = records.read_json(file)
    workspace = options.workspace(workspace_name, path)
    made = _made(workspace, told)
    names = told.get("registration") or {}
    if not names.get("name"):
        raise UserErrorException(f"{file} names no dataset: it needs registration.name")
    registered = made.register(
        workspace,
        names["name"],
        names.get("description"),
        names.get("tags"),
        create_new_version=bool(names.get("createNewVersion", False)),
    )
    options.show(_dataset(registered))


def _made(workspace: Any, told: dict[str, Any]) -> Any:
    """Return the dataset that v1's file describes."""
    from turnout.runtime.script.assets.dataset import Dataset
    from turnout.runtime.script.assets.datastores import Datastore

    parameters = dict(told.get("parameters") or {})
    path = parameters.get("path")
    if isinstance(path, dict):
        path = (Datastore(workspace, path.get("datastoreName")), path.get("relativePath") or "")
    if path is None:
        raise UserErrorException("the file says not where the data lies: it needs parameters.path")
    if str(told.get("datasetType")).lower() == "file":
        return Dataset.File.from_files(path)
    form = parameters.get("sourceType") or "delimited_files"
    if form == "parquet_files":
        return Dataset.Tabular.from_parquet_files(path, include_path=bool(parameters.get("includePath")))
    if form == "json_lines_files":
        return Dataset.Tabular.from_json_lines_files(path, include_path=bool(parameters.get("includePath")))
    return Dataset.Tabular.from_delimited_files(
        path,
        include_path=bool(parameters.get("includePath")),
        separator=parameters.get("separator") or ",",
        header=parameters.get("header", True) not in (False, "no_headers"),
    )


@dataset.command("list")
@options.place
def list_datasets(workspace_name: str | None, path: str) -> None:
    """List the latest version of every dataset."""
    options.show([_dataset(found) for found in options.workspace(workspace_name, path).datasets.values()])


@dataset.command("show")
@options.place
@click.option("-n", "--name", metavar="NAME", help="The dataset.")
@click.option("-i", "--id", "identity", metavar="ID", help="The dataset.")
@click.option("--dataset-version", "version", metavar="N", help="Which version (default: the latest).")
def show_dataset(
    workspace_name: str | None, path: str, name: str | None, identity: str | None, version: str | None
) -> None:
    """Show a dataset."""
    from turnout.runtime.script.assets.dataset import Dataset

    workspace = options.workspace(workspace_name, path)
    if (name is None) == (identity is None):
        raise UserErrorException("give --name or --id")
    found = (
        Dataset.get_by_id(workspace, identity)
        if identity
        else Dataset.get_by_name(workspace, str(name), version or "latest")
    )
    options.show(_dataset(found))


@dataset.command("unregister")
@options.place
@click.option("-n", "--name", required=True, metavar="NAME", help="The dataset.")
def unregister(workspace_name: str | None, path: str, name: str) -> None:
    """Remove all versions of a dataset; the data stays."""
    from turnout.runtime.script.assets.dataset import Dataset

    Dataset.get_by_name(options.workspace(workspace_name, path), name).unregister_all_versions()
