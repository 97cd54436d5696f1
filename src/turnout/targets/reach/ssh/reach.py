"""`SshReach`: a machine that is reached over SSH."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from turnout.runtime import bundle
from turnout.runtime.layout import Home
from turnout.runtime.objects import ObjectStore
from turnout.runtime.serving import frames
from turnout.targets.reach import TargetError, Unreachable
from turnout.targets.reach.ssh import askpass, command, diagnosis, handshake, upload
from turnout.targets.reach.ssh.channel import Channel, ChannelBroken

_LOGIN_SECONDS = 30.0
"""For the login and the start of a Python there, after the connection stands; a name server that is away costs most."""

_PROBE_SECONDS = 20

_Result = TypeVar("_Result")

_open: dict[tuple[Any, ...], Channel] = {}
_lock = threading.RLock()


class SshReach:
    """A machine with sshd and a Python, reached by the person's own ssh. Connections are kept for as long as the process.

    Args:
        home: this machine's home.
        options: `address`, `user`, `port`, `identity`, `interpreter` and `home` (of the machine there), and `keyring`, under
            which a password or passphrase is kept; all but the first may be missing.
    """

    def __init__(self, home: Home, options: dict[str, Any]) -> None:
        self._home = home
        self._where = command.Address(
            str(options["address"]), str(options.get("user") or ""), int(options.get("port") or 0)
        )
        self._identity = str(options.get("identity") or "")
        self._interpreter = str(options.get("interpreter") or "")
        self._there = str(options.get("home") or "~/.turnout")
        self._keyring = str(options.get("keyring") or "")

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have the agent there carry out a request; one that the connection lost is sent once more."""
        return self.pull(request)[0]

    def pull(self, request: dict[str, Any], content: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Do the same with a request whose reply brings bytes."""

        def exchange(channel: Channel) -> tuple[dict[str, Any], bytes]:
            channel.write(frames.encode(request, content))
            return self._answer(channel)

        return self._carry_out(exchange)

    def push(self, objects: Iterable[str], progress: Callable[[int, int], None] | None = None) -> int:
        """Send the objects that the store there lacks; return the bytes that left this machine."""
        digests = list(dict.fromkeys(objects))
        if not digests:
            return 0
        store = ObjectStore(self._home.objects)

        def exchange(channel: Channel) -> int:
            before = channel.sent

            def say(request: dict[str, Any], content: bytes) -> None:
                channel.write(frames.encode(request, content))

            def ask(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
                say(request, content)
                return self._answer(channel)

            lacking = upload.ask_missing(digests, ask)
            if lacking:
                try:
                    upload.send(store, lacking, say, lambda: self._answer(channel), progress or _silent)
                except TargetError:
                    self._drop()  # more answers are on their way
                    raise
            return channel.sent - before

        return self._carry_out(exchange)

    def traffic(self) -> tuple[int, int]:
        """Return the bytes that the open connection has sent and received, before ssh encrypts them."""
        channel = _open.get(self._key())
        return (channel.sent, channel.received) if channel is not None else (0, 0)

    def close(self) -> None:
        """End the connection, if one is open."""
        with _lock:
            self._drop()

    def _carry_out(self, exchange: Callable[[Channel], _Result]) -> _Result:
        with _lock:
            while True:
                channel, fresh = self._channel()
                try:
                    return exchange(channel)
                except ChannelBroken as broken:
                    self._drop()
                    if fresh:
                        raise self._unreachable(broken) from None
                except TargetError:
                    raise
                except BaseException:
                    self._drop()  # what was asked and not answered would be taken for the next answer
                    raise

    def _answer(self, channel: Channel) -> tuple[dict[str, Any], bytes]:
        frame, content = channel.read()
        if "error" in frame:
            error = frame["error"]
            raise TargetError(f"{self._where}: {error.get('message')}", error.get("number"), str(error.get("kind")))
        return frame["reply"], content

    def _key(self) -> tuple[Any, ...]:
        return os.getpid(), self._where, self._identity, self._interpreter, self._there, self._home.root

    def _drop(self) -> None:
        channel = _open.pop(self._key(), None)
        if channel is not None:
            channel.close()

    def _channel(self) -> tuple[Channel, bool]:
        known = _open.get(self._key())
        if known is not None:
            return known, False
        channel = self._connect(handshake.command(self._interpreter))
        try:
            self._shake_hands(channel)
        except ChannelBroken as broken:
            raise self._unreachable(broken) from None
        except BaseException:
            channel.close()
            raise
        _open[self._key()] = channel
        return channel, True

    def _connect(self, remote: str) -> Channel:
        """Start what carries a command out there."""
        asked = askpass.variables(self._home, self._keyring) if self._keyring else {}
        argv = command.argv(self._where, self._identity, bool(asked), remote)
        return Channel(argv, command.environment(os.environ, asked))

    def _shake_hands(self, channel: Channel) -> None:
        token = os.urandom(16).hex().encode("ascii")
        digest = os.path.basename(bundle.ship(self._home))
        channel.write(handshake.first_line(token) + frames.encode({"home": self._there, "runtime": digest}))
        channel.await_word(token, command.CONNECT_SECONDS + _LOGIN_SECONDS)
        reply, _ = channel.read()
        if reply.get("need") == "runtime":
            channel.write(frames.encode({}, handshake.runtime(bundle.contents())))
            reply, _ = channel.read()
        if "failed" in reply:
            raise TargetError(
                f"{self._where}: Turnout's home {self._there} there can't be used: {reply['failed']}; free some space or mend "
                "its permissions there, or name another directory with `turnout target update --home`",
                reply.get("number"),
            )

    def _unreachable(self, broken: ChannelBroken) -> Unreachable:
        trouble = diagnosis.read(self._where, self._identity, broken.status, broken.said)
        if trouble.host_key:
            key = self._host_key()
            if key:
                message = trouble.message.replace(" is not known;", f" is not known ({key});", 1)
                return Unreachable(message, True)
        return Unreachable(trouble.message, trouble.lasting)

    def _host_key(self) -> str:
        """Ask ssh once more what key the host shows; empty when that can't be found out."""
        import subprocess

        argv = command.argv(self._where, self._identity, False, "exit", verbose=True)
        try:
            done = subprocess.run(
                argv,
                env=command.environment(os.environ, {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return diagnosis.host_key(done.stderr.decode("utf-8", "replace"))


def _silent(done: int, total: int) -> None:
    """Show nothing."""


@atexit.register
def close_all() -> None:
    """End all connections of this process."""
    for key in list(_open):
        if key[0] == os.getpid():
            _open.pop(key).close()
