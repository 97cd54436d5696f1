"""The remote hosts that tests reach over SSH: they share nothing with this machine, break as told, and leave nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turnout.environments import resolution
from turnout.runtime import filelocks
from turnout.testing import remoteclaims
from turnout.testing.living import until
from turnout.testing.remotehost import RemoteHost, RemoteHostFailed
from turnout.testing.remotelink import Link

pytestmark = pytest.mark.system

_CHECKOUT = Path(__file__).parents[2]
_OWNER = """
import signal
from turnout.testing.remotehost import RemoteHost
host = RemoteHost(home_size="8m").up()
print(host.link.namespace, host.key.parent, host.run("sleep 1000 >/dev/null 2>&1 & echo $!"), flush=True)
signal.pause()
"""


def ssh(host, command, *options, environment=None, **more):
    words = ["ssh", "-F", host.ssh_config, *options, "-o", "ConnectTimeout=20", host.name, command]
    if environment is None:
        words[1:1] = ["-o", "BatchMode=yes"]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=variables, timeout=60, **more)


def traces(number, inside):
    """What is left anywhere on this machine of a host, and of what ran in the namespace of that number."""
    link, directory = Link(number), remoteclaims.BASE / str(number)
    listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    listed += subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    found = [line for line in listed.splitlines() if f"{link.device}:" in line or f"198.18.{number}." in line]
    found += [line for line in rules.splitlines() if line.endswith(f"turnout_host_{number}")]
    found += [str(path) for path in (directory, Path(link.namespace)) if path.exists()]
    found += remoteclaims.mounts_below(directory)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            namespace = os.stat(process / "ns/net").st_ino
        except OSError:
            continue
        found += [str(process)] if namespace == inside else []
    return found


def test_a_command_runs_as_the_account(remote_host):
    done = ssh(remote_host, "id -un; hostname; pwd")
    assert (done.returncode, done.stdout.split()) == (0, ["runner", remote_host.name, "/home/runner"]), done.stderr
    assert ssh(remote_host, "exit 7").returncode == 7
    assert remote_host.run("id -un; hostname; pwd").split() == done.stdout.split()


def test_nothing_of_the_submitter_is_visible(remote_host, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("here")
    looks = " ".join(f"'{path}'" for path in (_CHECKOUT, Path.home() / ".profile", secret, remote_host.key, sys.prefix))
    assert remote_host.run(f"for path in {looks}; do [ ! -e $path ] || echo $path; done", as_root=True) == ""
    assert secret.read_text() == "here"
    assert remote_host.run("ls -A /root /usr/local /tmp /opt", as_root=True).split() == [
        *("/opt:", "/root:", "/tmp:", "/usr/local:")
    ]
    processes = remote_host.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "pytest" not in processes
    assert "sshd" in processes
    facts = "cat /proc/sys/kernel/random/boot_id; readlink /proc/self/ns/{pid,net,mnt,uts,ipc}"
    here = subprocess.run(["bash", "-c", facts], capture_output=True, text=True, check=True).stdout.split()
    there = ssh(remote_host, facts).stdout.split()
    assert len(there) == len(here) == 6
    assert not set(here) & set(there)


def test_a_cut_connection_goes_on_once_mended(remote_host):
    open_session = subprocess.Popen(
        ["ssh", "-F", remote_host.ssh_config, "-o", "BatchMode=yes", remote_host.name, "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with open_session as session:
        session.stdin.write("before\n")
        session.stdin.flush()
        assert session.stdout.readline() == "before\n"
        remote_host.cut()
        try:
            refused = ssh(remote_host, "true")
            session.stdin.write("during\n")
            session.stdin.flush()
        finally:
            remote_host.mend()
        assert refused.returncode == 255
        assert "No route to host" in refused.stderr
        assert session.communicate()[0] == "during\n"
    assert session.returncode == 0


def test_a_killed_connection_ends_and_its_process_lives(remote_host):
    command = "echo $$ >pid; exec sleep 1000"
    with subprocess.Popen(
        ["ssh", "-F", remote_host.ssh_config, "-o", "BatchMode=yes", remote_host.name, command]
    ) as held:
        pid = remote_host.path("pid")
        number = until(lambda: pid.exists() and pid.read_text().strip(), what="the command to begin")
        remote_host.kill_connections()
        assert held.wait(timeout=30) == 255
    remote_host.run(f"kill -0 {number} && kill {number} && rm pid")


def test_a_filtered_host_says_nothing_and_a_refusing_one_no(remote_host):
    try:
        remote_host.filtered()
        silent = ssh(remote_host, "true", "-o", "ConnectTimeout=1")
        remote_host.refuse()
        refusing = ssh(remote_host, "true")
    finally:
        remote_host.mend()
    assert (silent.returncode, refusing.returncode) == (255, 255)
    assert "timed out" in silent.stderr
    assert "Connection refused" in refusing.stderr
    assert ssh(remote_host, "true").returncode == 0


def test_a_slow_and_lossy_wire_still_carries_everything(remote_host):
    sent = remote_host.bytes_sent().sent
    data = "x" * 200_000
    try:
        remote_host.lossy(5)
        remote_host.slow("8mbit")
        done = ssh(remote_host, "wc -c", input=data)
        rules = remote_host.run("nft list ruleset", as_root=True)
        limit = subprocess.run(["tc", "qdisc", "show", "dev", remote_host.link.device], capture_output=True, text=True)
    finally:
        remote_host.mend()
    assert done.stdout.strip() == "200000", done.stderr
    assert rules.count("numgen random mod 100 < 5 drop") == 2
    assert "tbf" in limit.stdout
    assert "8Mbit" in limit.stdout
    assert 200_000 < remote_host.bytes_sent().sent - sent < 600_000
    assert remote_host.run("nft list ruleset", as_root=True) == ""


def test_a_new_host_key_is_refused_until_accepted(make_remote_host):
    host = make_remote_host(network=False)
    assert ssh(host, "true").returncode == 0
    host.new_host_key()
    changed = ssh(host, "true")
    assert changed.returncode == 255
    assert "IDENTIFICATION HAS CHANGED" in changed.stderr
    host.accept_host_key()
    assert ssh(host, "true").returncode == 0


def test_a_reboot_ends_all_and_keeps_the_disk(make_remote_host):
    host = make_remote_host(network=False, home="/home/a b/c", home_size="4m")
    facts = "cat /proc/sys/kernel/random/boot_id; pidof sleep"
    host.run("echo kept >file; echo lost >/tmp/file; sleep 1000 >/dev/null 2>&1 &")
    before = host.run(facts).split()
    host.reboot()
    assert len(before) == 2
    assert not set(before) & set(host.run(facts, code=1).split())
    assert ssh(host, "cat file; test ! -e /tmp/file").stdout == "kept\n"
    assert host.path("file").read_text() == host.path("/home/a b/c/file").read_text() == "kept\n"


def test_a_small_home_fills_up(make_remote_host):
    host = make_remote_host(network=False, home_size="1m")
    assert "No space left on device" in ssh(host, "head -c 2000000 /dev/zero >file").stderr


def test_a_host_without_python_has_none(make_remote_host):
    host = make_remote_host(python=False, network=False, shell="/bin/sh")
    looks = "echo $0; for name in python3 python perl; do command -v $name; done; ls /usr/bin/python*"
    assert ssh(host, looks).stdout.split() == ["sh", "/usr/bin/perl"]


def test_a_host_has_the_python_it_is_given(make_remote_host):
    # Any prefix will do; this one is there and not where the host's own Python would be.
    host = make_remote_host(python=sys.base_prefix, network=False)
    said = ssh(host, "python3 -c 'import sys; print(sys.prefix, *sys.version_info[:3])'")
    assert said.stdout.split() == ["/opt/python", *map(str, sys.version_info[:3])], said.stderr


def test_noise_banner_and_password_are_those_asked_for(make_remote_host, tmp_path):
    host = make_remote_host(
        network=False, user="ada", bashrc="echo noise\n", banner="Authorised use only\n", password="open sesame"
    )
    done = ssh(host, "id -un")
    assert done.stdout == "noise\nada\n"
    assert "Authorised use only" in done.stderr
    for password, code in (("open sesame", 0), ("wrong", 255)):
        answer = tmp_path / "askpass"
        answer.write_text(f"#!/bin/sh\necho '{password}'\n")
        answer.chmod(0o700)
        asked = {"SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
        assert ssh(host, "true", "-o", "PubkeyAuthentication=no", environment=asked).returncode == code


def test_a_host_reaches_the_package_index_unless_it_may_not(remote_host, make_remote_host):
    uv = remote_host.path("uv")
    uv.write_bytes(Path(resolution.installed_uv()).read_bytes())
    uv.chmod(0o755)
    try:
        install = "./uv venv -q env && ./uv pip install -q --python env six && env/bin/python -c 'import six; print(six.__name__)'"
        done = ssh(remote_host, install)
        assert done.stdout == "six\n", done.stderr
    finally:
        remote_host.run("rm -rf uv env .cache .local")
    alone = make_remote_host(network=False)
    assert "unreachable" in ssh(alone, "exec 3<>/dev/tcp/192.0.2.1/443").stderr


def test_a_host_that_does_not_start_says_why_and_leaves_nothing(tmp_path):
    host = RemoteHost(python=tmp_path / "there-is-none", network=False)
    with pytest.raises(RemoteHostFailed, match="there-is-none"):
        host.up()
    assert traces(int(host.address.split(".")[2]), inside=None) == []


def test_a_power_cut_resets_no_connection(make_remote_host):
    host = make_remote_host(network=False)
    alive = ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"]
    words = ["ssh", "-F", host.ssh_config, *alive, host.name, "echo begun; exec sleep 1000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:
        assert held.stdout.readline() == "begun\n"
        host.cut()
        host.reboot()
        assert "not responding" in held.communicate(timeout=30)[1]
    host.mend()
    assert ssh(host, "true").returncode == 0


def test_nothing_is_left_of_a_host_that_is_down(make_remote_host):
    host = make_remote_host(home_size="4m")
    host.run("setsid sleep 1000 >/dev/null 2>&1 &")
    number = int(host.address.split(".")[2])
    with open(host.link.namespace) as namespace:  # while it is open no other namespace has its number
        inside = os.stat(namespace.fileno()).st_ino
        assert len(traces(number, inside)) >= 8
        host.down()
        assert traces(number, inside) == []


def test_a_killed_owners_host_ends_and_the_next_start_clears_up(make_remote_host):
    with contextlib.ExitStack() as cleanup:
        with subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True) as owner:
            where, directory, _ = owner.stdout.readline().split()
            number, key = int(Path(directory).name), Path(directory) / "id"
            inside = os.stat(cleanup.enter_context(open(where)).fileno()).st_ino
            assert any(trace.startswith("/proc/") for trace in traces(number, inside))
            owner.send_signal(signal.SIGKILL)
        until(lambda: not any(trace.startswith("/proc/") for trace in traces(number, inside)), what="their end")
        assert make_remote_host(network=False).name
        # Another process that makes a host just now may be the one that clears up.
        lock = until(
            lambda: not key.exists() and filelocks.try_lock(f"{directory}.lock"), what="that someone clears up"
        )
        cleanup.callback(os.close, lock)
        assert traces(number, inside) == []
