"""Installations of Spark and Java that are directories, and pages that are real servers."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def make_spark(tmp_path: Path) -> Callable[..., str]:
    """Return a function that makes what an installation of Spark is known by, and returns its directory."""

    def make(name: str = "spark", version: str | None = "4.0.1") -> str:
        home = tmp_path / name
        (home / "bin").mkdir(parents=True)
        (home / "jars").mkdir()
        submit = home / "bin" / "spark-submit"
        submit.write_text("#!/bin/sh\nexit 3\n")
        submit.chmod(0o755)
        if version is not None:
            (home / "jars" / f"spark-core_2.13-{version}.jar").touch()
        return str(home)

    return make


@pytest.fixture
def make_java(tmp_path: Path) -> Callable[..., str]:
    """Return a function that makes what a Java is known by, and returns its directory.

    With `release` its file of that name says the version, else `java -version` does.
    """

    def make(version: str, name: str = "", release: bool = True) -> str:
        home = tmp_path / (name or f"java-{version}")
        (home / "bin").mkdir(parents=True)
        program = home / "bin" / "java"
        says = "exit 1" if release else f"echo 'openjdk version \"{version}\" 2024-07-16' >&2"
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
        if release:
            (home / "release").write_text(f'IMPLEMENTOR="Debian"\nJAVA_VERSION="{version}"\n')
        return str(home)

    return make


class Page:
    """A page of a master or a driver: what it answers by path, and what it was asked to do.

    Attributes:
        url: its address.
        answers: path → JSON, or a number for that HTTP status.
        posted: paths of the forms that it got.
        on_post: called with each.
    """

    def __init__(self, server: http.server.ThreadingHTTPServer) -> None:
        self.port = int(server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.answers: dict[str, Any] = {"/": {}}
        self.posted: list[str] = []
        self.on_post: Callable[[str], None] = self.posted.append


@pytest.fixture
def make_page() -> Iterator[Callable[[], Page]]:
    """Return a function that starts a page; they end with the test."""
    servers: list[tuple[http.server.ThreadingHTTPServer, threading.Thread]] = []

    def make() -> Page:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = page.answers.get(self.path, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json;charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                page.posted.append(self.path)
                page.on_post(self.path)
                self.send_response(302)  # as Spark's pages do
                self.send_header("Location", page.url + "/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        page = Page(server)
        page.on_post = lambda path: None
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return page

    yield make
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def page(make_page: Callable[[], Page]) -> Page:
    """A page."""
    return make_page()


def worker(number: int = 1, **values: Any) -> dict[str, Any]:
    """Return a worker as a master's page lists it, with one processor and 1024 MB."""
    made = {
        "id": f"worker-20261125105616-127.0.0.1-{number}",
        "host": "127.0.0.1",
        "port": number,
        "webuiaddress": "http://127.0.0.1:35563",
        "cores": 1,
        "coresused": 0,
        "coresfree": 1,
        "memory": 1024,
        "memoryused": 0,
        "memoryfree": 1024,
        "resources": {},
        "state": "ALIVE",
        "lastheartbeat": 1795604822751,
    }
    return {**made, **values}


def app(identity: str, state: str = "RUNNING", **values: Any) -> dict[str, Any]:
    """Return an application as a master's page lists it."""
    made = {
        "id": identity,
        "starttime": 1795604424204,
        "name": "count.py",
        "cores": 2,
        "user": "someone",
        "memoryperexecutor": 512,
        "memoryperslave": 512,
        "submitdate": "Wed Nov 25 11:00:24 UTC 2026",
        "state": state,
        "duration": 17229,
    }
    return {**made, **values}


def state(*workers: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return what a master's page says (`GET /json/`)."""
    made = {
        "url": "spark://127.0.0.1:7077",
        "workers": list(workers),
        "aliveworkers": len(workers),
        "activeapps": [],
        "completedapps": [],
        "activedrivers": [],
        "completeddrivers": [],
        "status": "ALIVE",
    }
    return {**made, **values}
