"""How times, durations, sizes and other values read on a terminal, and as JSON."""

from __future__ import annotations

import math
import time
from typing import Any

_BAR = 24
"""Characters of a bar."""

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def local_time(moment: float | None) -> str:
    """Return a Unix time as local date and time, `2026-11-23 14:05:12`; a dash for none."""
    if not moment:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def iso_time(moment: float | None) -> str | None:
    """Return a Unix time as ISO 8601 in UTC with milliseconds, `2026-11-23T13:05:12.250Z`; None for none."""
    if not moment:
        return None
    milliseconds = round(moment * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def duration(seconds: float | None) -> str:
    """Return a span of time in its two largest units: `0.42 s`, `12 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.2g} s" if seconds >= 0.995 else f"{max(seconds, 0.0):.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def size(count: int | None) -> str:
    """Return a number of bytes in decimal units: `812 B`, `38.1 MB`."""
    if count is None:
        return "-"
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1000
        if value < 999.95 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}"


def bar(done: int, total: int) -> str:
    """Return how much is done as a bar, such as `[######..................]`."""
    full = min(_BAR, _BAR * done // max(total, 1))
    return f"[{'#' * full}{'.' * (_BAR - full)}]"


def count(number: int, what: str) -> str:
    """Return `1 file`, `1,200 files`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def number(value: Any) -> str:
    """Return a metric's value for reading: floats with up to six significant digits, everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, float):
        return plain(value)
    return f"{value:.6g}"


def exact(value: Any) -> str:
    """Return a metric's value as it was logged."""
    return repr(value) if isinstance(value, float) else plain(value)


def plain(value: Any) -> str:
    """Return any JSON value as one line, without the control characters that a terminal would obey."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else _json(value)
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def strict(value: Any) -> Any:
    """Return a JSON value whose NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return value


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _visible(character: str) -> str:
    if character.isprintable() or "\udc80" <= character <= "\udcff":  # undecodable bytes go out as they came
        return character
    return " " if character in "\t\n\r" else "\N{REPLACEMENT CHARACTER}"
