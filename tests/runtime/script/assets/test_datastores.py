"""Datastores: the two that every workspace has, those that a person registers, and what goes in and out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Workspace
from turnout.runtime.script.assets.datastores import REFUSED, AzureBlobDatastore, Datastore
from turnout.runtime.script.exceptions import NotYetException, UserErrorException

Put = Callable[..., Path]


def test_every_workspace_has_two_and_the_first_is_the_default(ws: Workspace) -> None:
    assert sorted(ws.datastores) == ["workspaceblobstore", "workspacefilestore"]
    store = ws.get_default_datastore()
    assert (store.name, store.datastore_type) == ("workspaceblobstore", "AzureBlob")
    assert isinstance(store, AzureBlobDatastore)
    assert store == Datastore.get_default(ws) == Datastore.get(ws, "workspaceblobstore")
    assert store != ws.datastores["workspacefilestore"]


def test_another_default_is_chosen_and_lost_with_the_datastore(ws: Workspace, tmp_path: Path) -> None:
    mine = Datastore.register(ws, "mine", str(tmp_path))
    ws.set_default_datastore("mine")
    assert ws.get_default_datastore() == mine
    mine.unregister()
    assert ws.get_default_datastore().name == "workspaceblobstore"
    with pytest.raises(UserErrorException, match="Could not find datastore mine in this workspace, which has: work"):
        ws.set_default_datastore("mine")


def test_a_folder_is_registered_once_unless_it_is_to_be_replaced(ws: Workspace, tmp_path: Path) -> None:
    Datastore.register(ws, "mine", str(tmp_path))
    with pytest.raises(UserErrorException, match="there is a datastore mine already; pass overwrite=True"):
        Datastore.register(ws, "mine", str(tmp_path))
    (tmp_path / "b").mkdir()
    assert Datastore.register(ws, "mine", f"file://{tmp_path}/b", overwrite=True).url == f"file://{tmp_path}/b"


def test_a_folder_that_is_not_there_is_refused(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        UserErrorException, match=r"there is no folder .*/missing for the datastore mine; make it first"
    ):
        Datastore.register(ws, "mine", str(tmp_path / "missing"))


def test_those_of_the_workspace_stay(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="belongs to the workspace"):
        Datastore.register(ws, "workspaceblobstore", str(tmp_path), overwrite=True)
    with pytest.raises(UserErrorException, match="belongs to the workspace and stays"):
        ws.get_default_datastore().unregister()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-a", ".hidden", "a\n", "é", "x" * 201, None, 7])
def test_names_that_cannot_be_used_are_refused(ws: Workspace, tmp_path: Path, name: Any) -> None:
    with pytest.raises(UserErrorException, match="can't be the name of a datastore"):
        Datastore.register(ws, name, str(tmp_path))


def test_the_longest_name_is_kept(ws: Workspace, tmp_path: Path) -> None:
    assert Datastore.register(ws, "x" * 200, str(tmp_path)).name == "x" * 200


@pytest.mark.parametrize("name", ["../targets/box", "x" * 5000, "a\0b", "/etc/passwd"])
def test_no_name_leads_to_another_file(ws: Workspace, name: str) -> None:
    target = Path(ws.layout.targets) / "box.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text('{"folder": "/"}')
    with pytest.raises(UserErrorException, match="Could not find datastore"):
        Datastore(ws, name)


def test_what_is_no_workspace_is_said_to_be_none() -> None:
    with pytest.raises(UserErrorException, match="a Workspace is needed, not a str"):
        Datastore("ws")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for path in ("src/a.txt", "src/deep/b.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("new")
    return tmp_path / "src"


def test_a_folder_is_uploaded_and_a_reference_returned(store: Any, source: Path, put: Put, capsys: Any) -> None:
    kept = put("to/a.txt", "old")
    reference = store.upload(str(source), "to")
    assert str(reference).startswith("$AZUREML_DATAREFERENCE_workspaceblobstore_")
    assert reference.path_on_datastore == "to"
    assert kept.read_text() == "old"
    assert (kept.parent / "deep" / "b.txt").read_text() == "new"
    assert "Target already exists. Skipping upload for to/a.txt" in capsys.readouterr().out
    store.upload(str(source), "to", overwrite=True, show_progress=False)
    assert kept.read_text() == "new"
    assert capsys.readouterr().out == ""


def test_files_are_uploaded_below_what_they_have_in_common(store: Any, source: Path, put: Put) -> None:
    files = [str(source / "a.txt"), str(source / "deep" / "b.txt")]
    store.upload_files(files, show_progress=False)
    store.upload_files(files, relative_root=str(source.parent), target_path="/r/", show_progress=False)
    below = put("x").parent
    found = sorted(str(path.relative_to(below)) for path in below.rglob("*.txt"))
    assert found == ["a.txt", "deep/b.txt", "r/src/a.txt", "r/src/deep/b.txt"]


@pytest.mark.parametrize("target", ["..", "../../x", "a/../../b"])
def test_nothing_is_uploaded_out_of_the_datastore(store: Any, source: Path, ws: Workspace, target: str) -> None:
    before = sorted(Path(ws.layout.root).rglob("*"))
    with pytest.raises(UserErrorException, match="leads out of its datastore"):
        store.upload(str(source), target, show_progress=False)
    assert sorted(Path(ws.layout.root).rglob("*")) == before


def test_what_cannot_be_uploaded_is_named(store: Any, source: Path) -> None:
    with pytest.raises(UserErrorException, match="there is no folder none to upload"):
        store.upload("none")
    with pytest.raises(UserErrorException, match="is not a file that is there"):
        store.upload_files([str(source)])
    with pytest.raises(UserErrorException, match="it is not below"):
        store.upload_files([str(source / "a.txt")], relative_root=str(source / "deep"))


def test_a_prefix_is_downloaded_and_what_is_there_stays(store: Any, put: Put, tmp_path: Path) -> None:
    for path in ("a/1", "a/2", "b/1"):
        put(path, path)
    (tmp_path / "got" / "a").mkdir(parents=True)
    (tmp_path / "got" / "a" / "1").write_text("mine")
    assert store.download(str(tmp_path / "got"), prefix="a/", show_progress=False) == 1
    assert (tmp_path / "got" / "a" / "1").read_text() == "mine"
    assert (tmp_path / "got" / "a" / "2").read_text() == "a/2"
    assert store.download(str(tmp_path / "got"), prefix="a/", overwrite=True, show_progress=False) == 2
    assert not (tmp_path / "got" / "b").exists()


def test_a_container_of_azure_is_registered_without_its_key(ws: Workspace) -> None:
    with pytest.warns(UserWarning, match="the key of the datastore blobs is not kept"):
        store = Datastore.register_azure_blob_container(ws, "blobs", "c", "account", account_key="secret")
    assert (store.datastore_type, store.container_name, store.account_name) == ("AzureBlob", "c", "account")
    assert (store.account_key, store.sas_token, store.is_sas, store.protocol) == (None, None, False, "abfs")
    assert isinstance(ws.datastores["blobs"], AzureBlobDatastore)
    assert b"secret" not in b"".join(path.read_bytes() for path in Path(ws.layout.datastores).iterdir())


@pytest.mark.parametrize("method", sorted(REFUSED))
def test_kinds_that_nothing_reads_are_refused_with_a_way_out(ws: Workspace, method: str) -> None:
    with pytest.raises(NotYetException, match=rf"^Datastore\.{method} is not there; .+"):
        getattr(Datastore, method)(ws, "d", account_name="x")


@pytest.mark.parametrize(
    ("url", "options", "shown"),
    [
        ("sftp://me:pass%20word@host/data", {}, r"sftp://\*\*\*@host/data"),
        ("s3://bucket", {"key": "AKIA", "anon": False}, "key"),
        ("s3://bucket", {"secret": "x"}, "secret"),
        ("sftp://host/data", {"password": "x"}, "password"),
        ("abfs://c", {"account_key": "x"}, "account_key"),
    ],
)
def test_a_secret_is_not_kept_with_a_datastore(ws: Workspace, url: str, options: dict[str, Any], shown: str) -> None:
    with pytest.raises(UserErrorException, match=f"the secret in {shown} would end up in records"):
        Datastore.register(ws, "lake", url, options=options)
    assert "lake" not in ws.datastores


def test_what_is_no_secret_is_kept(ws: Workspace) -> None:
    made = Datastore.register(ws, "lake", "sftp://me@host:22/data", options={"anon": True, "password": None})
    assert made.url == "sftp://me@host:22/data"
