"""Asks the pages of a Spark master and of a driver for their JSON."""

from __future__ import annotations

import json
from typing import Any

PATIENCE = 10.0
"""Seconds for an answer: a driver's first one takes some, as it loads what answers."""


class NoAnswer(Exception):
    """A page can't be had just now; the message says why. Nothing follows from it about an application."""


def get(url: str, patience: float = PATIENCE) -> Any:
    """Return the JSON at `url`. Raises NoAnswer."""
    return _ask(url, None, patience)


def post(url: str, patience: float = PATIENCE) -> None:
    """Send an empty form to `url`. Raises NoAnswer."""
    _ask(url, b"", patience, read=False)


def _ask(url: str, data: "bytes | None", patience: float, read: bool = True) -> Any:
    import http.client
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a cluster's pages are asked directly
    try:
        with opener.open(urllib.request.Request(url, data=data), timeout=patience) as answer:
            content = answer.read()
        return json.loads(content) if read else None
    except urllib.error.URLError as error:
        reason = error.reason
        raise NoAnswer("%s: %s" % (url, getattr(reason, "strerror", None) or reason)) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoAnswer("%s: %s" % (url, error)) from error
