"""Fetches files by their address and digest into the object store, with the credentials that uv would use."""

from __future__ import annotations

import base64
import http.client
import netrc
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from turnout.environments import indexes
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import words
from turnout.runtime.objects import Incoming

_BLOCK = 1 << 20
_ATTEMPTS = 3
_SECONDS = 30.0


class Downloads:
    """Fetches files.

    Args:
        values: uv's variables (`uvtool.variables`): indexes, credentials, certificates, time limit.
        sources: a lock's options that say where packages are to be had.
    """

    def __init__(self, values: Mapping[str, str], sources: Iterable[str]) -> None:
        sources = list(sources)
        self._seconds = _number(values.get("UV_HTTP_TIMEOUT")) or _SECONDS
        trusted = [line.partition(" ")[2] for line in sources if line.startswith("--trusted-host ")]
        self._trusted = {*trusted, *values.get("UV_INSECURE_HOST", "").split()}
        credentials = Credentials(indexes.credentials(values, sources), values)
        context = ssl.create_default_context(cafile=_file(values, "SSL_CERT_FILE"), capath=values.get("SSL_CERT_DIR"))
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), credentials)
        # What such a host sends is held against its digest all the same.
        open_context = ssl._create_unverified_context()
        self._trusting = urllib.request.build_opener(urllib.request.HTTPSHandler(context=open_context), credentials)

    def fetch(self, url: str, digest: str, incoming: Incoming) -> None:
        """Stage the file of an address as an object.

        Args:
            url: `https:`, `http:` or `file:`.
            digest: its SHA-256.
            incoming: where it is staged.

        Raises:
            EnvironmentException: it can't be had, or is another file than the one that the digest means.
            StoreError: the store can't be written.
        """
        shown = words.without_credentials(url)
        for attempt in range(_ATTEMPTS):
            incoming.begin()
            try:
                with self._open(url) as stream:
                    while block := stream.read(_BLOCK):
                        incoming.extend(memoryview(block))
            except urllib.error.HTTPError as error:
                incoming.finish("")
                raise EnvironmentException(
                    f"{shown} can't be fetched: the server says {error.code} {error.reason}; check that the index has it, "
                    "and its credentials (UV_INDEX_URL, ~/.netrc)"
                ) from error
            except (OSError, http.client.HTTPException) as error:
                incoming.finish("")
                if attempt + 1 == _ATTEMPTS or isinstance(error, FileNotFoundError):
                    said = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
                    raise EnvironmentException(
                        f"{shown} can't be fetched: {str(said).lower()}; check the network here"
                    ) from error
                continue
            if incoming.finish(digest) != digest:
                raise EnvironmentException(
                    f"{shown} is not the file that the environment was locked with; `turnout env update` locks it anew"
                )
            return

    def _open(self, url: str) -> Any:
        parts = urlsplit(url)
        if parts.scheme == "file":
            return open(unquote(parts.path), "rb")
        opener = self._trusting if self._trusted & {parts.hostname, parts.netloc.rpartition("@")[2]} else self._opener
        return opener.open(urllib.request.Request(url), timeout=self._seconds)


class Credentials(urllib.request.BaseHandler):
    """Gives each request the credentials of its own host: a redirect to another one gets none of the first."""

    handler_order = 400  # before those that connect

    def __init__(self, known: dict[str, tuple[str, str]], values: Mapping[str, str]) -> None:
        self._known = known
        self._netrc = _read_netrc(values)

    def https_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add what belongs to the request's host, and take it out of its address."""
        parts = urlsplit(request.full_url)
        user, at, host = parts.netloc.rpartition("@")
        found: tuple[str, str] | None = None
        if at:
            request.full_url = parts._replace(netloc=host).geturl()
            name, _, password = user.partition(":")
            found = (unquote(name), unquote(password))
        elif host in self._known:
            found = self._known[host]
        elif self._netrc is not None:
            entry = self._netrc.hosts.get(parts.hostname or "") or self._netrc.hosts.get("default")
            found = (entry[0], entry[2] or "") if entry else None
        if found is not None:
            encoded = base64.b64encode(":".join(found).encode("utf-8")).decode("ascii")
            request.add_unredirected_header("Authorization", f"Basic {encoded}")
        return request

    http_request = https_request


def _read_netrc(values: Mapping[str, str]) -> netrc.netrc | None:
    path = values.get("NETRC") or os.path.join(values.get("HOME") or os.path.expanduser("~"), ".netrc")
    try:
        return netrc.netrc(path)
    except (OSError, netrc.NetrcParseError):
        return None


def _file(values: Mapping[str, str], name: str) -> str | None:
    path = values.get(name) or ""
    return path if os.path.isfile(path) else None


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return 0.0
