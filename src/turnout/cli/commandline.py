"""Takes words out of this process's command line, which everybody on the machine can read while it runs.

Linux shows in /proc/PID/cmdline what lies in the process's own memory between `arg_start` and `arg_end`, and does so at
each look (proc_pid_stat(5)); what is written over there is gone for `ps` too.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_ARG_START, _ARG_END = 48, 49
"""Fields of /proc/PID/stat, counted from 1."""


def rewrite(change: Callable[[bytes], bytes]) -> None:
    """Change the words of this process's command line, as others see it.

    Args:
        change: returns what stands in the place of a word; together the words must not get longer.

    Raises:
        OSError: this system does not let us.
    """
    start, end = _bounds()
    import ctypes  # milliseconds that only a command line with a value to hide pays for

    # The kernel reads the same bytes, so what is at `start` is ours: this fails instead of crashing when it isn't there.
    with open("/proc/self/cmdline", "rb") as stream:
        shown = stream.read()
    if end - start != len(shown) or not shown.endswith(b"\0") or ctypes.string_at(start, len(shown)) != shown:
        raise OSError("it does not lie where the system says")
    words = [change(word) for word in shown[:-1].split(b"\0")]
    changed = b"\0".join(words) + b"\0"
    if len(changed) > len(shown):
        raise OSError("it would get longer")
    ctypes.memmove(start, changed.ljust(len(shown), b"\0"), len(shown))


def _bounds() -> tuple[int, int]:
    """Return where the command line begins and ends in this process's memory."""
    with open("/proc/self/stat", "rb") as stream:
        # The second field, the program's name in parentheses, may hold anything.
        fields = stream.read().rpartition(b")")[2].split()
    start, end = int(fields[_ARG_START - 3]), int(fields[_ARG_END - 3])
    if not 0 < start < end:
        raise OSError("the system does not say where it is")
    return start, end


def hide_values(given: tuple[str, ...], option: str) -> str:
    """Put `***` in the place of the values that an option was given as NAME=VALUE.

    Args:
        given: the option's values.
        option: its name: `--secret`.

    Returns:
        An empty string, or one line that says why the values can still be seen.
    """
    masked = {}
    for word in given:
        name, _, value = word.partition("=")
        if value:
            # No longer than the value was: what comes behind in the memory is the environment.
            kept = f"{name}={'***'[: len(os.fsencode(value))]}"
            masked[os.fsencode(word)] = os.fsencode(kept)
            masked[os.fsencode(f"{option}={word}")] = os.fsencode(f"{option}={kept}")
    if not masked:
        return ""
    try:
        rewrite(lambda word: masked.get(word, word))
    except (OSError, ValueError, LookupError, ImportError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return (
            f"the value of {option} can be read in the process list while this command runs ({reason}); "
            f"{option} NAME takes it from the variable NAME instead"
        )
    return ""
