"""Real remote hosts for tests: machines that share nothing with this one but a wire, on which sshd answers.

    with RemoteHost() as host:
        subprocess.run(["ssh", "-F", host.ssh_config, host.name, "true"])

Each has network, mount, process, host name and IPC namespaces of its own, an own root with a read-only /usr, and files
that survive its reboots. It takes root, and nothing of it is left when it is taken down: by `down`, at the end of this
process, or, where that was killed, by the next process that makes a host.
"""

from __future__ import annotations

import atexit
import os
import queue
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from turnout.testing import remoteclaims, remoteroot
from turnout.testing.remotelink import PATH, Link, LinkFailed, Traffic, call

_SECONDS_TO_START = 60.0
_PROGRAMS = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "openssl": "openssl",
}


class MissingRemoteHost(Exception):
    """Remote hosts can't be made here; the text names what is missing and how to get it."""


class RemoteHostFailed(AssertionError):
    """A remote host, or a command on it, ended in another way than it should; the text has what it said."""


def require() -> None:
    """Make sure that remote hosts can be made here.

    Raises:
        MissingRemoteHost: a program isn't there, or this account may not.
    """
    for program, package in _PROGRAMS.items():
        if shutil.which(program, path=PATH) is None:
            raise MissingRemoteHost(f"{program} isn't installed (apt-get install --no-install-recommends {package})")
    if os.getuid() != 0:
        raise MissingRemoteHost("a remote host of a test's own takes root")
    try:
        call("unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "true")
    except LinkFailed as error:
        raise MissingRemoteHost(f"root may not make namespaces here (in a container: --privileged): {error}") from error


class RemoteHost:
    """A remote host with one account; `with` takes it up and down.

    It ends with the thread that took it up, too.

    Attributes:
        name: its host name, and its entry in `ssh_config`.
        address: where sshd listens.
        port: on which it does.
        user: the account.
        home: the account's directory there.
        password: the account's, if it has one.
        key: the private key file that opens it.
        known_hosts: a file with the key that the host had when it was taken up, or at the last `accept_host_key`.
        ssh_config: a configuration of ssh with all of these under `name`.
        link: the wire, for what isn't offered here.
    """

    name: str
    address: str
    key: Path
    known_hosts: Path
    ssh_config: Path
    link: Link

    def __init__(
        self,
        *,
        python: bool | str | Path = True,
        shell: str = "/bin/bash",
        user: str = "runner",
        home: str = "",
        home_size: str = "",
        bashrc: str = "",
        banner: str = "",
        password: str = "",
        room: str = "2g",
        network: bool = True,
    ) -> None:
        """Say what the host is like.

        Args:
            python: False for a host without any, or the prefix of an installation that is its only one.
            shell: the account's.
            user: its name.
            home: its directory, below /home; /home/USER if empty.
            home_size: how much fits into that, such as `8m`; all of the disk if empty.
            bashrc: what bash reads before each command, such as one that prints something.
            banner: what sshd says before the login.
            password: opens the account besides the key.
            room: how much fits into /tmp and what else isn't below /home.
            network: whether it reaches what this machine reaches; otherwise it reaches nothing.
        """
        self.user, self.home, self.password, self.port = user, home or f"/home/{user}", password, remoteroot.PORT
        if not self.home.startswith("/home/"):
            raise ValueError(f"the home of a remote host's account lies below /home, {self.home} doesn't")
        self._account = remoteroot.Account(user, self.home, shell, bashrc, password, home_size)
        self._python = "" if python is True else "none" if python is False else os.path.realpath(python)
        self._banner, self._room, self._network = banner, room, network
        self._variables = remoteroot.ways_out() if network else {}
        self._claim: remoteclaims.Claim | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._listening: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def __enter__(self) -> RemoteHost:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> RemoteHost:
        """Make the host and wait until sshd listens.

        Raises:
            MissingRemoteHost: it can't be made here.
            RemoteHostFailed: it doesn't start; the text has what its first process said.
        """
        require()
        self._claim, self._owner = remoteclaims.claim(), os.getpid()
        atexit.register(self.down)
        try:
            self.link = Link(self._claim.number)
            self.name, self.address = self.link.name, self.link.far
            self.key, self.known_hosts = self._disk / "id", self._disk / "known_hosts"
            self.ssh_config = self._disk / "ssh_config"
            self.link.make(self._network)
            remoteroot.prepare(self._disk, self.link, self._account, self._banner, self._network)
            self.accept_host_key()
            self._write_ssh_config()
            self._boot()
        except BaseException:
            self.down()
            raise
        return self

    def down(self) -> None:
        """End everything on the host and remove all of it; a host that is down stays so."""
        if self._claim is None or self._owner != os.getpid():
            return  # a forked process leaves the host to whom it belongs
        claim, self._claim = self._claim, None
        atexit.unregister(self.down)
        try:
            self._end_processes()
        finally:
            claim.release()

    def cut(self) -> None:
        """Pull the plug on this machine's side: connections stay, nothing gets through, new ones have no route."""
        self.link.cut()

    def mend(self) -> None:
        """Undo `cut`, `slow`, `lossy`, `refuse` and `filtered`; connections that both ends still have go on."""
        self.link.mend()

    def slow(self, rate: str) -> None:
        """Let no more through, each way, than a rate as tc writes it, such as `2mbit`."""
        self.link.slow(rate)

    def fast(self) -> None:
        """Undo `slow`."""
        self.link.fast()

    def lossy(self, percent: int) -> None:
        """Lose so many of a hundred packets, each way."""
        self.link.lossy(percent)

    def refuse(self) -> None:
        """Answer whatever comes for sshd with a reset, as a machine does on which nothing listens."""
        self.link.refuse(self.port)

    def filtered(self) -> None:
        """Let no packet through and say nothing, as a firewall does."""
        self.link.filtered()

    def kill_connections(self) -> None:
        """End all connections to sshd at once; what was started over them may live on."""
        self.link.kill_connections(self.port)

    def bytes_sent(self) -> Traffic:
        """Return the bytes that went over the wire so far, `sent` to the host and `received` from it."""
        return self.link.traffic()

    def new_host_key(self) -> None:
        """Let sshd show another key from now on; connections stay, `known_hosts` still has the old one."""
        remoteroot.new_host_key(self._disk)
        os.kill(self._first_process(), signal.SIGHUP)
        self._await_daemon()

    def accept_host_key(self) -> None:
        """Write the key that the host has now into `known_hosts`."""
        kind, text = (self._disk / f"{remoteroot.HOST_KEY}.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"{self.address} {kind} {text}\n")

    def reboot(self) -> None:
        """Kill everything on the host and start it again, with another boot id; /home and /etc stay.

        Connections are reset. For those of a power cut, `cut` the wire first and `mend` it afterwards.
        """
        self._end_processes()
        self._boot()

    def run(self, command: str, *, code: int = 0, as_root: bool = False) -> str:
        """Have a shell on the host carry out a command, past SSH and the wire; return what it printed.

        Args:
            command: for `sh -c`, in the account's directory.
            code: how it has to end.
            as_root: not as the account.

        Raises:
            RemoteHostFailed: it ended otherwise.
        """
        words = [*self.within(as_root=as_root), "/bin/sh", "-c", command]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != code:
            raise RemoteHostFailed(
                f"{command!r} on {self.name} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def within(self, *, as_root: bool = False) -> list[str]:
        """Return the words before a command that have it run on the host, in the account's directory.

        Args:
            as_root: not as the account.
        """
        user, account = ("root", "0") if as_root else (self.user, str(remoteroot.ACCOUNT))
        variables = {**self._variables, "PATH": PATH, "HOME": self.home, "USER": user}
        return [
            *("nsenter", f"--target={self._first_process()}", "--mount", "--pid", "--uts", "--ipc", "--net"),
            *("setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", "--"),
            *("env", "-i", f"--chdir={self.home}", *(f"{name}={value}" for name, value in variables.items())),
        ]

    def path(self, path: str) -> Path:
        """Return where this machine finds a file of the host.

        Args:
            path: its path there, below /home or relative to the account's directory.
        """
        there = os.path.normpath(os.path.join(self.home, path))
        if not there.startswith("/home/"):
            raise ValueError(f"only what lies below /home of a remote host has a path here, {there} doesn't")
        return self._disk / there[1:]

    def log(self) -> str:
        """Return what the host's first process said: sshd's log."""
        return (self._disk / "log").read_text(errors="replace")

    @property
    def _disk(self) -> Path:
        assert self._claim is not None, "the remote host is down"
        return self._claim.directory

    def _write_ssh_config(self) -> None:
        lines = (
            *(f"Host {self.name}", f"HostName {self.address}", f"Port {self.port}", f'User "{self.user}"'),
            *(f'IdentityFile "{self.key}"', "IdentitiesOnly yes", f'UserKnownHostsFile "{self.known_hosts}"'),
            "GlobalKnownHostsFile /dev/null",
        )
        others = f'Host *\n    UserKnownHostsFile "{self.known_hosts}"\n    GlobalKnownHostsFile /dev/null\n'
        self.ssh_config.write_text("\n    ".join(lines) + "\n" + others)

    def _boot(self) -> None:
        remoteroot.new_boot(self._disk)
        command = remoteroot.first_process(self._disk, self.link, self._room, self._python)
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        self._listening = queue.SimpleQueue()
        self._process = subprocess.Popen(
            command, stdin=nothing, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True
        )
        assert self._process.stdout is not None
        log = (self._disk / "log").open("ab", buffering=0)
        reader = threading.Thread(target=_listen, args=(self._process.stdout, log, self._listening), daemon=True)
        reader.start()
        self._reader = reader
        self._await_daemon()

    def _await_daemon(self) -> None:
        try:
            listens = self._listening.get(timeout=_SECONDS_TO_START)
        except queue.Empty:
            listens = False
        if not listens:
            raise RemoteHostFailed(f"sshd of {self.name} doesn't listen: {self.log()}")

    def _first_process(self) -> int:
        """Return the process that is number 1 on the host."""
        assert self._process is not None, "the remote host is down"
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            raise RemoteHostFailed(f"the first process of {self.name} has ended: {self.log()}")
        return int(children[0])

    def _end_processes(self) -> None:
        """Kill the first process, and with it, before it is gone itself, all others."""
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            pid = process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for child in children or [str(pid)]:
                os.kill(int(child), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended by itself
        process.wait()
        self._reader.join()


def _listen(said: BinaryIO, log: BinaryIO, listening: queue.SimpleQueue[bool]) -> None:
    """Keep what the first process says until its end, and tell when it says that it listens, or has ended."""
    with said, log:
        for line in said:
            log.write(line)
            if line.startswith(b"Server listening on "):
                listening.put(True)
    listening.put(False)
