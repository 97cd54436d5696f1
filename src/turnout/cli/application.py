"""How the work of a run on its cluster is told: in the lines of `show`, and in a bar beneath the output that is followed."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from turnout.cli import streams, text

if TYPE_CHECKING:
    from turnout.run import Run

_EVERY = 0.2


def facts(launch: dict[str, Any], application: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return names and words of what is known, for a listing; nothing for a run without a cluster."""
    if not launch and not application:
        return []
    executors = application.get("executors") or {}
    return [
        ("Spark", f"{launch['spark_version']}, Java {launch['java_version']}" if launch.get("spark_version") else None),
        ("master", application.get("master")),
        ("application", _named(application)),
        ("Spark UI", application.get("page")),
        ("waits", application.get("waiting") or None),
        ("executors", _executors(executors)),
        ("work", counted(application)),
    ]


def counted(application: dict[str, Any]) -> str | None:
    """Return how much of the work is done, in words; None when nothing is known.

    A driver takes its page with it when it ends, and is asked every few seconds at most: what it did last is not in the counts.
    """
    jobs, stages, tasks = (application.get(name) or {} for name in ("jobs", "stages", "tasks"))
    if not jobs.get("known"):
        return None
    words = [
        f"{part['done']} of {part['known']} {name}" for part, name in ((stages, "stages"), (tasks, "tasks")) if part
    ]
    failed = tasks.get("failed")
    passed = not application.get("page") and any(part and part["done"] < part["known"] for part in (stages, tasks))
    return ", ".join(words) + (f", {failed} failed" if failed else "") + (" when last asked" if passed else "")


def _named(application: dict[str, Any]) -> str | None:
    identity = application.get("id")
    if not identity:
        return None
    state = application.get("state")
    others = len(application.get("earlier") or [])
    return f"{identity}{f', {state} to its cluster' if state else ''}{f'; {others} before it' if others else ''}"


def _executors(executors: dict[str, Any]) -> str | None:
    if not executors.get("ever"):
        return None
    lost = executors.get("lost") or []
    words = f"{executors['ever']} in all"
    if executors.get("now"):
        words = f"{executors['now']} now, {words}"
    if lost:
        words += f", {len(lost)} lost: " + "; ".join(
            f"{each['id']} on {each['host']} ({each['reason']})" for each in lost[:3]
        )
    return words


class Bar:
    """A stream that shows, in one line beneath what is written at a terminal, how much of a run's work is done.

    Elsewhere than at a terminal it only writes.

    Args:
        run: whose work it is.
        output: where what is written goes.
    """

    def __init__(self, run: Run, output: Any) -> None:
        self._run = run
        self._output = output
        self._terminal = sys.stderr.isatty()
        self._stamp = 0
        self._looked = 0.0
        self._line = ""
        self._shown = 0
        self._open = False  # whether what was written last is a line that goes on

    def following(self) -> Callable[[], bool]:
        """Return what copies the script's log to here, and looks how far its work is; see `history.follow.watch`."""
        from turnout.history.follow import Tail

        tail = Tail(self._run.layout.script_log, self)

        def copy() -> bool:
            moved = tail.copy()
            self.look()
            return moved

        return copy

    def write(self, data: bytes) -> None:
        """Write all of `data` above the bar."""
        self.clear()
        self._output.write(data)
        self._open = not data.endswith(b"\n")

    def flush(self) -> None:
        """Flush what was written, and draw the bar again."""
        self._output.flush()
        self.draw()

    def look(self) -> None:
        """Look, now and then, how far the work is, and draw the bar."""
        now = time.monotonic()
        if not self._terminal or now - self._looked < _EVERY:
            return
        self._looked = now
        try:
            stamp = os.stat(self._run.layout.application).st_mtime_ns
        except OSError:
            return
        if stamp != self._stamp:
            self._stamp = stamp
            self._line = _bar(self._run.record.application())
            self.draw()

    def draw(self) -> None:
        """Draw the bar, where there is one and the line is free."""
        if self._open or not self._terminal or not (self._line or self._shown):
            return
        self.clear()
        line = self._line[: shutil.get_terminal_size().columns - 1]
        streams.say(line, end="")
        self._shown = len(line)

    def clear(self) -> None:
        """Take the bar away."""
        if self._shown:
            streams.say(f"\r{' ' * self._shown}\r", end="")
            self._shown = 0


def _bar(application: dict[str, Any]) -> str:
    tasks = application.get("tasks") or {}
    if not application.get("page") or not tasks.get("known"):
        return ""
    done, known = int(tasks["done"]), int(tasks["known"])
    executors = text.count(int((application.get("executors") or {}).get("now") or 0), "executor")
    return f"{text.bar(done, known)} {counted(application)}, {executors}"
