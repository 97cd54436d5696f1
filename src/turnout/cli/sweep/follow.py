"""Follows a sweep to its end: on a terminal as a table that changes, elsewhere as a line for each trial that ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from turnout.cli import common, errors, streams, text
from turnout.cli.sweep import view
from turnout.runtime import states

if TYPE_CHECKING:
    from turnout.sweeps.hyperdrive_run import HyperDriveRun
    from turnout.sweeps.trials import Trial

_PAUSE, _LIVE_PAUSE = 0.2, 0.5
"""Between looks: a sweep's record lies on this machine, and a file has no event that also works on a network file system."""


def to_end(run: HyperDriveRun, as_json: bool = False) -> int:
    """Follow a sweep to its end; return the command's exit code: 0 when it is Completed, else 1."""
    seen = view.View(run)
    try:
        if as_json or not common.on_terminal():
            _lines(seen, quiet=as_json)
        else:
            _live(seen)
    except KeyboardInterrupt:
        streams.say(
            f"\ndetached; the sweep goes on. Look at it again: turnout sweep show {run.id}   "
            f"End it: turnout sweep stop {run.id}"
        )
        return errors.INTERRUPTED
    if as_json:
        common.print_json(seen.facts())
    return 0 if seen.status == states.COMPLETED else 1


def _lines(seen: view.View, quiet: bool) -> None:
    told = 0
    warned = 0
    while True:
        ended = seen.refresh()
        for trial in ended if not quiet else ():
            told += 1
            print(line(seen, trial, told), flush=True)
        warnings = seen.warnings() if ended or states.is_final(seen.status) else []
        for warning in warnings[warned:] if not quiet else ():
            streams.say(f"warning: {warning}")
        warned = max(warned, len(warnings))
        if states.is_final(seen.status):
            break
        time.sleep(_PAUSE)
    if not quiet:
        _say_end(seen)


def line(seen: view.View, trial: Trial, told: int) -> str:
    """Return what is said of a trial that has ended."""
    best = "  best so far" if seen.best() is trial else ""
    reason = f"  ({trial.reason})" if trial.reason and trial.state != states.COMPLETED else ""
    return f"{told}: trial {trial.number} {trial.state}  {seen.result(trial)}  {view.parameters(trial)}{best}{reason}"


def _live(seen: view.View) -> None:
    from rich.live import Live

    screen = common.console()
    with Live(console=screen, auto_refresh=False, transient=True) as live:
        while True:
            seen.refresh()
            if states.is_final(seen.status):
                break
            live.update(drawn(seen, screen.width), refresh=True)
            time.sleep(_LIVE_PAUSE)
    show(seen)


def drawn(seen: view.View, width: int) -> Any:
    """Return the sweep as rich draws it, no higher than the terminal and no wider than `width`."""
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = []
    for name, value in seen.heading():
        if value:
            parts.append(Text.assemble((name.ljust(10), "bold"), text.plain(value), no_wrap=True))
    most = view.height()
    parts += [Text(""), *seen.table(most).drawn(width)[: most + 1]]
    if len(seen.trials) > most:
        parts.append(Text(f"and {len(seen.trials) - most} more"))
    return Group(*parts)


def show(seen: view.View) -> None:
    """Print a sweep as it stands."""
    facts = common.Facts()
    for name, value in seen.heading():
        facts.add(name, value)
    facts.print()
    if seen.trials:
        print()
        seen.table().print()


def _say_end(seen: view.View) -> None:
    best = seen.best()
    streams.say(f"{seen.status}{f': {seen.reason}' if seen.reason else ''}")
    if best is not None:
        print(f"best: {seen.named(best)}")
