"""From where packages come, as the submitter's variables and files say: what a target must know to install the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from turnout.runtime.builders import uvtool

DEFAULT = "https://pypi.org/simple"

_LOCATIONS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_SETTINGS = ("UV_NO_INDEX", "UV_INSECURE_HOST", "UV_INDEX_STRATEGY", "UV_TORCH_BACKEND", "UV_HTTP_TIMEOUT")
_OPTIONS = ("--find-links", "--index-url", "--extra-index-url")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
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
        separator = "," if name == "UV_FIND_LINKS" else None
        parts = [part for part in values.get(name, "").split(separator) if part]
        kept = [part for part in parts if "://" in part and "file:" not in _split(name, part)[0][:5]]
        if kept:
            found[name] = (separator or " ").join(kept)
    return found


def _split(name: str, value: str) -> list[str]:
    parts = value.split(",") if name == "UV_FIND_LINKS" else value.split()
    return [
        part.partition("=")[2] if name.endswith("INDEX") and re.match(r"[\w-]+=", part) else part
        for part in parts
        if part
    ]


def credentials(values: Mapping[str, str], sources: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return user and password by host (with its port, where one is named), as the submitter's settings have them.

    Args:
        values: uv's variables; `${NAME}` in an address means one of them.
        sources: a lock's options that say where packages are to be had.
    """
    addresses = [each for name in _LOCATIONS for each in _split(name, values.get(name, ""))]
    addresses += [line.partition(" ")[2] for line in sources]
    found: dict[str, tuple[str, str]] = {}
    for address in addresses:
        parts = urlsplit(_VARIABLE.sub(lambda match: values.get(match[1], match[0]), address))
        if parts.username:
            found[parts.netloc.rpartition("@")[2]] = (unquote(parts.username), unquote(parts.password or ""))
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX"):
        for part in values.get(name, "").split():
            label, named, address = part.partition("=")
            prefix = "UV_INDEX_" + re.sub(r"\W", "_", label).upper()
            user, password = values.get(f"{prefix}_USERNAME"), values.get(f"{prefix}_PASSWORD")
            if named and (user or password):
                found[urlsplit(address).netloc.rpartition("@")[2]] = (user or "", password or "")
    return found


def local(values: Mapping[str, str], sources: Iterable[str]) -> bool:
    """Say whether packages may come from a directory of this machine; for the arguments see `credentials`."""
    addresses = [each for name in _LOCATIONS for each in _split(name, values.get(name, ""))]
    addresses += [value for option, _, value in (line.partition(" ") for line in sources) if option in _OPTIONS]
    return any("://" not in each or each.startswith("file:") for each in addresses)
