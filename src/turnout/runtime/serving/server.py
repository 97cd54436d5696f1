"""Answers requests on a connection, one after the other, until it ends.

While a request is being carried out, a beat every two seconds says so: the other side can tell a long answer from a dead
connection. A server to which nothing has come for a quarter of an hour ends: its connection may have died unnoticed.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, BinaryIO, Callable, Dict, List, Tuple

from turnout.runtime import agent, layout, starting
from turnout.runtime.objects import StoreError
from turnout.runtime.serving import arrival, facts, frames, packages, readback, sparkfacts

BEAT_SECONDS = 2.0
_IDLE_SECONDS = 900.0

Answer = Tuple[Dict[str, Any], bytes]

OPERATIONS: Dict[str, Callable[[layout.Home, Dict[str, Any], bytes], Answer]] = {
    "missing": arrival.missing,
    "store": arrival.store,
    "accept": arrival.accept,
    "withdraw": arrival.withdraw,
    "tool": arrival.tool,
    "environment": packages.environment,
    "wheels": packages.wheels,
    "changes": readback.changes,
    "inventory": readback.inventory,
    "fetch": readback.fetch,
    "delete": readback.delete,
    "facts": facts.facts,
    "spark": sparkfacts.spark,
}
"""Requests that bring or fetch contents; the others are `agent.OPERATIONS`."""


def carry_out(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Carry out one request, of `OPERATIONS` or the agent's; return the reply and its bytes."""
    operation = OPERATIONS.get(str(request.get("operation")))
    if operation is not None:
        return operation(home, request, content)
    return agent.handle(home, request), b""


class Server:
    """One connection's agent.

    Args:
        home: this account's home.
        runtime: the directory of the shipped runtime.
        requests: where they come from; read through its own buffer.
        replies: where answers go.
    """

    def __init__(self, home: layout.Home, runtime: str, requests: BinaryIO, replies: BinaryIO) -> None:
        self._home = home
        self._runtime = runtime
        self._requests = requests
        self._replies = replies
        self._writing = threading.Lock()
        self._busy = threading.Event()
        self._over = threading.Event()

    def serve(self) -> None:
        """Answer until the connection ends."""
        threading.Thread(target=self._beat, daemon=True).start()
        try:
            while True:
                frame = frames.read(self._requests)
                if frame is None:
                    return
                self._busy.set()
                reply, content = self._answer(*frame)
                self._busy.clear()
                if not frame[0].get("quiet") or "error" in reply:
                    self._write(frames.encode(reply, content))
        except (BrokenPipeError, ConnectionError):
            return
        finally:
            arrival.abandon()
            self._over.set()
            self._busy.set()

    def _answer(self, request: Dict[str, Any], content: bytes) -> Answer:
        try:
            reply, answer = carry_out(self._home, {**request, "runtime": self._runtime}, content)
            return {"reply": reply}, answer
        except Exception as error:
            return {"error": described(error)}, b""

    def _write(self, frame: bytes) -> None:
        with self._writing:
            self._replies.write(frame)
            self._replies.flush()

    def _beat(self) -> None:
        frame = frames.encode({"beat": True})
        while not self._over.is_set():
            if not self._busy.wait(_IDLE_SECONDS):
                os._exit(0)
            if self._over.wait(BEAT_SECONDS):
                return
            if self._busy.is_set():
                try:
                    self._write(frame)
                except (OSError, ValueError):
                    return


def described(error: Exception) -> Dict[str, Any]:
    """Return an exception as data: its kind, a line for a person, and the system's number where there is one."""
    cause = error.error if isinstance(error, StoreError) else error
    if isinstance(cause, OSError):
        said = (cause.strerror or str(cause)).lower()
        where = getattr(error, "path", None) or cause.filename
        return {
            "kind": "OSError",
            "number": cause.errno,
            "message": "%s: %s" % (said, os.fsdecode(where)) if where else said,
        }
    return {"kind": type(error).__name__, "message": str(error)}


def main(arguments: List[str]) -> int:
    """Serve on the standard streams: `HOME RUNTIME`. What anything prints by accident goes to standard error."""
    home, runtime = arguments
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.argv = [starting.OURS.decode("ascii") + "serving.server"]
    Server(layout.Home(home), runtime, sys.stdin.buffer, replies).serve()
    return 0
