"""What a machine has that runs may need, for the person who attaches it and for whoever resolves an environment for it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from typing import Any, Dict, List, Tuple
from urllib.parse import urlsplit

from turnout.runtime import layout, placement, slots
from turnout.runtime.builders import pythons, uvtool

_PATIENCE = 3.0
"""Seconds for a connection to a package index; one that takes longer is none to install from."""

_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY")


def facts(home: layout.Home, request: Dict[str, Any], content: bytes) -> Tuple[Dict[str, Any], bytes]:
    """Reply with what there is: system, Python, uv, engines, room on the disk, slots, GPUs.

    Args:
        home: this account's home.
        request: `indexes`, URLs to try to connect to.
        content: not used.
    """
    system = os.uname()
    uv = uvtool.find(home, os.environ)
    reply: Dict[str, Any] = {
        "host": system.nodename,
        "account": placement.account(),
        "home": home.root,
        "platform": "%s-%s" % (system.sysname.lower(), system.machine),
        "libc": _libc(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "interpreter": sys.executable,
        "uv": uv,
        "pythons": pythons.installed(uv, dict(os.environ)) if uv else [],
        "engines": [name for name in ("podman", "docker") if shutil.which(name)],
        "processors": os.cpu_count() or 1,
        "free": _free(home.root),
        "unreachable": [url for url in request.get("indexes") or [] if not _connects(url)],
    }
    offer = slots.offered(home.queue_here)
    reply["slots"], reply["gpus"] = offer.cpus, list(offer.gpus)
    return reply, b""


def _libc() -> List[str]:
    """Return name and version of the C library, as far as the system tells: ["glibc", "2.36"]."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
    except (ValueError, OSError):
        return []


def _free(path: str) -> int:
    """Return the bytes that this account can still write where the home lies or will lie."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _connects(url: str) -> bool:
    """Say whether an index answers, as far as that can be told; a URL that can't be read is the builder's to complain of."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return True
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return True
    if any(os.environ.get(name) for name in _PROXIES):
        return True  # the proxy knows
    try:
        socket.create_connection((parts.hostname, port), _PATIENCE).close()
    except OSError:
        return False
    return True
