"""Sizes as a person types them: a number of bytes, or one with a unit."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in later versions of click
    """A number of bytes: `1000`, `500MB`, `1.5GiB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes; fails with a usage error."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"'{value}' is no size; write 1000, 500MB or 1.5GiB", param, ctx)
        return int(float(found.group(1)) * _UNITS[(found.group(2) or "").lower()])
