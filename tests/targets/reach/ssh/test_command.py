from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.exceptions import ComputeTargetException
from turnout.targets.reach.ssh import command
from turnout.targets.reach.ssh.command import Address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("gpu-box", Address("gpu-box")),
        ("me@10.0.0.5:22", Address("10.0.0.5", "me", 22)),
        ("me@corp.example@gpu-box", Address("gpu-box", "me@corp.example")),
        ("gpu-box:65535", Address("gpu-box", "", 65535)),
        ("[::1]", Address("::1")),
        ("me@[fe80::1%eth0]:2222", Address("fe80::1%eth0", "me", 2222)),
        ("[gpu-box]:22", Address("gpu-box", "", 22)),
    ],
)
def test_an_address_is_read_as_it_is_meant(text: str, address: Address) -> None:
    assert command.parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "me@",
        ":22",
        "gpu-box:",
        "gpu-box:0",
        "gpu-box:65536",
        "gpu-box:ssh",
        "gpu-box:-1",
        f"gpu-box:{'1' * 5000}",
        "gpu-box:\u0662\u0662",
        "::1",
        "me@::1:22",
        "[::1",
        "[::1]22",
        "[::1]:",
        "[::1]:x",
        "[]",
        "-oProxyCommand=id",
        "me@-oProxyCommand=id",
        "-l@gpu-box",
        "gpu box",
        "gpu-box\n",
        "gpu-box\0",
        "gpu'box",
        "ssh://me@gpu-box",
        "gpu-box/home",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ComputeTargetException, match="is no address; write"):
        command.parse(text)


_NAMES = st.text("abcxyz0189._", min_size=1, max_size=12)
_HOSTS = st.one_of(_NAMES, st.ip_addresses().map(str))


@given(st.builds(Address, _HOSTS, st.one_of(st.just(""), _NAMES), st.integers(0, 65535)))
def test_an_address_is_read_back_from_how_it_is_shown(address: Address) -> None:
    assert command.parse(str(address)) == address


@given(st.text("a1:@[]-./% \0", max_size=10))
def test_no_text_becomes_an_address_that_ssh_takes_for_an_option(text: str) -> None:
    try:
        found = command.parse(text)
    except ComputeTargetException:
        return
    assert found.host
    assert not found.host.startswith("-")
    assert not found.user.startswith("-")
    assert 0 <= found.port < 65536
    assert not set("\0 /") & set(found.host + found.user)


def configured(line: list[str]) -> dict[str, str]:
    """Return what ssh itself makes of a command line."""
    said = subprocess.run([line[0], "-G", *line[1:]], capture_output=True, text=True, check=True).stdout
    found: dict[str, str] = {}
    for each in said.splitlines():
        name, _, value = each.partition(" ")
        found.setdefault(name, value)
    return found


def test_ssh_takes_the_command_line_as_it_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "my config"
    config.write_text(
        "Host gpu\n HostName 10.0.0.5\n ProxyJump door\n"
        "Host *\n StrictHostKeyChecking no\n ForwardAgent yes\n ControlMaster auto\n LocalForward 1234 x:1\n"
        " ConnectTimeout 600\n RequestTTY force\n"
    )
    monkeypatch.setenv(command.CONFIG_VARIABLE, str(config))
    key = tmp_path / "mine"
    key.touch()  # ssh passes over one that isn't there
    found = configured(command.argv(Address("gpu", "me", 2222), str(key), False, "echo hello"))
    asked = {
        name: found.get(name)
        for name in ("hostname", "user", "port", "proxyjump", "identityfile", "identitiesonly", "batchmode")
    }
    assert asked == {
        "hostname": "10.0.0.5",
        "user": "me",
        "port": "2222",
        "proxyjump": "door",
        "identityfile": str(key),
        "identitiesonly": "yes",
        "batchmode": "yes",
    }
    assert found["stricthostkeychecking"] == "true"  # whatever the configuration says
    assert (found["controlmaster"], found["requesttty"], found["clearallforwardings"]) == ("false", "false", "yes")
    assert int(found["connecttimeout"]) == command.CONNECT_SECONDS
    assert int(found["serveraliveinterval"]) * int(found["serveralivecountmax"]) == 15


def test_what_is_not_given_is_left_to_sshs_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(command.CONFIG_VARIABLE, raising=False)
    line = command.argv(Address("gpu"), "", True, "echo hello")
    assert not {"-p", "-l", "-i", "-F", "-v"} & set(line)
    assert line[-3:] == ["--", "gpu", "echo hello"]
    assert configured(line)["batchmode"] == "no"  # something answers its questions


def test_without_ssh_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ComputeTargetException, match="install OpenSSH's client"):
        command.argv(Address("gpu"), "", False, "true")


def test_the_command_for_a_person_is_the_same_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(command.CONFIG_VARIABLE, raising=False)
    assert command.by_hand(Address("gpu")) == "ssh gpu"
    assert command.by_hand(Address("gpu", "me", 22), "/keys/mine") == "ssh -p 22 -i /keys/mine me@gpu"
    monkeypatch.setenv(command.CONFIG_VARIABLE, "/etc/other")
    assert command.by_hand(Address("gpu")) == "ssh -F /etc/other gpu"


def test_ssh_speaks_english_and_keeps_the_persons_variables() -> None:
    made = command.environment({"SSH_AUTH_SOCK": "/agent", "LC_ALL": "de_DE.UTF-8"}, {"SSH_ASKPASS": "/ask"})
    assert made == {"SSH_AUTH_SOCK": "/agent", "LC_ALL": "C", "SSH_ASKPASS": "/ask"}
    assert os.environ.get("SSH_ASKPASS") != "/ask"
