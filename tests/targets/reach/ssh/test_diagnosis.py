"""What OpenSSH 9.2 says, as it says it, and what a person reads of it."""

from __future__ import annotations

import pytest

from turnout.targets.reach.ssh import diagnosis, handshake
from turnout.targets.reach.ssh.command import Address

WHERE = Address("gpu.example", "me", 2398)
BY_HAND = "`ssh -p 2398 -i /keys/mine me@gpu.example`"

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:s0R1WEbX+6YL9eoLcpHDret2xMdXMyV01Ewrw015UhA.
Please contact your system administrator.
Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.
Offending ED25519 key in /home/me/.ssh/known_hosts:1
  remove with:
  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[gpu.example]:2398"
Host key for [gpu.example]:2398 has changed and you have requested strict checking.
Host key verification failed.
"""
UNKNOWN = """\
No ED25519 host key is known for [gpu.example]:2398 and you have requested strict checking.
Host key verification failed.
"""
OPEN_KEY = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Permissions 0644 for '/keys/mine' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
Load key "/keys/mine": bad permissions
me@gpu.example: Permission denied (publickey,keyboard-interactive).
"""
TOO_MANY = """\
Received disconnect from 10.0.0.5 port 2398:2: Too many authentication failures
Disconnected from 10.0.0.5 port 2398
"""
BAD_OPTION = """\
/home/me/.ssh/config: line 1: Bad configuration option: foo
/home/me/.ssh/config: terminating, 1 bad configuration options
"""
DENIED = "me@gpu.example: Permission denied (publickey,keyboard-interactive).\n"


def read(said: str, status: int | None = 255) -> diagnosis.Trouble:
    return diagnosis.read(WHERE, "/keys/mine", status, said)


@pytest.mark.parametrize(
    ("said", "tells", "lasting"),
    [
        ("ssh: connect to host gpu.example port 2398: Connection refused\n", "refused the connection", False),
        ("ssh: connect to host gpu.example port 2398: Connection timed out\n", "doesn't answer", False),
        (
            "Connection timed out during banner exchange\nConnection to 10.0.0.5 port 2398 timed out\n",
            "that sshd runs there",
            False,
        ),
        ("ssh: connect to host gpu.example port 2398: No route to host\n", "no route to it", False),
        ("ssh: connect to host gpu.example port 2398: Network is unreachable\n", "the network is down", False),
        ("ssh: Could not resolve hostname gpu.example: Name or service not known\n", "is not the name of", True),
        (
            "ssh: Could not resolve hostname gpu.example: Temporary failure in name resolution\n",
            "no name server answers",
            False,
        ),
        (DENIED, f"doesn't let this account in: {BY_HAND}", True),
        (
            f"Warning: Identity file /keys/mine not accessible: No such file or directory.\n{DENIED}",
            "with /keys/mine: there is no such file",
            True,
        ),
        (OPEN_KEY, "with /keys/mine: others can read that file; chmod 600 it", True),
        (f'Load key "/keys/mine": error in libcrypto\n{DENIED}', "that file is no private key", True),
        (f'Load key "/keys/mine": invalid format\n{DENIED}', "that file is no private key", True),
        (
            TOO_MANY,
            "too many keys",
            True,
        ),
        (
            BAD_OPTION,
            "configuration has an error",
            True,
        ),
        ("Timeout, server gpu.example not responding.\n", "Timeout, server gpu.example not responding.", False),
        ("kex_exchange_identification: Connection closed by remote host\n", "Connection closed by remote host", False),
        ("", "the connection was lost", False),
    ],
)
def test_what_ssh_says_becomes_a_line_with_the_way_out(said: str, tells: str, lasting: bool) -> None:
    trouble = read(said)
    assert tells in trouble.message
    assert trouble.message.startswith(str(WHERE))
    assert "\n" not in trouble.message
    assert (trouble.lasting, trouble.host_key) == (lasting, False)


def test_a_changed_host_key_is_told_with_its_fingerprint_and_never_passed_over() -> None:
    trouble = read(CHANGED)
    assert "ED25519 SHA256:s0R1WEbX+6YL9eoLcpHDret2xMdXMyV01Ewrw015UhA:" in trouble.message
    assert '`ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[gpu.example]:2398"`' in trouble.message
    assert BY_HAND in trouble.message
    assert (trouble.lasting, trouble.host_key, "\n" in trouble.message) == (True, False, False)


def test_an_unknown_host_key_asks_for_its_fingerprint() -> None:
    trouble = read(UNKNOWN)
    assert "me@gpu.example:2398 is not known;" in trouble.message  # where the fingerprint is put in
    assert BY_HAND in trouble.message
    assert (trouble.lasting, trouble.host_key) == (True, True)


def test_the_fingerprint_is_found_in_what_ssh_tells() -> None:
    told = "debug1: Server host key: ssh-ed25519 SHA256:s0R1WEbX+6YL9eoLcpHDret2xMdXMyV01Ewrw015UhA\n"
    assert diagnosis.host_key(f"debug1: kex: server\n{told}") == told.split(": ", 2)[2].strip()
    assert diagnosis.host_key(UNKNOWN) == ""


@pytest.mark.parametrize(
    ("status", "tells"),
    [(handshake.NO_PYTHON, "has no Python"), (handshake.TOO_OLD, "older than 3.8"), (1, "status 1: ")],
)
def test_what_a_login_prints_is_not_taken_for_what_ssh_says(status: int, tells: str) -> None:
    noise = "bash: /opt/tools/setup: Permission denied\nssh-agent: Connection refused\n"
    trouble = read(noise, status)
    assert tells in trouble.message
    assert "let this account in" not in trouble.message
    assert "refused the connection" not in trouble.message


def test_a_connection_that_was_ended_here_says_why() -> None:
    assert read("\nit didn't answer in time", None) == (
        "me@gpu.example:2398 can't be reached: it didn't answer in time",
        False,
        False,
    )
