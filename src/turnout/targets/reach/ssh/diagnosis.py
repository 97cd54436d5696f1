"""Reads from what ssh said why there is no connection, and what to do about it. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from turnout.targets.reach.ssh import command, handshake

_KEY = re.compile(r"Server host key: (\S+) (SHA256:\S+)")
_CHANGED = re.compile(
    r"(?:fingerprint for the|The) (\S+) (?:host )?key sent by the remote host is\s+(SHA256:[A-Za-z0-9+/=]+)"
)
_OFFENDING = re.compile(r"remove with:\s*\n?\s*(ssh-keygen .*?)\s*$", re.MULTILINE)

_SSH_FAILED = 255
"""How ssh ends when it has failed itself; every other status is that of what it started there (ssh(1), "EXIT STATUS")."""


class Trouble(NamedTuple):
    """Why there is no connection.

    Attributes:
        message: one line: the host, what is wrong, the way out.
        lasting: whether trying again can't help until somebody does something.
        host_key: whether the fingerprint of the host's key would help the person.
    """

    message: str
    lasting: bool
    host_key: bool = False


def read(where: command.Address, identity: str, status: int | None, said: str) -> Trouble:
    """Say why a connection failed.

    Args:
        where: the machine.
        identity: the private key's file that was named, or an empty string.
        status: how ssh ended; None when it was ended from here.
        said: its error output.
    """
    if status not in (None, _SSH_FAILED):
        return _of_login(where, status, said)
    by_hand = command.by_hand(where, identity)
    low = said.lower()
    if "remote host identification has changed" in low:
        key = _CHANGED.search(said) or _KEY.search(said)
        shown = f" to {key.group(1)} {key.group(2)}" if key else ""
        offending = _OFFENDING.search(said)
        forget = offending.group(1) if offending else f"ssh-keygen -R {_known_as(where)}"
        return Trouble(
            f"the host key of {where} has changed{shown}: another machine may answer in its place; if the change is meant: "
            f"`{forget}`, then `{by_hand}` once to accept the new one",
            True,
        )
    if "host key verification failed" in low or "host key is known for" in low:
        key = _KEY.search(said)
        shown = f" ({key.group(1)} {key.group(2)})" if key else ""
        return Trouble(
            f"the host key of {where} is not known{shown}; compare its fingerprint, then accept it: `{by_hand}`",
            True,
            host_key=not key,
        )
    for sign, message, lasting in _SIGNS:
        if sign in low:
            return Trouble(f"{where} {message.format(by_hand=by_hand, identity=identity or 'a key')}", lasting)
    return Trouble(f"{where} can't be reached: {_last_line(said) or 'the connection was lost'}", False)


def _of_login(where: command.Address, status: int | None, said: str) -> Trouble:
    """Say what the login there ended with: a status of its own, so that its words are not ssh's."""
    if status == handshake.NO_PYTHON:
        return Trouble(
            f"{where} has no Python; install Python {_oldest()} or newer there, or name one with "
            "`turnout target update --python PATH`",
            True,
        )
    if status == handshake.TOO_OLD:
        return Trouble(
            f"the Python of {where} is older than {_oldest()}; install a newer one there, or name one with "
            "`turnout target update --python PATH`",
            True,
        )
    last = _last_line(said)
    return Trouble(
        f"{where} can't be used: its login shell ended with status {status}{f': {last}' if last else ''}", False
    )


def host_key(said: str) -> str:
    """Return kind and fingerprint of the key that the host showed, from `ssh -v`; empty when it says nothing of one."""
    found = _KEY.search(said)
    return f"{found.group(1)} {found.group(2)}" if found else ""


# What comes first wins: a name server that is away is not a wrong name, and a key that ssh can't use is followed by a refusal.
_SIGNS = (
    (
        "temporary failure in name resolution",
        "can't be looked up: no name server answers; check the network here",
        False,
    ),
    ("could not resolve hostname", "is not the name of a machine that is known here; check the address", True),
    ("connection refused", "refused the connection; check the port, and that sshd runs there", False),
    (
        "connection timed out",
        "doesn't answer; check the address, that sshd runs there, and that no firewall is in between",
        False,
    ),
    ("operation timed out", "doesn't answer; check the address, and that no firewall is in between", False),
    ("no route to host", "can't be reached from here: no route to it; check the address and the network", False),
    ("network is unreachable", "can't be reached from here: the network is down", False),
    ("not accessible: no such file", "can't be reached with {identity}: there is no such file", True),
    ("no such identity", "can't be reached with {identity}: there is no such file", True),
    ("bad permissions", "can't be reached with {identity}: others can read that file; chmod 600 it", True),
    ("invalid format", "can't be reached with {identity}: that file is no private key", True),
    ("error in libcrypto", "can't be reached with {identity}: that file is no private key", True),
    ("too many authentication failures", "was offered too many keys; name the right one with --identity", True),
    (
        "permission denied (",  # a shell's own complaint has no list of methods after it
        "doesn't let this account in: `{by_hand}` must work without a question; --identity names a key, ssh-add keeps one",
        True,
    ),
    ("bad configuration option", "can't be reached: ssh's own configuration has an error; `{by_hand}` shows it", True),
)


def _last_line(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if _is_telling(line)), "")


def _is_telling(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("debug", "Warning: Permanently added", "OpenSSH_", "** "))


def _oldest() -> str:
    return ".".join(map(str, handshake.OLDEST))


def _known_as(where: command.Address) -> str:
    return f"'[{where.host}]:{where.port}'" if where.port and where.port != 22 else where.host
