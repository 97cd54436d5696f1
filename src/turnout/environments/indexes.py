"""From where packages come, as the submitter's variables and files say: what a target must know to install the same."""

from __future__ import annotations

import re
from collections.abc import Mapping

from turnout.runtime.builders import uvtool

DEFAULT = "https://pypi.org/simple"

_LOCATIONS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_SETTINGS = ("UV_NO_INDEX", "UV_INSECURE_HOST", "UV_INDEX_STRATEGY", "UV_TORCH_BACKEND", "UV_HTTP_TIMEOUT")
_CREDENTIALS = re.compile(r"UV_INDEX_.+_(USERNAME|PASSWORD)|RATTLER_.+")


def urls(environ: Mapping[str, str]) -> list[str]:
    """Return the addresses of the package indexes that the submitter uses, without credentials."""
    values = uvtool.variables(environ)
    found = [re.sub(r"://[^/@]*@", "://", each) for name in _LOCATIONS for each in _split(name, values.get(name, ""))]
    if not values.get("UV_DEFAULT_INDEX") and not values.get("UV_INDEX_URL"):
        found.append(DEFAULT)
    return [each for each in dict.fromkeys(found) if each.startswith(("http://", "https://"))]


def travelling(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a target's builders: from where to install, and with which credentials.

    What lies on the submitter's disk (directories, certificates) means nothing there and stays behind.
    """
    values = uvtool.variables(environ)
    found = {name: values[name] for name in values if name in _SETTINGS or _CREDENTIALS.fullmatch(name)}
    if values.get("SSL_CERT_FILE") or values.get("SSL_CERT_DIR"):
        found["UV_SYSTEM_CERTS"] = "1"  # certificates that this machine trusts of its own: the target's count there
    for name in _LOCATIONS:
        kept = [each for each in _split(name, values.get(name, "")) if "://" in each and not each.startswith("file:")]
        if kept:
            found[name] = ("," if name == "UV_FIND_LINKS" else " ").join(kept)
    return found


def _split(name: str, value: str) -> list[str]:
    parts = value.split(",") if name == "UV_FIND_LINKS" else value.split()
    return [
        part.partition("=")[2] if name.endswith("INDEX") and re.match(r"[\w-]+=", part) else part
        for part in parts
        if part
    ]
