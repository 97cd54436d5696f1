"""How `ssh` is called: the person's own, with their configuration, agent, jump hosts and known hosts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, NamedTuple

from turnout.exceptions import ComputeTargetException

CONNECT_SECONDS = 10
ALIVE_SECONDS, ALIVE_COUNT = 5, 3
"""A connection on which nothing comes for 15 seconds is dead."""

CONFIG_VARIABLE = "TURNOUT_SSH_CONFIG"
"""Names a configuration file for ssh in place of ~/.ssh/config."""


class Address(NamedTuple):
    """Where a machine is, as ssh takes it.

    Attributes:
        host: a name or address, or a Host of ~/.ssh/config.
        user: the account; empty for what ssh's configuration says.
        port: 0 for what ssh's configuration says.
    """

    host: str
    user: str = ""
    port: int = 0

    def __str__(self) -> str:
        named = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{named}{host}{f':{self.port}' if self.port else ''}"


def parse(text: str) -> Address:
    """Return the address that a person wrote: `[USER@]HOST[:PORT]`, an IPv6 address in brackets.

    Raises:
        ComputeTargetException: it is none.
    """
    user, _, rest = text.rpartition("@")
    host, port = rest, ""
    if rest.startswith("["):
        host, closed, tail = rest[1:].partition("]")
        port = tail[1:]
        bad = not closed or (bool(tail) and (tail[0] != ":" or not port))
    else:
        bad = rest.count(":") > 1
        if rest.count(":") == 1:
            host, _, port = rest.partition(":")
            bad = not port
    numbered = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
    unusable = host.startswith("-") or user.startswith("-") or any(not _is_usable(each) for each in text)
    if bad or not host or unusable or (port and not numbered):
        raise ComputeTargetException(f"{text!r} is no address; write [USER@]HOST[:PORT], such as me@10.0.0.5:22")
    return Address(host, user, int(port) if port else 0)


def _is_usable(character: str) -> bool:
    """Say whether a character can be in an address; a slash would be a URL's, such as ssh://HOST."""
    return character.isprintable() and not character.isspace() and character not in "'\"\\/"


def argv(where: Address, identity: str, asks: bool, remote: str, verbose: bool = False) -> list[str]:
    """Return the command line of a connection.

    Args:
        where: the machine.
        identity: a private key's file; empty for those that ssh finds itself.
        asks: whether something answers ssh's questions (`askpass`); else it asks nobody.
        remote: what the login shell there carries out.
        verbose: have ssh tell what it does.

    Raises:
        ComputeTargetException: there is no `ssh` here.
    """
    found = shutil.which("ssh")
    if found is None:
        raise ComputeTargetException("there is no ssh on this machine; install OpenSSH's client (openssh-client)")
    options = {
        "BatchMode": "no" if asks else "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ControlMaster": "no",  # a connection of ours must not stay behind as somebody's master
        "EscapeChar": "none",
        "NumberOfPasswordPrompts": "1",
        "PermitLocalCommand": "no",
        "RequestTTY": "no",
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "ServerAliveInterval": str(ALIVE_SECONDS),
        "StrictHostKeyChecking": "yes",  # never accepted silently, whatever the configuration says
    }
    line = [found, "-v"] if verbose else [found]
    config = os.environ.get(CONFIG_VARIABLE)
    if config:
        line += ["-F", config]
    for name, value in options.items():
        line += ["-o", f"{name}={value}"]
    if where.port:
        line += ["-p", str(where.port)]
    if where.user:
        line += ["-l", where.user]
    if identity:
        line += ["-i", identity, "-o", "IdentitiesOnly=yes"]
    return [*line, "--", where.host, remote]


def by_hand(where: Address, identity: str = "") -> str:
    """Return the command with which a person connects in a terminal."""
    words = ["ssh"]
    config = os.environ.get(CONFIG_VARIABLE)
    if config:
        words += ["-F", config]
    if where.port:
        words += ["-p", str(where.port)]
    if identity:
        words += ["-i", identity]
    return " ".join([*words, f"{where.user}@{where.host}" if where.user else where.host])


def environment(environ: Mapping[str, str], askpass: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that ssh runs with: the person's, and what answers its questions; its words in English."""
    values: dict[str, Any] = {**environ, "LC_ALL": "C", **askpass}
    return values
