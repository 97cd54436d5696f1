"""Which files a path with `*`, `**`, `?` and `[…]` means: v1's paths in datastores, as globs over `/`-separated names. Pure."""

import re

MYPY = False
if MYPY:
    from typing import Any, Tuple

_MAGIC = re.compile(r"[*?\[]")


def split(path: str) -> "Tuple[str, str]":
    """Return the directory that a path certainly lies below, and the pattern of the rest; no pattern: an empty string."""
    parts = path.split("/")
    for position, part in enumerate(parts):
        if _MAGIC.search(part):
            return "/".join(parts[:position]), "/".join(parts[position:])
    return path, ""


def compiled(pattern: str) -> "Any":
    """Return a pattern's regular expression, to be matched with a whole relative path.

    `**` stands for any number of directories (as the last part: for all files below), `*` and `?` for characters of one name.
    """
    words = []
    parts = pattern.split("/")
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            words.append(".*" if last else "(?:[^/]+/)*")
            continue
        words.append(_segment(part) + ("" if last else "/"))
    return re.compile("".join(words) + r"\Z", re.DOTALL)


def _segment(part: str) -> str:
    words = []
    position = 0
    while position < len(part):
        letter = part[position]
        position += 1
        if letter == "*":
            words.append("[^/]*")
        elif letter == "?":
            words.append("[^/]")
        elif letter == "[" and "]" in part[position + 1 :]:
            end = part.index("]", position + 1)
            inner = part[position:end].replace("\\", "\\\\")
            words.append("[%s]" % ("^" + inner[1:] if inner.startswith("!") else inner))
            position = end + 1
        else:
            words.append(re.escape(letter))
    return "".join(words)
