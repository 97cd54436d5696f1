"""`turnout logs`: a run's log, byte for byte, now or as it grows."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from turnout.cli import application, common, streams
from turnout.exceptions import UserErrorException
from turnout.runtime import layout, states

if TYPE_CHECKING:
    from turnout.run import Run


@click.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "--system",
    is_flag=True,
    help="What Turnout did: the environment's build log, what happened on the cluster, the supervisor's log.",
)
@click.option(
    "--name", metavar="FILE", help="Another file of the run, such as user_logs/std_log.txt (`turnout files`)."
)
@common.run_argument
def command(run_name: str, follow: bool, system: bool, name: str | None) -> None:
    """Print the log of RUN: what its script wrote to standard output and standard error."""
    if system and name:
        raise click.UsageError("--system and --name exclude each other")
    run = common.find(common.workspace(), run_name)
    paths = _system_logs(run) if system else [_named(run, name, follow) if name else run.layout.script_log]
    printer = _Printer(run, paths)
    if not follow:
        if os.path.exists(run.layout.replica):
            run.status_and_reason()  # of a run elsewhere: brings what is new
        printer.copy()
        printer.clear()
        _explain_silence(run, printer.silent and not (system or name))
        return
    from turnout.history.follow import watch

    try:
        watch(run, printer.copy)
    finally:
        printer.clear()
    _explain_silence(run, printer.silent and not (system or name))


def _system_logs(run: Run) -> list[str]:
    return [run.layout.environment_log, run.layout.cluster_log, run.layout.supervisor_log]


def _named(run: Run, name: str, follow: bool) -> str:
    path = run.record.artifact_path(name)
    if path is not None:
        return path
    top = os.path.normpath(name)
    if follow and top.split("/", 1)[0] in (layout.USER_LOGS, layout.SYSTEM_LOGS):
        return os.path.join(run.layout.root, top)  # it may appear yet
    raise UserErrorException(f"the run {run.id} has no file '{name}'; `turnout files {run.id}` lists what there is")


def _explain_silence(run: Run, silent: bool) -> None:
    """Say why there is no log, to a person at a terminal."""
    if not silent:
        return
    state, reason = run.status_and_reason()
    if state == states.COMPLETED:
        common.notice("the script wrote nothing")
        return
    system = os.path.exists(run.layout.environment_log)
    hint = f"; see turnout logs --system {run.id}" if system and states.is_final(state) else ""
    common.notice(f"no output: {state}{': ' + reason if reason else ''}{hint}")


class _Printer:
    """Copies growing files to standard output; several are told apart by a heading where they begin."""

    def __init__(self, run: Run, paths: list[str]) -> None:
        from turnout.history.follow import Tail

        self._output = _Output()
        self._bar = application.Bar(run, self._output)
        headings = [f"==> {os.path.relpath(path, run.layout.root)} <==\n" if len(paths) > 1 else "" for path in paths]
        self._tails = [
            Tail(path, _Headed(self._bar, self._output, os.fsencode(heading)))
            for path, heading in zip(paths, headings, strict=True)
        ]

    @property
    def silent(self) -> bool:
        """Whether nothing has been printed."""
        return self._output.silent

    def copy(self) -> bool:
        """Copy what is new; return whether there was anything."""
        moved = [tail.copy() for tail in self._tails]
        self._bar.look()
        return any(moved)

    def clear(self) -> None:
        """Take away what shows how far the run's work is."""
        self._bar.clear()


class _Output(streams.Output):
    """Standard output, which the command does not outlive."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.silent = True
        self.current: object = None

    def write(self, data: bytes) -> None:
        self.silent = False
        super().write(data)


class _Headed:
    """One of several files on the output."""

    def __init__(self, stream: application.Bar, output: _Output, heading: bytes) -> None:
        self._stream = stream
        self._output = output
        self._heading = heading

    def write(self, data: bytes) -> None:
        if self._heading and self._output.current is not self:
            self._stream.write((b"" if self._output.silent else b"\n") + self._heading)
        self._output.current = self
        self._stream.write(data)

    def flush(self) -> None:
        """Let what stands beneath the output be drawn again."""
        self._stream.flush()
