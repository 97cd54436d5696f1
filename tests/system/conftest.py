"""The real command line in a process of its own, in a project directory of its own."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import select
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TURNOUT = os.path.join(os.path.dirname(sys.executable), "turnout")
EXAMPLE = Path(__file__).parents[2] / "examples" / "diabetes"
PATIENCE = 60.0
"""Seconds that something may take on a machine that others use too."""


class CommandLine:
    """Runs `turnout` in a project directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.command = [TURNOUT]
        self.prefix: list[str] = []  # words before it: under which restrictions it runs

    def any(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it, however it ends; a traceback is a mistake in any case."""
        done = subprocess.run(
            [*self.prefix, *self.command, *map(str, words)],
            cwd=options.pop("cwd", self.directory),
            capture_output=True,
            text=True,
            timeout=options.pop("timeout", 180),
            errors="surrogateescape",
            **options,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "mistake in Turnout" not in done.stderr, done.stderr
        return done

    def __call__(self, *words: str | Path, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        done = self.any(*words, **options)
        assert done.returncode == code, (
            f"turnout {' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def json(self, *words: str | Path, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [TURNOUT, *map(str, words)],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            **{"stderr": subprocess.PIPE, **options},
        )

    def script(self, text: str, name: str = "train.py") -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def turnout(home: Path, tmp_path: Path) -> CommandLine:
    directory = tmp_path / "project"
    directory.mkdir()
    return CommandLine(directory)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Wait, at most ten seconds, until something that another process does has happened."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 10
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < deadline, "it did not happen within ten seconds"
            time.sleep(0.01)

    return wait


class Terminal:
    """A command in a terminal of its own: a real pseudo-terminal that is the controlling one of a session of its own.

    The command is the session's leader and its foreground process group, as in `xterm -e COMMAND`; give it a shell to have
    the command be a job of that.
    """

    # The child takes the terminal, since nothing of Python may run between fork and exec in a process with threads.
    _TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"

    def __init__(self, directory: Path, *words: str | Path) -> None:
        self.master, slave = os.openpty()
        argv = [sys.executable, "-I", "-S", "-c", self._TAKE, *map(str, words)]
        self.process = subprocess.Popen(
            argv, cwd=directory, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = b""

    def expect(self, text: bytes) -> bytes:
        """Read until `text` has appeared; return all that was seen."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not appear in {self.seen!r}"
            self.seen += os.read(self.master, 65536)  # EIO, when the command has ended without it
        return self.seen

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def foreground(self) -> int:
        """Return the foreground process group, which Ctrl-C would reach."""
        return os.tcgetpgrp(self.master)

    def close(self) -> None:
        """Close the window: the kernel hangs the session up."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def ended(self) -> int:
        """Read to the command's end; return its code, -N for signal N."""
        while self.master >= 0:
            ready, _, _ = select.select([self.master], [], [], PATIENCE)
            assert ready, f"it did not end; {self.seen!r}"
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:  # EIO: the last process that had the terminal is gone
                self.close()
        return self.process.wait(PATIENCE)


@pytest.fixture
def terminal(turnout: CommandLine) -> Iterator[Callable[..., Terminal]]:
    """Open terminals in the project directory."""
    opened: list[Terminal] = []

    def open_terminal(*words: str | Path) -> Terminal:
        opened.append(Terminal(turnout.directory, *words))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()
        one.process.kill()
        one.process.wait()


class PackageIndex:
    """A package index with one package, `gated` 1.0, that answers when it is told to.

    Attributes:
        asked_to_resolve: set when someone asked which versions there are.
        resolution: the answer is held back until this is set.
        asked_to_build: set when someone asked for the wheel.
        build: the wheel is held back until this is set; its size is told before.
        asked: the paths that were asked for, in that order.
    """

    _WHEEL = "gated-1.0-py3-none-any.whl"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked_to_resolve, self.resolution = threading.Event(), threading.Event()
        self.asked_to_build, self.build = threading.Event(), threading.Event()
        self.asked: list[str] = []
        metadata = b"Metadata-Version: 2.1\nName: gated\nVersion: 1.0\n"
        wheel = self._pack(metadata)
        digests = [hashlib.sha256(data).hexdigest() for data in (wheel, metadata)]
        link = (
            f'<a href="/{self._WHEEL}#sha256={digests[0]}" data-core-metadata="sha256={digests[1]}">{self._WHEEL}</a>'
        )
        self._pages = {"/gated/": link.encode(), f"/{self._WHEEL}": wheel, f"/{self._WHEEL}.metadata": metadata}
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, *words: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.url = f"http://{host}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _pack(self, metadata: bytes) -> bytes:
        told = b"Wheel-Version: 1.0\nGenerator: turnout\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        # uv tells of downloads from a size on.
        files = {
            "gated.py": b"",
            "gated.bin": bytes(2 << 20),
            "gated-1.0.dist-info/METADATA": metadata,
            "gated-1.0.dist-info/WHEEL": told,
        }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
            lines = "".join(f"{name},,\n" for name in [*files, "gated-1.0.dist-info/RECORD"])
            archive.writestr("gated-1.0.dist-info/RECORD", lines)
        return packed.getvalue()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        asked, gate = {
            "/gated/": (self.asked_to_resolve, self.resolution),
            f"/{self._WHEEL}": (self.asked_to_build, self.build),
        }.get(request.path, (None, None))
        page = self._pages.get(request.path)
        try:
            request.send_response(404 if page is None else 200)
            request.send_header(
                "Content-Type", "text/html" if request.path.endswith("/") else "application/octet-stream"
            )
            request.send_header("Content-Length", str(len(page or b"")))
            request.end_headers()
            if asked is not None and gate is not None:
                asked.set()
                gate.wait(PATIENCE)
            request.wfile.write(page or b"")
        except (BrokenPipeError, ConnectionResetError):
            pass  # who asked was ended meanwhile

    def close(self) -> None:
        self.resolution.set()
        self.build.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def make_package_index(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., PackageIndex]]:
    """Make a package index on one of this machine's addresses; uv asks it and nobody else, and has nothing in its cache."""
    made: list[PackageIndex] = []

    def make(host: str = "127.0.0.1") -> PackageIndex:
        made.append(PackageIndex(host))
        _ask_only(made[-1], tmp_path, monkeypatch)
        return made[-1]

    yield make
    for index in made:
        index.close()


@pytest.fixture
def package_index(make_package_index: Callable[..., PackageIndex]) -> PackageIndex:
    """A package index of this test's own."""
    return make_package_index()


def _ask_only(index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
