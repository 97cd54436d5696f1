"""Starts a git process without waiting for it, and takes its output later, within a bounded time.

Not `subprocess`: importing that costs more than the question put to git, and every submit would pay it.
"""

from __future__ import annotations

import os
import select
import signal
import time

TIMEOUT = 10.0
"""Seconds from its start after which a git process is ended and taken to have said nothing."""

_SETTINGS = (
    "core.fsmonitor=false",  # runs a hook or leaves a daemon behind
    "core.quotePath=false",
    "color.ui=false",
)


class GitProcess:
    """A running git, which must be ended with `finish` or `abandon`.

    Args:
        directory: where git runs, as with `git -C`.
        arguments: the command and its arguments.

    Raises:
        OSError: git can't be started; FileNotFoundError: there is none.
    """

    def __init__(self, directory: str | bytes, *arguments: str | bytes) -> None:
        command: list[str | bytes] = ["git", "-C", directory, "--no-optional-locks"]
        for setting in _SETTINGS:
            command += ["-c", setting]
        environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": ""}
        self._output, write_end = os.pipe()
        try:
            self._pid = os.posix_spawnp(
                "git",
                [*command, *arguments],
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, write_end, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,  # so that what git starts can be ended with it
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(write_end)
        self._deadline = time.monotonic() + TIMEOUT

    def finish(self, limit: int | None = None) -> bytes | None:
        """Wait for the end and return what git wrote to its output.

        Args:
            limit: at most so many bytes are wanted; a git that writes more is ended.

        Returns:
            The output; None if git failed, wrote too much, or took longer than `TIMEOUT`.
        """
        data = self._read(limit)
        if data is None:
            self.abandon()
            return None
        os.close(self._output)
        return data if self._wait() == 0 else None

    def abandon(self) -> None:
        """End git without wanting its answer."""
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # it has ended; macOS says PermissionError of a process that waits to be reaped
        os.close(self._output)
        self._wait()

    def _wait(self) -> int:
        try:
            return os.waitpid(self._pid, 0)[1]
        except ChildProcessError:
            return 0  # this process ignores SIGCHLD, so the kernel has reaped git; its output has to do

    def _read(self, limit: int | None) -> bytes | None:
        chunks: list[bytes] = []
        size = 0
        poll = select.poll()
        poll.register(self._output, select.POLLIN | select.POLLHUP)
        while True:
            rest = self._deadline - time.monotonic()
            if rest <= 0 or not poll.poll(rest * 1000):
                return None
            chunk = os.read(self._output, 1 << 20)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
            if limit is not None and size > limit:
                return None


def ask(directory: str | bytes, *arguments: str | bytes) -> bytes | None:
    """Return what a git command answers; None without git, or if it fails or takes too long."""
    try:
        return GitProcess(directory, *arguments).finish()
    except OSError:
        return None
