"""Turns whatever ended a command into one line on standard error and an exit code: the only place that does.

Bad input and an unusable home end with 2; Ctrl-C with 130; a reader of the output who left with 141 (SIGPIPE); a
mistake in Turnout itself with 1 and the traceback, because nothing else helps to mend it.
"""

from __future__ import annotations

import errno
import os

import click

from turnout.cli import streams
from turnout.exceptions import TurnoutException
from turnout.runtime import layout

INTERRUPTED = 130
BAD_INPUT = 2

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def report(error: BaseException, debug: bool = False) -> int:
    """Say on standard error what went wrong.

    Args:
        error: what ended the command.
        debug: print the traceback too.

    Returns:
        The exit code.
    """
    if isinstance(error, BrokenPipeError):
        streams.discard(1)
        return streams.BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    message, code = describe(error)
    if debug or message is None:
        _print_traceback(error)
    if message is None:
        message = f"this is a mistake in Turnout, not yours: {type(error).__name__}: {error}"
    _print_line(message)
    return code


def describe(error: BaseException) -> tuple[str | None, int]:
    """Return the line that names what went wrong, and the exit code; no line for what nobody expected."""
    if isinstance(error, TurnoutException):
        return str(error), error.exit_code
    if isinstance(error, click.ClickException):
        return _usage(error), BAD_INPUT
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, ValueError):
        from turnout.runtime import records  # json: not for `--help`

        if isinstance(error, records.DamagedFile):
            return str(error), BAD_INPUT
    return None, 1


def _usage(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} (see {context.command_path} --help)"


def _system(error: OSError) -> tuple[str | None, int]:
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    home = layout.home_directory()
    if error.errno in _FULL:
        return (
            f"the disk is full: {where or home}; make room, or name another home with {layout.HOME_VARIABLE}",
            BAD_INPUT,
        )
    if where is None and error.errno is None and str(error):
        return str(error), BAD_INPUT  # a target that can't be reached, or can't do it: the line says it all
    if where is None:
        return None, 1
    reason = (error.strerror or str(error)).lower()
    if error.errno in _REFUSED and os.path.commonpath([home, os.path.abspath(where)]) in (home, os.path.abspath(where)):
        way_out = f"mend its permissions, or name another home with {layout.HOME_VARIABLE}"
        return f"the Turnout home {home} can't be used: {reason}: {where}; {way_out}", BAD_INPUT
    return f"{reason}: {where}", BAD_INPUT


def _print_line(message: str) -> None:
    streams.say(f"turnout: {' '.join(message.split())}")  # where nobody listens, the exit code still tells


def _print_traceback(error: BaseException) -> None:
    import traceback

    try:
        traceback.print_exception(error)
    except OSError:
        streams.discard(2)
