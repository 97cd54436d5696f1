"""An open connection to an agent: requests out, replies in, each within a time; a dead one is noticed and said."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from typing import Any

from turnout.runtime.serving import frames

PATIENCE = 20.0
"""Seconds without a byte, in either direction, after which a connection is dead; a busy agent beats every two."""

_NOISE = 4 << 20
_SHOWN = 4096
_BLOCK = 1 << 18


class ChannelBroken(Exception):
    """The connection has ended, or hangs; what ssh said is in `said`, how it ended in `status`."""

    def __init__(self, said: str, status: int | None) -> None:
        super().__init__(said)
        self.said = said
        self.status = status


class Channel:
    """A connection's process, spoken to without ever blocking for longer than `PATIENCE`.

    Args:
        argv: the command that connects.
        variables: its environment.
    """

    def __init__(self, argv: list[str], variables: dict[str, str]) -> None:
        self._said = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=variables,
            start_new_session=True,  # Ctrl-C in the person's terminal is for them and us
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._out = self._process.stdin.fileno()
        self._in = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._buffer = bytearray()
        self._greeted = False
        self.sent = 0
        self.received = 0

    def write(self, data: bytes) -> None:
        """Send bytes. Raises ChannelBroken."""
        left = memoryview(data)
        quiet = time.monotonic()
        while left:
            ready = select.select([], [self._out], [], 1.0)[1]
            try:
                count = os.write(self._out, left[:_BLOCK]) if ready else 0
            except BlockingIOError:
                count = 0
            except OSError:
                raise self._broken() from None
            if count:
                quiet = time.monotonic()
                self.sent += count
                left = left[count:]
            elif time.monotonic() - quiet > PATIENCE:
                raise self._broken()

    def await_word(self, word: bytes, patience: float) -> None:
        """Pass over all that comes until a line that is this word. Raises ChannelBroken."""
        line = b"\n" + word + b"\n"
        deadline = time.monotonic() + patience
        while (found := self._buffer.find(line)) < 0:
            if len(self._buffer) > _NOISE:
                raise self._broken("the login there prints without an end")
            self._more(deadline)
        del self._buffer[: found + len(line)]
        self._greeted = True

    def read(self) -> tuple[dict[str, Any], bytes]:
        """Return the next frame that is no beat. Raises ChannelBroken."""
        while True:
            header = self._take(frames.HEADER.size)
            try:
                text, content = frames.lengths(header)
                value = frames.decode(self._take(text))
            except frames.FrameError as error:
                raise self._broken(str(error)) from error
            data = self._take(content)
            if "beat" not in value:
                return value, data

    def close(self) -> None:
        """End the connection; the agent there ends by itself."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._said.close()

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more(time.monotonic() + PATIENCE)
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _more(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._in], [], [], left)[0]:
            raise self._broken("it didn't answer in time")
        try:
            data = os.read(self._in, _BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise self._broken()
        self.received += len(data)
        self._buffer += data

    def _broken(self, why: str = "") -> ChannelBroken:
        """End what is left of the connection, and return what there is to say of it."""
        try:
            status: int | None = self._process.wait(0.5 if not why else 0)
        except subprocess.TimeoutExpired:
            status = None
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace")
        if not said.strip() and not self._greeted:  # such as nologin(8), which prints to the standard output
            with contextlib.suppress(OSError):
                self._buffer += os.read(self._in, _BLOCK)
            said = bytes(self._buffer[-_SHOWN:]).decode("utf-8", "replace")
        self.close()
        return ChannelBroken(f"{said}\n{why}" if why else said, status)
