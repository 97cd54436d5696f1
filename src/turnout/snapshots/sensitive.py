"""Points out what a snapshot would hold and hardly ought to: private keys and files of passwords. Nothing is refused.

Which files come into question is told by their names, once for each directory that is listed; the stat cache remembers
them. Where a name alone doesn't tell (`server.key`), the content has to begin like a private key.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from turnout.snapshots.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 3
_NAMES = frozenset(
    (
        b".env", b".netrc", b"_netrc", b".pypirc", b".git-credentials", b"application_default_credentials.json",
        b"id_rsa", b"id_dsa", b"id_ecdsa", b"id_ecdsa_sk", b"id_ed25519", b"id_ed25519_sk",
    )
)  # fmt: skip
_EXAMPLES = (b".example", b".sample", b".template", b".dist")
_KEYS = (b".pem", b".key")
_SSH_KEY = re.compile(rb"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?[._-](?!pub$).*")
_BELOW_AWS = re.compile(rb"(?:^|/)\.aws/credentials$")
_PRIVATE_KEY = re.compile(rb"^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", re.MULTILINE)
_HEAD = 8192
"""Bytes of a file in which the key is looked for: a certificate, or what a tool says of it, may stand before it."""


def candidates(paths: Iterable[bytes]) -> list[bytes]:
    """Return those paths whose names say that they may hold something secret."""
    return [path for path in paths if _may_be_secret(path)]


def hint(root: bytes, paths: Iterable[bytes], ignore_file: bytes) -> str | None:
    """Return one line that names files with secrets, None when there are none.

    Args:
        root: the source directory.
        paths: what `candidates` returned.
        ignore_file: where the person would leave something out.
    """
    found = [shown(path) for path in sorted(paths) if not _needs_a_look(path) or _holds_key(os.path.join(root, path))]
    if not found:
        return None
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return (
        f"the snapshot holds what looks like secrets: {', '.join(found[:_NAMED])}{more}; leave them out with a line in "
        f"{os.fsdecode(ignore_file)}, and give the script what it needs with --secret NAME"
    )


def _may_be_secret(path: bytes) -> bool:
    name = path[path.rfind(b"/") + 1 :]
    if name in _NAMES or name.endswith(_KEYS):
        return True
    if name.startswith(b".env."):
        return not name.endswith(_EXAMPLES)
    if name.startswith(b"id_"):
        return _SSH_KEY.fullmatch(name) is not None
    return name == b"credentials" and _BELOW_AWS.search(path) is not None


def _needs_a_look(path: bytes) -> bool:
    name = path[path.rfind(b"/") + 1 :]
    return name not in _NAMES and (name.endswith(_KEYS) or name.startswith(b"id_"))


def _holds_key(path: bytes) -> bool:
    try:
        # A FIFO that took the file's place would block an ordinary open.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False  # whoever packs it says so
    try:
        return _PRIVATE_KEY.search(os.read(descriptor, _HEAD)) is not None
    except OSError:
        return False
    finally:
        os.close(descriptor)
