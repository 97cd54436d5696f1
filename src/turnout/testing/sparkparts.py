"""Parts by which Spark, Java and a standalone master are known, for tests that start no cluster.

What decides by a file or a port finds a real one here; what would start Spark ends with an error.
"""

from __future__ import annotations

import http.server
import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

SUBMIT_CODE = 3
"""What `spark-submit` of such an installation exits with."""


def make_spark(home: Path, version: str | None = "4.0.1") -> str:
    """Make a directory that looks like an installation of Spark, and return it.

    Args:
        home: where.
        version: as its jar tells it; None for an installation that doesn't.
    """
    (home / "bin").mkdir(parents=True)
    (home / "jars").mkdir()
    _program(home / "bin" / "spark-submit", f"exit {SUBMIT_CODE}")
    if version is not None:
        (home / "jars" / f"spark-core_2.13-{version}.jar").touch()
    return str(home)


def make_java(home: Path, version: str, release: bool = True) -> str:
    """Make a directory that looks like a Java, and return it.

    Args:
        home: where.
        version: such as "17.0.15".
        release: whether its file `release` tells the version; else `java -version` does.
    """
    (home / "bin").mkdir(parents=True)
    _program(home / "bin" / "java", "exit 1" if release else f"echo 'openjdk version \"{version}\" 2024-07-16' >&2")
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="Debian"\nJAVA_VERSION="{version}"\n')
    return str(home)


class MasterPage:
    """A port that answers as a standalone master's page does; as the master's own it takes connections, too.

    Attributes:
        url: `spark://…` of the master.
        page: the page's address.
        state: what the page says (`GET /json/`).
    """

    def __init__(self) -> None:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer."""
                if self.path != "/json/":
                    self.send_error(404)
                    return
                content = json.dumps(outer.state).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json;charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        port = self._server.server_address[1]
        self.url, self.page = f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{port}"
        self.state: dict[str, Any] = {
            "url": self.url,
            "status": "ALIVE",
            "workers": [],
            "activeapps": [],
            "completedapps": [],
        }
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def add_worker(self, cores: int = 1, memory: int = 1024) -> None:
        """Register a worker that nobody uses; `memory` in MB."""
        number = len(self.state["workers"]) + 1
        worker: dict[str, Any] = {"id": f"worker-{number}", "host": "127.0.0.1", "port": number, "state": "ALIVE"}
        worker.update(cores=cores, coresused=0, coresfree=cores, memory=memory, memoryused=0, memoryfree=memory)
        self.state["workers"] = [*self.state["workers"], worker]

    def __enter__(self) -> MasterPage:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    os.chmod(path, 0o755)
