"""Tells from what uv prints what it does just now.

Where nobody is at a terminal uv says when a large download or a build begins and ends, each in a line of its own.
"""

from __future__ import annotations

import re
from typing import Dict

_LINE = re.compile(
    r"\s*(?P<what>Downloading|Downloaded|Building|Built|Prepared) (?P<name>\S+)(?: \((?P<size>[0-9.]+)(?P<unit>[A-Za-z]+)\))?"
)
_ENDS = {"Downloaded": "downloading", "Built": "building"}
_NAMED = 2


class UvSteps:
    """The steps of one call of uv.

    Args:
        packages: how many it is to install.
    """

    def __init__(self, packages: int) -> None:
        self._packages = packages
        self._going: Dict[str, Dict[str, str]] = {"building": {}, "downloading": {}}
        self._downloaded = 0

    def __call__(self, line: str) -> str:
        """Return the step that a line begins; empty when it says nothing of steps."""
        found = _LINE.match(line)
        if found is None:
            return ""
        what, name = found.group("what"), found.group("name")
        if what in _ENDS:
            self._going[_ENDS[what]].pop(name, None)
            self._downloaded += what == "Downloaded"
        elif what == "Prepared":
            self._going = {"building": {}, "downloading": {}}
        else:
            size = " (%s %s)" % (found.group("size"), found.group("unit")) if found.group("size") else ""
            self._going[what.lower()][name] = name + size
        return self.now()

    def now(self) -> str:
        """Return what is done now: downloads before builds, and what is left when neither goes on."""
        for doing in ("downloading", "building"):
            names = list(self._going[doing].values())
            if names:
                more = " and %d more" % (len(names) - _NAMED) if len(names) > _NAMED else ""
                done = "; %d downloaded" % self._downloaded if self._downloaded else ""
                return "%s %s%s%s" % (doing, ", ".join(names[:_NAMED]), more, done)
        if not self._packages:
            return ""
        return "installing %d package%s" % (self._packages, "s" * (self._packages != 1))
