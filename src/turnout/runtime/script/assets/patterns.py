"""Which files a path with `*`, `**`, `?` and `[…]` means: v1's paths in datastores, as globs over `/`-separated names. Pure."""

import re

from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Callable, Optional, Tuple

_MAGIC = re.compile(r"[*?\[]")


def split(path: str, is_there: "Optional[Callable[[str], bool]]" = None) -> "Tuple[str, str]":
    """Return the directory that a path certainly lies below, and the pattern of the rest; no pattern: an empty string.

    Args:
        path: the path.
        is_there: says of a path whether there is something of that very name: `results [old]/*.csv` may be in a directory so
            called. By default such a name is a pattern in any case.
    """
    parts = path.split("/")
    for position, part in enumerate(parts):
        if _MAGIC.search(part) and not (is_there is not None and is_there("/".join(parts[: position + 1]))):
            return "/".join(parts[:position]), "/".join(parts[position:])
    return path, ""


def inside(path: str) -> str:
    """Return a path in a datastore without empty parts and `.`. Raises UserErrorException when it leads out of there."""
    parts = [part for part in str(path).split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserErrorException("the path %r leads out of its datastore" % path)
    return "/".join(parts)


def compiled(pattern: str) -> "Any":
    """Return a pattern's regular expression, to be matched with a whole relative path.

    `**` stands for any number of directories (as the last part: for all files below), `*` and `?` for characters of one name.

    Raises:
        UserErrorException: it has a range such as `[z-a]`.
    """
    words = []
    parts = pattern.split("/")
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            words.append(".*" if last else "(?:[^/]+/)*")
            continue
        words.append(_segment(part) + ("" if last else "/"))
    try:
        return re.compile("".join(words) + r"\Z", re.DOTALL)
    except re.error as error:
        raise UserErrorException("the pattern %r can't be used: %s" % (pattern, error)) from error


def _segment(part: str) -> str:
    words = []
    position = 0
    while position < len(part):
        letter = part[position]
        position += 1
        end = part.find("]", position + (2 if part.startswith("!", position) else 1)) if letter == "[" else -1
        if letter == "*":
            words.append("[^/]*")
        elif letter == "?":
            words.append("[^/]")
        elif end >= 0:
            words.append(_one_of(part[position:end]))
            position = end + 1
        else:
            words.append(re.escape(letter))
    return "".join(words)


def _one_of(letters: str) -> str:
    """Return what matches one of some letters and ranges, or none of them after `!`; never a slash."""
    without = letters.startswith("!")
    escaped = re.sub(r"([\\\[\]^&|~])", r"\\\1", letters[1:] if without else letters)
    return "(?!/)[%s%s]" % ("^" if without else "", escaped)
