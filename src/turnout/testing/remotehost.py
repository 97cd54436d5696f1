"""Real remote hosts for tests: an sshd with a network, a root directory, processes and accounts of its own.

A host is a set of Linux namespaces. It sees this machine's /usr, read-only, and nothing else of it: no home, no checkout,
no /tmp. Only its network joins the two, and that can be cut, slowed, made lossy, or filtered. Needs root, Debian's
openssh-server, iproute2, and nftables for the faults.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from typing import Any

USER, ACCOUNT = "runner", 4001
NEEDS = ("/usr/sbin/sshd", "ip", "nft", "nsenter", "ssh-keygen")
_PATIENCE = 20.0
_LOCK = "/run/lock/turnout-test-hosts"

_SSHD = """
Port 22
ListenAddress {address}
HostKey /etc/ssh/host_key
PidFile none
AuthorizedKeysFile /etc/ssh/authorized_keys
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
MaxStartups 100
{banner}
"""

_INIT = r"""
set -e
mount --make-rprivate /
root={state}/root
mount -t tmpfs -o mode=755 tmpfs $root
cd $root
mkdir -p usr etc/ssh proc sys dev run/sshd tmp var/tmp home before
for each in bin sbin lib lib64; do ln -s usr/$each $each; done
mount --bind /usr usr
mount -o remount,bind,ro usr
cp -a /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/nsswitch.conf /etc/alternatives /etc/profile \
    /etc/bash.bashrc /etc/ssl etc/ 2>/dev/null || true
cp {state}/etc/* etc/
cp {state}/ssh/* etc/ssh/
chmod 600 etc/shadow etc/ssh/host_key
mount --bind {state}/home home
{mounts}
chmod 1777 tmp var/tmp
mount -t proc proc proc
mount --bind {state}/boot_id proc/sys/kernel/random/boot_id
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
for each in null zero full random urandom tty; do touch dev/$each; mount --bind /dev/$each dev/$each; done
ln -s /proc/self/fd dev/fd
hostname {name}
pivot_root . before
cd /
umount -l before
rmdir before
exec env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
"""


def lacking() -> str:
    """Return what this machine lacks to make hosts, in a few words; empty when nothing."""
    if os.geteuid() != 0:
        return "remote hosts for tests need root"
    gone = [each for each in NEEDS if shutil.which(each) is None]
    return f"remote hosts for tests need {', '.join(gone)}" if gone else ""


class RemoteHost:
    """A host with the account `runner`, which is let in with a key.

    Args:
        shell: the account's login shell.
        bashrc: what its ~/.bashrc holds; Debian's bash reads that for commands over ssh, too.
        banner: what sshd shows before the login.
        password: lets the account in with this password, too.
        home: the account's home; may hold blanks.
        home_size: the size of a file system of its own for the home, as mount(8) takes it; empty for none.
        python: whether there is a Python.
        network: whether it reaches what this machine reaches, a package index among them.

    Attributes:
        address: its IP address; sshd's port is 22.
        near: the address of this machine that it sees.
        key: the account's private key.
        config: a configuration for ssh with a `Host` of the host's name.
        name: its name.
    """

    def __init__(
        self,
        shell: str = "/bin/bash",
        bashrc: str = "",
        banner: str = "",
        password: str = "",
        home: str = f"/home/{USER}",
        home_size: str = "",
        python: bool = True,
        network: bool = True,
    ) -> None:
        self._lock, number = _free_number()
        self.name = f"thost{number}"
        self._link = f"vth{number}"
        self.near, self.address = f"10.198.{number}.1", f"10.198.{number}.2"
        self.state = tempfile.mkdtemp(prefix="turnout-host-")
        self._home = home
        self._network = network
        self._process: subprocess.Popen[bytes] | None = None
        self.key = os.path.join(self.state, "key")
        self.config = os.path.join(self.state, "config")
        self.known_hosts = os.path.join(self.state, "known_hosts")
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        mounts = []
        if home_size:
            mounts.append(
                f"mkdir -p '.{home}' && mount -t tmpfs -o size={home_size},mode=700,uid={ACCOUNT} tmpfs '.{home}'"
            )
        if not python:
            mounts.append("for each in usr/bin/python3*; do mount --bind /dev/null $each; done")
        self._write_files(shell, bashrc, banner, password, mounts)
        self.new_host_key(restart=False)
        self.trust()
        atexit.register(self.down)

    def __enter__(self) -> RemoteHost:
        self.up()
        return self

    def __exit__(self, *raised: object) -> None:
        self.down()

    def up(self) -> None:
        """Start it, and wait until sshd answers."""
        if not os.path.exists(f"/run/netns/{self.name}"):
            _run("ip", "netns", "add", self.name)
            _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            _run("ip", "-n", self.name, "addr", "add", f"{self.address}/30", "dev", "eth0")
            _run("ip", "-n", self.name, "link", "set", "eth0", "up")
            _run("ip", "-n", self.name, "link", "set", "lo", "up")
            _run("ip", "addr", "add", f"{self.near}/30", "dev", self._link)
            self.mend()
            if self._network:
                self._forward()
        self._start()

    def down(self) -> None:
        """End it, and remove all that it was."""
        self._stop()
        _remove_network(self.name, self._link)
        shutil.rmtree(self.state, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        atexit.unregister(self.down)

    def reboot(self) -> None:
        """End all its processes at once and start it again; what its disk has stays."""
        self._stop()
        self._start()

    def cut(self) -> None:
        """Take the link down: nothing arrives, and nobody is told."""
        _run("ip", "link", "set", self._link, "down")

    def mend(self) -> None:
        """Bring the link up again."""
        _run("ip", "link", "set", self._link, "up")

    def _forward(self) -> None:
        """Let it reach what this machine reaches, in this machine's name."""
        _run("ip", "-n", self.name, "route", "add", "default", "via", self.near)
        with open("/proc/sys/net/ipv4/ip_forward", "w") as stream:
            stream.write("1")
        table = f"turnout_{self.name}"
        _run(
            "nft",
            f"add table ip {table}; add chain ip {table} post {{ type nat hook postrouting priority 100; }}; "
            f"add rule ip {table} post ip saddr {self.address} masquerade",
        )

    def reset_connections(self) -> None:
        """End its connections at once."""
        self._inside_network("ss", "-K", "dst", self.near)

    def slow(self, rate: str) -> None:
        """Limit what comes to it and goes from it, such as "8mbit"."""
        for where in ((), ("nsenter", f"--net=/run/netns/{self.name}")):
            device = "eth0" if where else self._link
            _run(
                *where,
                "tc",
                "qdisc",
                "replace",
                "dev",
                device,
                "root",
                "tbf",
                "rate",
                rate,
                "burst",
                "64kb",
                "latency",
                "400ms",
            )

    def fast(self) -> None:
        """Undo `slow`."""
        for where in ((), ("nsenter", f"--net=/run/netns/{self.name}")):
            device = "eth0" if where else self._link
            subprocess.run(
                [*where, "tc", "qdisc", "del", "dev", device, "root"], stderr=subprocess.DEVNULL, check=False
            )

    def lossy(self, percent: int) -> None:
        """Lose so many of the packets that come to it."""
        self._rules(f"numgen random mod 100 < {percent} drop")

    def filtered(self) -> None:
        """Drop all that comes to it."""
        self._rules("drop")

    def refusing(self) -> None:
        """Refuse new connections."""
        self._rules("tcp dport 22 reject with tcp reset")

    def open(self) -> None:
        """Undo `lossy`, `filtered` and `refusing`."""
        self._inside_network("nft", "flush", "ruleset")

    def new_host_key(self, restart: bool = True) -> None:
        """Give it another host key, of which nobody knows."""
        path = os.path.join(self.state, "ssh", "host_key")
        for each in (path, path + ".pub"):
            if os.path.exists(each):
                os.unlink(each)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
        if restart:
            self.reboot()

    def trust(self) -> None:
        """Have `known_hosts` say what its host key is now."""
        with open(os.path.join(self.state, "ssh", "host_key.pub")) as stream:
            kind, key = stream.read().split()[:2]
        with open(self.known_hosts, "w") as stream:
            stream.write(f"{self.address} {kind} {key}\n")

    def traffic(self) -> tuple[int, int]:
        """Return the bytes that its link has carried to it, and from it."""
        counters = []
        for name in ("tx_bytes", "rx_bytes"):
            with open(f"/sys/class/net/{self._link}/statistics/{name}") as stream:
                counters.append(int(stream.read()))
        return counters[0], counters[1]

    def run(self, script: str, check: bool = True, account: bool = True) -> str:
        """Carry out a shell script there, past ssh, and return what it printed."""
        assert self._process is not None
        pid = self._init_pid()
        command = ["nsenter", "--target", str(pid), "--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wd"]
        if account:
            command += ["--setuid", str(ACCOUNT), "--setgid", str(ACCOUNT)]
        environment = {"HOME": self._home, "PATH": "/usr/bin:/bin", "USER": USER}
        done = subprocess.run([*command, "/bin/sh", "-c", script], env=environment, stdout=subprocess.PIPE, check=check)
        return done.stdout.decode()

    def path(self, below: str) -> str:
        """Return the path on this machine of a file in its account's home (not with `home_size`)."""
        return os.path.join(self.state, self._home.lstrip("/"), below)

    def _write_files(self, shell: str, bashrc: str, banner: str, password: str, mounts: list[str]) -> None:
        for directory in ("root", "etc", "ssh", self._home.lstrip("/")):
            os.makedirs(os.path.join(self.state, directory))
        os.chmod(self.state, 0o755)
        account = os.path.join(self.state, self._home.lstrip("/"))
        if bashrc:
            with open(os.path.join(account, ".bashrc"), "w") as stream:
                stream.write(bashrc)
        os.chown(account, ACCOUNT, ACCOUNT)
        hashed = _hashed(password) if password else "*"
        files = {
            "etc/passwd": f"root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
            f"{USER}:x:{ACCOUNT}:{ACCOUNT}::{self._home}:{shell}\n",
            "etc/group": f"root:x:0:\n{USER}:x:{ACCOUNT}:\nnogroup:x:65534:\ntty:x:5:\n",
            "etc/shadow": f"root:*:1::::::\nsshd:*:1::::::\n{USER}:{hashed}:1::::::\n",
            "etc/hosts": f"127.0.0.1 localhost {self.name}\n",
            "etc/hostname": f"{self.name}\n",
            "etc/resolv.conf": _resolver() if self._network else "",
            "ssh/banner": f"{banner}\n",
            "ssh/sshd_config": _SSHD.format(
                address=self.address,
                passwords="yes" if password else "no",
                banner="Banner /etc/ssh/banner" if banner else "",
            ),
            "init": _INIT.format(state=self.state, name=self.name, mounts="\n".join(mounts)),
            "config": f"Host {self.name}\n  HostName {self.address}\n  User {USER}\n  IdentityFile {self.key}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\nHost *\n  UserKnownHostsFile {self.known_hosts}\n",
        }
        for name, content in files.items():
            with open(os.path.join(self.state, name), "w") as stream:
                stream.write(content)
        shutil.copyfile(self.key + ".pub", os.path.join(self.state, "ssh", "authorized_keys"))

    def _start(self) -> None:
        log = os.path.join(self.state, "log")
        with open(os.path.join(self.state, "boot_id"), "w") as stream:  # namespaces share their kernel's
            stream.write(f"{uuid.uuid4()}\n")
        with open(log, "ab") as stream:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork",
                 "--kill-child", "/bin/bash", os.path.join(self.state, "init")],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection((self.address, 22), 1.0).close()
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    with open(log) as said:
                        raise RuntimeError(f"the host {self.name} doesn't start: {error}: {said.read()}") from error
            time.sleep(0.02)  # a port has no event

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._process = None

    def _init_pid(self) -> int:
        """Return the pid, as seen from here, of the host's first process."""
        assert self._process is not None
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as stream:
            return int(stream.read().split()[0])

    def _inside_network(self, *command: str) -> None:
        _run("nsenter", f"--net=/run/netns/{self.name}", *command)

    def _rules(self, rule: str) -> None:
        self.open()
        self._inside_network(
            "nft",
            f"add table ip t; add chain ip t in {{ type filter hook input priority 0; }}; add rule ip t in {rule}",
        )


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.decode()}")


def _remove_network(name: str, link: str) -> None:
    for command in (
        ("ip", "link", "del", link),
        ("ip", "netns", "del", name),
        ("nft", "delete", "table", "ip", f"turnout_{name}"),
    ):
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def _resolver() -> str:
    with open("/etc/resolv.conf") as stream:
        return stream.read()


def _hashed(password: str) -> str:
    done = subprocess.run(["openssl", "passwd", "-6", password], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


def _free_number() -> tuple[int, int]:
    """Return a lock that the kernel frees with this process, and the number of a host that it stands for."""
    os.makedirs(_LOCK, exist_ok=True)
    for number in range(1, 250):
        lock: Any = os.open(os.path.join(_LOCK, str(number)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        _remove_network(f"thost{number}", f"vth{number}")  # of a process that was killed
        return lock, number
    raise RuntimeError("no free number for another remote host")
