"""The wire between this machine and a remote host for tests, with every fault that a wire has.

A host has a network namespace of its own, joined to this machine's by a pair of virtual Ethernet devices. Addresses are
from 198.18.0.0/15, which is set aside for tests of networks.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

from turnout.testing.living import until

NETWORKS = range(1, 255)
"""The numbers that links may have: two of one number would have the same addresses."""

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_FAULTS = "inet faults"
_SECONDS_TO_DIE = 20.0


class LinkFailed(AssertionError):
    """A tool that makes or changes a link ended badly; the text has what it said."""


class Traffic(NamedTuple):
    """Bytes on the wire since the link was made, with all headers, as this machine sees them.

    Attributes:
        sent: to the host.
        received: from it.
    """

    sent: int
    received: int


def call(*words: str, given: str = "", must: bool = True) -> str:
    """Call a tool of the system and return what it printed.

    Args:
        words: its name and arguments.
        given: its standard input.
        must: whether it is an error when it fails.

    Raises:
        LinkFailed: it failed and must not.
    """
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(words, input=given, capture_output=True, text=True, env=environment, check=False)
    if must and done.returncode:
        raise LinkFailed(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Link:
    """The link of one number; `make` and `remove` may be called by different processes.

    Attributes:
        name: of the host's network namespace.
        device: this machine's end.
        near: this machine's address.
        far: the host's address.
    """

    def __init__(self, number: int) -> None:
        self.name = f"turnout-host-{number}"
        self.device = f"turnout{number}"
        self.near, self.far = f"198.18.{number}.1", f"198.18.{number}.2"
        self._network = f"198.18.{number}.0/30"
        self._table = f"ip turnout_host_{number}"

    @property
    def namespace(self) -> str:
        """The file that stands for the host's network namespace."""
        return f"/run/netns/{self.name}"

    def make(self, outside: bool) -> None:
        """Make the namespace and the link.

        Args:
            outside: whether the host reaches what this machine reaches. That switches IPv4 forwarding on, and leaves it
                on: other hosts may need it.
        """
        size = _largest_packet()
        call("ip", "netns", "add", self.name)
        peer = ("type", "veth", "peer", "name", "eth0", "mtu", size, "netns", self.name)
        call("ip", "link", "add", self.device, "mtu", size, *peer)
        call("ip", "address", "add", f"{self.near}/30", "dev", self.device)
        call("ip", "link", "set", self.device, "up")
        # While the device is down the way to the host must not be the way to everywhere else.
        call("ip", "route", "replace", "unreachable", self._network, "metric", "4294967294")
        call("ip", "-n", self.name, "address", "add", f"{self.far}/30", "dev", "eth0")
        call("ip", "-n", self.name, "link", "set", "lo", "up")
        call("ip", "-n", self.name, "link", "set", "eth0", "up")
        if outside:
            call("ip", "-n", self.name, "route", "add", "default", "via", self.near)
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            chain = "type nat hook postrouting priority srcnat"
            rule = f'ip saddr {self._network} oifname != "{self.device}" masquerade'
            call("nft", "-f", "-", given=f"table {self._table} {{\nchain out {{\n{chain}\n{rule}\n}}\n}}\n")

    def remove(self) -> None:
        """End what runs in the namespace, then remove it and all that belongs to the link; it may be gone already."""
        if os.path.exists(self.namespace):
            until(self._ended, _SECONDS_TO_DIE, f"the end of the processes in {self.name}")
            call("ip", "netns", "delete", self.name, must=False)
        call("ip", "link", "delete", self.device, must=False)
        call("ip", "route", "delete", "unreachable", self._network, must=False)
        call("nft", "delete", "table", *self._table.split(), must=False)

    def cut(self) -> None:
        """Pull the plug on this machine's side: connections stay, and nothing gets through."""
        call("ip", "link", "set", self.device, "down")

    def mend(self) -> None:
        """Undo every fault; connections that both ends still have go on."""
        call("ip", "link", "set", self.device, "up")
        self._fault()
        self.fast()

    def slow(self, rate: str) -> None:
        """Let no more through, each way, than a rate as tc writes it, such as `2mbit`."""
        limit = ("root", "tbf", "rate", rate, "burst", "32kb", "latency", "400ms")
        call("tc", "qdisc", "replace", "dev", self.device, *limit)
        call("tc", "-n", self.name, "qdisc", "replace", "dev", "eth0", *limit)

    def fast(self) -> None:
        """Undo `slow`."""
        call("tc", "qdisc", "delete", "dev", self.device, "root", must=False)
        call("tc", "-n", self.name, "qdisc", "delete", "dev", "eth0", "root", must=False)

    def lossy(self, percent: int) -> None:
        """Lose so many of a hundred packets, each way."""
        rule = f"numgen random mod 100 < {percent} drop"
        self._fault(coming=rule, going=rule)

    def refuse(self, port: int) -> None:
        """Answer everything for a port with a reset, as a machine does on which nothing listens."""
        self._fault(coming=f"tcp dport {port} reject with tcp reset")

    def filtered(self) -> None:
        """Let no packet through and say nothing, as a firewall does."""
        self._fault(coming="drop", going="drop")

    def kill_connections(self, port: int) -> None:
        """End the connections to a port at once, at the host's end; this end is told by a reset."""
        self._inside("ss", "-K", "-t", "state", "connected", f"sport = :{port}")

    def traffic(self) -> Traffic:
        """Return how much has gone over the wire."""
        counters = Path("/sys/class/net") / self.device / "statistics"
        return Traffic(*(int((counters / name).read_text()) for name in ("tx_bytes", "rx_bytes")))

    def _ended(self) -> bool:
        pids = call("ip", "netns", "pids", self.name, must=False).split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids

    def _fault(self, coming: str = "", going: str = "") -> None:
        """Replace the rules for what comes to the host and what goes from it."""
        chains = "".join(
            f"chain {hook} {{\ntype filter hook {hook} priority filter\n{rule}\n}}\n"
            for hook, rule in (("input", coming), ("output", going))
            if rule
        )
        # A table that may not be there is made before it is deleted; all of it happens at once.
        rules = f"table {_FAULTS}\ndelete table {_FAULTS}\n" + (f"table {_FAULTS} {{\n{chains}}}\n" if chains else "")
        self._inside("nft", "-f", "-", given=rules)

    def _inside(self, *words: str, given: str = "") -> str:
        return call("nsenter", f"--net={self.namespace}", *words, given=given)


def _largest_packet() -> str:
    """Return the largest packet of this machine's way out: what a host sends must fit through it."""
    found = re.search(r" dev (\S+)", call("ip", "-4", "route", "show", "default", must=False))
    path = Path("/sys/class/net") / (found[1] if found else "") / "mtu"
    return str(min(1500, int(path.read_text()))) if found and path.exists() else "1500"
