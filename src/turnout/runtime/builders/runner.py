"""Starts the tools that builders use, with each line of their output in the run's log as it comes."""

from __future__ import annotations

import os
import subprocess
from typing import BinaryIO, Callable, Dict, List, Mapping, Optional, Tuple, Union

from turnout.runtime import layout, records, redaction, unnamed
from turnout.runtime.builders import words
from turnout.runtime.builders.contract import BuildFailed

_KEPT_LINES = 400
"""Lines of a tool's output kept in memory, to quote from when it fails."""

Steps = Callable[[str], str]
"""Tells from a line of a tool's output what it does now, in a few words; empty when the line says nothing new."""


class Runner:
    """Runs tools for one build.

    Attributes:
        home: the home of this machine.
        variables: what tools find in their environment.
        held: descriptors that the tools keep open as long as they live.
        hide: takes the values of secrets out of what is logged, noted and raised.
    """

    def __init__(
        self,
        home: layout.Home,
        log: Union[int, BinaryIO],
        variables: Mapping[str, str],
        hide: redaction.Hide = redaction.as_it_is,
        note: Optional[Callable[[str], None]] = None,
    ) -> None:
        self.home = home
        self.variables: Dict[str, str] = dict(variables)
        self.held: Tuple[int, ...] = ()
        self.hide = hide
        self._log = log
        self._note = note
        self._step = ""

    def say(self, text: str) -> None:
        """Put a line of Turnout's own into the log."""
        self._write(("turnout: %s\n" % self.hide(text)).encode("utf-8", "replace"))

    def step(self, text: str) -> None:
        """Tell those who wait what is done now, in a few words: "installing 14 packages"; the log isn't touched."""
        if self._note is not None and text != self._step:
            self._step = text
            self._note(self.hide(text))

    def run(
        self,
        argv: List[str],
        variables: Mapping[str, str],
        doing: str,
        steps: Optional[Steps] = None,
        given: bytes = b"",
        tool: str = "",
    ) -> List[str]:
        """Run a tool to its end, and return the last lines that it said.

        Args:
            argv: what to execute; `argv[0]` is a path.
            variables: its whole environment.
            doing: what it does, for the one-line reason: "install the packages".
            steps: tells its steps from what it prints.
            given: its standard input; may hold secrets, and is in no file that has a name.
            tool: its name in that reason; the file's by default.

        Raises:
            BuildFailed: it can't be started, or ended with anything but 0; carries its last words.
        """
        stdin = subprocess.DEVNULL if not given else unnamed.readable(given)
        try:
            process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(variables),
                cwd="/",  # no project's settings are picked up on the way
                pass_fds=self.held,
            )
        except OSError as error:
            raise BuildFailed("%s can't be started: %s" % (argv[0], error)) from error
        finally:
            if given:
                os.close(stdin)
        try:
            said = self._follow(process, steps)
        except BaseException:
            process.kill()  # it must not go on writing when its output can't be kept any more
            process.wait()
            raise
        status = process.wait()
        if status != 0:
            quoted = words.meaningful("\n".join(said))
            reason = words.headline(quoted) or "it ended with status %d and said nothing" % status
            raise BuildFailed("%s could not %s: %s" % (tool or os.path.basename(argv[0]), doing, reason), quoted)
        return said

    def _follow(self, process: "subprocess.Popen[bytes]", steps: Optional[Steps]) -> List[str]:
        said: List[str] = []
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                cleaned = words.clean(line.decode("utf-8", "replace"), self.hide)
                self._write(cleaned.encode("utf-8", "replace"))
                said.append(cleaned.rstrip("\n"))
                del said[:-_KEPT_LINES]
                step = steps(said[-1]) if steps is not None else ""
                if step:
                    self.step(step)
        return said

    def _write(self, data: bytes) -> None:
        if isinstance(self._log, int):
            records.write_all(self._log, data)
        else:
            self._log.write(data)
            self._log.flush()
