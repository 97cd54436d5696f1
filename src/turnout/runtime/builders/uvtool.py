"""Finds uv and gives it what it needs to know of this machine; used where locks are made and where they are built."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Dict, Iterable, List, Mapping, Optional

from turnout.runtime import layout
from turnout.runtime.builders.contract import BuildFailed

if TYPE_CHECKING:
    from turnout.runtime.builders.runner import Runner

PATH_VARIABLE = "TURNOUT_UV"
TORCH_BACKEND = "--torch-backend"

SYSTEM_CERTIFICATES = "TURNOUT_SYSTEM_CERTIFICATES"
"""Asks for the certificates that the machine trusts, where it keeps some, in place of those that uv brings."""

_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_PLACES = ("--index-url", "--find-links", "--no-index")
_CHOICES = ("UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_INDEX_URL", "UV_NO_INDEX", "UV_TORCH_BACKEND")
"""Options and variables by which a person says where all packages come from, or which build of PyTorch it is to be."""

_MISLEADING = (
    "CLICOLOR_FORCE",
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "FORCE_COLOR",
    "PYTHONHOME",
    "PYTHONPATH",
    "UV_ENV_FILE",
    "UV_NO_VERIFY_HASHES",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_REQUIRE_HASHES",
    "UV_SYSTEM_PYTHON",
    "UV_VENV_CLEAR",
    "UV_VENV_RELOCATABLE",
    "UV_VENV_SEED",
    "UV_WORKING_DIR",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
"""Variables that would point uv at another environment, or change what is built, behind the specification's back."""

_FROM_PIP = (
    # pip's variable, uv's, and others that mean the same to uv. uv reads none of pip's (its guide: pip compatibility).
    ("PIP_INDEX_URL", "UV_INDEX_URL", ("UV_DEFAULT_INDEX",)),
    ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", ("UV_INDEX",)),
    ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST", ()),
    ("PIP_CERT", "SSL_CERT_FILE", ()),
)


WAYS = re.compile(
    r"UV_\w+|RATTLER_\w+|CONDA_OVERRIDE_\w+|(HTTPS?|ALL|NO)_PROXY|NETRC|SSL_CERT_FILE|SSL_CERT_DIR", re.IGNORECASE
)
"""Variables that say how tools get at packages: indexes, credentials, proxies, certificates."""


def find(home: layout.Home, environ: Mapping[str, str]) -> str:
    """Return the path of uv: `TURNOUT_UV`, else the home's tools, else the first on PATH; empty when there is none."""
    linked = os.path.join(home.tools, "uv")
    for path in (environ.get(PATH_VARIABLE) or "", linked):
        if path and os.access(path, os.X_OK):
            return path
    return shutil.which("uv", path=environ.get("PATH") or os.defpath) or ""


def require(runner: Runner) -> str:
    """Return the path of uv for a build. Raises BuildFailed when there is none."""
    found = find(runner.home, runner.variables)
    if not found:
        raise BuildFailed("uv is not on this machine: install it (pip install uv) or set TURNOUT_UV to its path")
    return found


def variables(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the environment that uv runs with.

    All that it is given, less what would mislead it, plus pip's settings for those who only have these.
    """
    values = {name: value for name, value in environ.items() if name not in _MISLEADING}
    for pips, uvs, alike in _FROM_PIP:
        if values.get(pips) and not any(values.get(name) for name in (uvs, *alike)):
            values[uvs] = " ".join(values[pips].split())
    links = [link for link in values.get("PIP_FIND_LINKS", "").split() if "://" in link or os.path.isdir(link)]
    if links and not values.get("UV_FIND_LINKS"):
        values["UV_FIND_LINKS"] = ",".join(links)  # uv separates these by commas
    # uv ends when it is to use the machine's certificates and there are none.
    if values.pop(SYSTEM_CERTIFICATES, "") and any(os.path.exists(path) for path in _CERTIFICATES):
        values.setdefault("UV_SYSTEM_CERTS", "1")
    values["NO_COLOR"] = "1"
    values["UV_NO_PROGRESS"] = "1"
    values["UV_NO_WRAP"] = "1"  # a wrapped line would hide the cause of a failure from `words`
    return values


def ways(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the variables of a machine that say how tools get at packages there, pip's among them."""
    pips = {"PIP_FIND_LINKS", *(name for name, _, _ in _FROM_PIP)}
    return {name: value for name, value in environ.items() if name in pips or WAYS.fullmatch(name)}


def arguments(sources: Iterable[str], environ: Optional[Mapping[str, str]] = None) -> List[str]:
    """Return as uv's arguments those options that uv does not read from a requirements file.

    Which build of PyTorch is wanted (`--torch-backend`) lets uv ask PyTorch's own index. It is left out where a person has
    said from where packages are to come, or chosen a build: then that place is asked, and no other.

    Args:
        sources: the options of a lock that say where packages are to be had.
        environ: uv's environment.
    """
    given = [line.partition(" ") for line in sources]
    chosen = any(name in _PLACES for name, _, _ in given) or any((environ or {}).get(name) for name in _CHOICES)
    found: List[str] = []
    for name, _, value in given:
        if name == "--trusted-host":
            found += ["--allow-insecure-host", value]
        elif name == TORCH_BACKEND and not chosen:
            found += [name, value]
    return found


def file_lines(sources: Iterable[str]) -> List[str]:
    """Return the lines that uv does read from a requirements file."""
    return [line for line in sources if not line.startswith(("--trusted-host ", TORCH_BACKEND + " "))]


def made_by(directory: str) -> str:
    """Return which uv made the virtual environment in `directory`: "uv 0.9.2", from its pyvenv.cfg."""
    with open(os.path.join(directory, "pyvenv.cfg"), encoding="utf-8") as stream:
        for line in stream:
            name, _, value = line.partition("=")
            if name.strip() == "uv":
                return "uv %s" % value.strip()
    return "uv"
