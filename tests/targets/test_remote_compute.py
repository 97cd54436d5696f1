"""Attaching a machine: bad input first, then a real agent in a home of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from turnout.exceptions import ComputeTargetException, NotYetException
from turnout.targets import registry
from turnout.targets.compute_target import ComputeTarget
from turnout.targets.reach.ssh import askpass
from turnout.targets.remote_compute import RemoteCompute
from turnout.testing.records import make_run
from turnout.workspace import Workspace

configuration = RemoteCompute.attach_configuration


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no address; give the machine's address"),
        ({"username": "me"}, "no address"),
        ({"address": "gpu box"}, "is no address"),
        ({"address": "-oProxyCommand=id"}, "is no address"),
        ({"address": "box", "ssh_port": "ssh"}, "'ssh' is no port; give a number"),
        ({"address": "box", "ssh_port": 65536}, "65536 is no port"),
        ({"address": "box", "ssh_port": -1}, "-1 is no port"),
        ({"address": "box", "ssh_port": []}, "is no port"),
        ({"address": "box", "password": "s3cret", "private_key_file": "k"}, "a password or a private key, not both"),
        ({"address": "box", "private_key_passphrase": "s3cret"}, "a passphrase needs the private_key_file"),
    ],
)
def test_what_names_no_machine_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ComputeTargetException) as caught:
        configuration(**given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("given", [{"resource_id": "/subscriptions/x"}, {"resource_group": "g", "vm_name": "vm"}])
def test_a_machine_of_a_cloud_is_said_not_to_be_found(given: dict[str, Any]) -> None:
    with pytest.raises(NotYetException, match="give the machine's address"):
        configuration(**given)


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"address": "box"}, ("box", "", 0)),
        ({"address": "me@box:2222"}, ("box", "me", 2222)),
        ({"address": "me@box:2222", "ssh_port": 22, "username": "you"}, ("box", "you", 22)),
        ({"address": "::1", "ssh_port": "22"}, ("::1", "", 22)),
        ({"address": "[::1]:22"}, ("::1", "", 22)),
    ],
)
def test_an_address_is_read(given: dict[str, Any], where: tuple[str, str, int]) -> None:
    options = configuration(**given).options
    assert (options["address"], options["user"], options["port"]) == where


def test_a_secret_is_in_nothing_that_is_shown_or_kept(machine: Path, backend: Any) -> None:
    workspace = Workspace.from_config()
    made = configuration(address="box", password="s3cret")
    assert "s3cret" not in repr(made) + str(made.options)
    target = ComputeTarget.attach(workspace, "box", made)
    kept = Path(workspace.layout.targets, "box.json").read_text()
    assert "s3cret" not in kept + str(target.serialize()) + repr(target)
    ((service, name),) = backend.kept
    assert (service, registry.load(workspace.layout, "box")["keyring"]) == (askpass.SERVICE, name)
    target.detach()
    assert backend.kept == {}


def test_an_attached_machine_is_a_target_of_the_workspace(machine: Path) -> None:
    workspace = Workspace.from_config()
    target = ComputeTarget.attach(workspace, "box", configuration(username="me", address="box"))
    assert isinstance(target, RemoteCompute)
    assert (target.type, target.facts["home"]) == ("VirtualMachine", str(machine / ".turnout"))
    assert (target.address, target.ssh_port, target.vm_size) == ("box", 22, None)
    assert (target.provisioning_errors, target.location, target.tags, target.description) == (None, "local", {}, None)
    assert target.created_on
    assert target.created_on.endswith("Z")
    again = ComputeTarget(workspace, "box")
    assert (type(again), again.serialize(), again.facts) == (RemoteCompute, target.serialize(), target.facts)
    assert list(workspace.compute_targets) == ["local", "box"]
    assert target.reach().run({"operation": "look", "directories": []}) == {"states": {}}
    with pytest.raises(ComputeTargetException, match="there is a target 'box' already"):
        ComputeTarget.attach(workspace, "box", configuration(address="other"))
    with pytest.raises(ComputeTargetException, match="use detach"):
        target.delete()
    target.detach()
    assert list(workspace.compute_targets) == ["local"]
    assert (machine / ".turnout" / "runtime").is_dir()  # nothing is removed there
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound: Compute Target with name box not found"):
        ComputeTarget(workspace, "box")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"private_key_file": "/nowhere/key"}, "the private key /nowhere/key can't be read"),
        ({"interpreter": "/a'b"}, "can't be given to a shell"),
        ({"home": "/proc/turnout"}, "can't be used"),
    ],
)
def test_a_machine_that_cant_be_used_leaves_nothing(machine: Path, given: dict[str, Any], says: str) -> None:
    workspace = Workspace.from_config()
    with pytest.raises(ComputeTargetException) as caught:
        ComputeTarget.attach(workspace, "box", configuration(address="box", **given))
    assert says in str(caught.value)
    assert registry.names(workspace.layout) == []


def test_a_machine_that_is_away_leaves_nothing_and_no_secret(machine: Path, backend: Any) -> None:
    (machine / "cut").touch()
    workspace = Workspace.from_config()
    with pytest.raises(ComputeTargetException, match="no route to it"):
        ComputeTarget.attach(workspace, "box", configuration(address="box", password="s3cret"))
    assert (registry.names(workspace.layout), backend.kept) == ([], {})
    backend.locked = True
    with pytest.raises(ComputeTargetException, match="the collection is locked"):
        ComputeTarget.attach(workspace, "box", configuration(address="box", password="s3cret"))
    assert registry.names(workspace.layout) == []


def test_a_change_is_tried_before_it_is_kept(machine: Path, tmp_path: Path) -> None:
    workspace = Workspace.from_config()
    target = ComputeTarget.attach(workspace, "box", configuration(address="box"))
    before = registry.load(workspace.layout, "box")
    with pytest.raises(ComputeTargetException, match="can't be used"):
        target.update(home="/proc/turnout")
    assert registry.load(workspace.layout, "box") == before
    target.update(home=str(tmp_path / "scratch"))
    assert ComputeTarget(workspace, "box").serialize()["home"] == str(tmp_path / "scratch")


def test_another_home_is_refused_while_runs_live_in_this_one(machine: Path, tmp_path: Path) -> None:
    workspace = Workspace.from_config()
    target = ComputeTarget.attach(workspace, "box", configuration(address="box"))
    make_run(workspace.layout, "living", state="Running", target=target.serialize())
    target.update(user="me")
    with pytest.raises(ComputeTargetException, match="1 run on box has not ended"):
        target.update(home=str(tmp_path / "scratch"))
    assert ComputeTarget(workspace, "box").serialize()["home"] == str(machine / ".turnout")


def test_a_check_keeps_what_is_there_now(machine: Path) -> None:
    workspace = Workspace.from_config()
    target = ComputeTarget.attach(workspace, "box", configuration(address="box"))
    first = target.facts["checked"]
    assert target.check()["checked"] > first
    assert ComputeTarget(workspace, "box").facts == target.facts
    (machine / "cut").touch()
    target.reach().close()
    with pytest.raises(ComputeTargetException, match="no route to it"):
        target.check()
    assert ComputeTarget(workspace, "box").facts["python"] == target.facts["python"]
    assert os.path.exists(os.path.join(workspace.layout.targets, "box.json"))


def test_v1s_earlier_way_to_attach_and_the_later_one_do_the_same(machine: Path) -> None:
    workspace = Workspace.from_config()
    earlier = RemoteCompute.attach(workspace, "a", "me", "box", 2222)
    assert (earlier.serialize()["user"], earlier.serialize()["port"]) == ("me", 2222)
    made = configuration(username="me", address="box", ssh_port=2222)
    for name, attached in (
        ("b", RemoteCompute.attach(workspace, "b", made)),
        ("c", RemoteCompute.attach(workspace, "c", attach_configuration=made)),
    ):
        assert isinstance(attached, RemoteCompute)
        kept = {"name": name, "id": attached.serialize().get("id")}
        assert {**attached.serialize(), **kept} == {**earlier.serialize(), **kept}
    with pytest.raises(ComputeTargetException, match="no address"):
        RemoteCompute.attach(workspace, "d", username="me")


def test_what_another_process_changed_is_read_again(machine: Path) -> None:
    workspace = Workspace.from_config()
    target = RemoteCompute.attach(workspace, "box", configuration(address="box"))
    RemoteCompute(workspace, "box").update(user="me")
    assert "user" not in target.serialize()
    target.refresh_state()
    assert target.serialize()["user"] == "me"


def test_this_machine_can_not_be_detached(home: Path) -> None:
    with pytest.raises(ComputeTargetException, match="'local' can't be detached; it is this machine"):
        ComputeTarget(Workspace.from_config(), "local").detach()
