"""Wheels that a submitter has brought for one environment, since this machine can't fetch them.

They lie in `wheels/KEY/` of the home. The file `wheels.json` beside them is written last, so a directory without it is
not used; an environment without such a directory is installed from where its lock says.
"""

from __future__ import annotations

import os
from typing import Dict, List, Mapping, NamedTuple, Optional

from turnout.runtime import layout, records

WHOLE = "wheels.json"
_LOCAL = (" file:", " /")
"""How an option goes on that names a place on the submitter's machine."""

_CERTIFICATES = ("SSL_CERT_DIR", "SSL_CERT_FILE", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS")


class Wheelhouse(NamedTuple):
    """What was brought for an environment.

    Attributes:
        directory: where the wheels are, for whoever installs them.
        replaced: `file:` URLs in the lock, which mean the submitter's machine, and the wheels that take their place.
        complete: whether all that the lock names is among the wheels, so that nothing has to be fetched.
    """

    directory: str
    replaced: Dict[str, str]
    complete: bool

    def sources(self, lines: List[str]) -> List[str]:
        """Return, of a lock's lines that say where packages are to be had, those that are used; and the wheels' own."""
        if self.complete:
            return []
        return [*(line for line in lines if not any(mark in line for mark in _LOCAL)), "--find-links " + self.directory]

    def requirement(self, line: str) -> str:
        """Return a requirement of a lock as it is installed here."""
        name, at, rest = line.partition(" @ ")
        url, space, more = rest.partition(" ")
        wheel = self.replaced.get(url)
        return "%s @ file://%s%s%s" % (name, _quoted(self.directory, wheel), space, more) if at and wheel else line

    def arguments(self) -> List[str]:
        """Return what uv is told: to ask nobody, where nobody needs to be asked."""
        return ["--offline", "--no-index", "--find-links", self.directory] if self.complete else []

    def variables(self, values: Mapping[str, str]) -> Dict[str, str]:
        """Return uv's variables. It looks for certificates also where it asks nobody, and fails where there are none."""
        return {name: value for name, value in values.items() if not (self.complete and name in _CERTIFICATES)}


def find(home: layout.Home, environment: Mapping[str, object]) -> Optional[Wheelhouse]:
    """Return what was brought for an environment, in the form of run.json; None when it was nothing."""
    key = str(environment.get("key") or "")
    if not key or key != os.path.basename(key):
        return None
    directory = os.path.join(home.wheels, key)
    try:
        content = records.read_json(os.path.join(directory, WHOLE))
        return Wheelhouse(directory, dict(content["replaced"]), bool(content["complete"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _quoted(directory: str, name: str) -> str:
    from urllib.parse import quote  # few environments have any

    return quote(os.fsencode(os.path.join(directory, name)))
