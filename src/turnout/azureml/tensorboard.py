"""`azureml.tensorboard`: TensorBoard over the logs of runs, while they run. The package tensorboard is the caller's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from typing import Any

from turnout.exceptions import UserErrorException
from turnout.runtime import layout

_PATIENCE = 60.0
"""Seconds in which TensorBoard has to answer."""
_EVERY = 5.0
"""Seconds between looks at runs elsewhere, whose logs are brought here."""


class Tensorboard:
    """TensorBoard over `logs/` (and `outputs/`) of runs.

    Args:
        runs: one run, or several.
        local_root: a directory that gets a link for each run; a new temporary one by default.
        port: where TensorBoard answers; a free one when it is taken.

    Raises:
        UserErrorException: one of them is no run.
    """

    def __init__(self, runs: Any, local_root: str | None = None, port: int = 6006) -> None:
        self._runs = list(runs) if isinstance(runs, Iterable) else [runs]
        for run in self._runs:
            if not hasattr(run, "layout"):
                raise UserErrorException(f"Tensorboard is made of runs, not of a {type(run).__name__}")
        self._own = local_root is None
        self._root = os.path.abspath(local_root) if local_root else ""
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._bringing: threading.Thread | None = None

    def start(self, start_browser: bool = False) -> str:
        """Start TensorBoard, and return its URL once it answers.

        Args:
            start_browser: also open the URL in a browser.

        Raises:
            UserErrorException: tensorboard isn't installed, or doesn't start.
        """
        if self._process is not None and self._process.poll() is None:
            return self._url()
        if self._own:
            self._root = tempfile.mkdtemp(prefix="turnout-tensorboard-")
        os.makedirs(self._root, exist_ok=True)
        self._link()
        self._port = _free(self._port)
        log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", self._root, "--port", str(self._port), "--bind_all"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self._await(log)
        if any(run.replica() is not None for run in self._runs):
            self._stopping.clear()
            self._bringing = threading.Thread(target=self._bring, daemon=True)
            self._bringing.start()
        if start_browser:
            import webbrowser

            webbrowser.open(self._url())
        print(self._url())  # noqa: T201 - v1's output
        return self._url()

    def stop(self) -> None:
        """End TensorBoard; once more does no harm."""
        self._stopping.set()
        if self._bringing is not None:
            self._bringing.join()
            self._bringing = None
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        if self._own and self._root:
            shutil.rmtree(self._root, ignore_errors=True)

    def _url(self) -> str:
        return f"http://localhost:{self._port}/"

    def _link(self) -> None:
        for run in self._runs:
            run._catch_up()
            for top in (layout.LOGS, layout.OUTPUTS):
                link = os.path.join(self._root, run.id, top)
                os.makedirs(os.path.dirname(link), exist_ok=True)
                if not os.path.lexists(link):
                    os.symlink(os.path.join(run.layout.code, top), link)

    def _bring(self) -> None:
        while not self._stopping.wait(_EVERY):
            for run in self._runs:
                run._catch_up()

    def _await(self, log: Any) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)  # a port that opens sends no event
        self._process.terminate()
        self._process.wait()
        self._process = None
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
        said = lines[-1] if lines else "it does not answer"
        way_out = "pip install tensorboard" if "No module named" in said else "see whether it starts by itself"
        raise UserErrorException(f"TensorBoard can't be started: {said}; {way_out}")


def _free(port: int) -> int:
    """Return a port if nobody listens there, else a free one."""
    for wanted in (port, 0):
        with socket.socket() as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                made.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(made.getsockname()[1])
    return port
