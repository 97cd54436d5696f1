"""Which TCP ports are listened on, and by whom, as Linux tells in /proc/net."""

from __future__ import annotations

import os
import re
import socket
from typing import Dict, List, Set, Tuple

_LISTEN = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def listening() -> Dict[int, int]:
    """Return by port number the account that listens on it; of several the last one."""
    return {port: account for port, account, _ in _table()}


def of_process(pid: int) -> Set[int]:
    """Return the ports on which a process of this account listens."""
    inodes = set()
    directory = "/proc/%d/fd" % pid
    try:
        for name in os.listdir(directory):
            try:
                match = _SOCKET.fullmatch(os.readlink(os.path.join(directory, name)))
            except OSError:
                continue
            if match:
                inodes.add(match.group(1))
    except OSError:
        return set()
    return {port for port, _, inode in _table() if inode in inodes}


def own_addresses() -> Set[str]:
    """Return names and addresses by which this machine may be called by a process on it."""
    found = {"localhost", "127.0.0.1", "::1", socket.gethostname()}
    try:
        found.update(str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None))
    except OSError:
        pass
    return found | _interfaces()


def towards(host: str, port: int) -> str:
    """Return this machine's address on the way to a host, by which that one can reach it; empty when there is no way."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)  # of a datagram socket: nothing is sent
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _interfaces() -> Set[str]:
    """Return the addresses of this machine's interfaces, of IPv4."""
    found = set()
    try:
        with open("/proc/net/fib_trie") as stream:
            previous = ""
            for line in stream:
                if "host LOCAL" in line:
                    found.add(previous.split()[-1])
                previous = line
    except (OSError, IndexError):
        pass
    return found


def _table() -> List[Tuple[int, int, str]]:
    """Return port, account and inode of each socket that listens; see proc(5), /proc/net/tcp."""
    found = []
    for name in ("tcp", "tcp6"):
        try:
            with open("/proc/self/net/%s" % name) as stream:
                for line in list(stream)[1:]:
                    fields = line.split()
                    if fields[3] == _LISTEN:
                        found.append((int(fields[1].rpartition(":")[2], 16), int(fields[7]), fields[9]))
        except (OSError, IndexError, ValueError):
            continue
    return found
