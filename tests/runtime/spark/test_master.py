from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from turnout.runtime.spark import http as pages
from turnout.runtime.spark import ports
from turnout.runtime.spark.master import Master, hindrance, sees_this_home

GIGA = 1 << 30


def worker(state: str = "ALIVE", **values: Any) -> dict[str, Any]:
    """A worker with 4 processors and 4 GB, as a master's page has it."""
    made = {"host": "127.0.0.1", "port": 1, "cores": 4, "coresused": 0, "coresfree": 4, "memory": 4096}
    return {**made, "memoryused": 0, "memoryfree": 4096, "state": state, **values}


def cluster(*workers: dict[str, Any], **values: Any) -> dict[str, Any]:
    """What a master's page says."""
    made = {"url": "spark://head:7077", "status": "ALIVE", "activeapps": [], "completedapps": []}
    living = sum(1 for each in workers if each["state"] == "ALIVE")
    return {**made, "aliveworkers": living, "workers": list(workers), **values}


class Page:
    """A master's page; an application that it is asked to kill is among the completed ones then."""

    def __init__(self) -> None:
        self.state = cluster(worker())
        self.asked: list[str] = []
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(page.state).encode() if self.path == "/json/" else b"<html>Spark</html>")

            def do_POST(self) -> None:
                page.asked.append(self.path)
                ended = [{**each, "state": "KILLED"} for each in page.state["activeapps"]]
                page.state = {**page.state, "activeapps": [], "completedapps": ended}
                self.send_response(302)  # as Spark does
                self.send_header("Location", "/")
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                """Nobody reads it."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page()
    yield made
    made.close()


@pytest.fixture
def master(page: Page) -> Master:
    return Master(f"spark://127.0.0.1:{page.port}", [page.address + "/"])


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


@pytest.mark.parametrize(
    ("state", "memory", "cores", "said"),
    [
        (cluster(worker()), GIGA, 1, ""),
        (cluster(worker(), status="STANDBY"), GIGA, 1, "the master at spark://head:7077 is standby"),
        (cluster(), GIGA, 1, "no worker is registered at spark://head:7077"),
        (cluster(worker("DEAD")), GIGA, 1, "no worker is registered at spark://head:7077"),
        (
            cluster(worker(), worker("DEAD", memory=65536)),
            8 * GIGA,
            1,
            "an executor asks for 8 GB of memory (spark.executor.memory), and the largest worker has 4 GB",
        ),
        (
            cluster(worker(memory=700)),
            GIGA,
            1,
            "an executor asks for 1 GB of memory (spark.executor.memory), and the largest worker has 700 MB",
        ),
        (
            cluster(worker()),
            GIGA,
            8,
            "an executor asks for 8 processors (spark.executor.cores), and the largest worker has 4",
        ),
        (
            cluster(worker(coresfree=0), activeapps=[{"id": "a"}]),
            GIGA,
            1,
            "no worker has 1 GB of memory and 1 processor free for an executor; 1 application uses them",
        ),
        (
            cluster(worker(memoryfree=512), worker(coresfree=1), activeapps=[{"id": "a"}, {"id": "b"}]),
            GIGA,
            2,
            "no worker has 1 GB of memory and 2 processors free for an executor; 2 applications use them",
        ),
    ],
)
def test_why_no_executor_would_start(state: dict[str, Any], memory: int, cores: int, said: str) -> None:
    assert hindrance(state, memory, cores) == said


def test_a_master_that_listens_is_no_trouble(master: Master, closed: int) -> None:
    assert master.trouble() == ""
    away = f"spark://127.0.0.1:{closed}"
    assert Master(away).trouble() == f"{away} can't be reached: connection refused"
    assert Master(f"{away},{master.url[len('spark://') :]}").trouble() == ""


def test_of_several_pages_that_in_charge_counts(page: Page, closed: int) -> None:
    other = Page()
    try:
        other.state = cluster(status="STANDBY")
        away = f"http://127.0.0.1:{closed}"
        assert Master("spark://a:1,b:1", [away, other.address, page.address]).state()["page"] == page.address
        assert Master("spark://a:1,b:1", [other.address, away]).state()["status"] == "STANDBY"
        with pytest.raises(pages.NoAnswer, match=f"{away}/json/: Connection refused"):
            Master("spark://a:1", [away]).state()
    finally:
        other.close()


def test_an_application_that_the_master_still_has_is_ended(page: Page, master: Master) -> None:
    page.state["activeapps"] = [{"id": "app-1", "state": "RUNNING"}]
    assert master.end("app-1", patience=0.1) == "KILLED"
    assert page.asked == ["/app/kill/?id=app-1&terminate=true"]


def test_an_application_that_has_ended_is_left_alone(page: Page, master: Master, closed: int) -> None:
    page.state["completedapps"] = [{"id": "app-1", "state": "FINISHED"}]
    assert master.end("app-1") == "FINISHED"
    assert master.end("app-2") == ""
    assert Master("spark://a:1", [f"http://127.0.0.1:{closed}"]).end("app-1") == ""
    assert page.asked == []


def test_workers_of_this_account_on_this_machine_see_its_files(page: Page, closed: int) -> None:
    here = worker(port=page.port)
    assert sees_this_home(cluster(here, worker("DEAD", host="192.0.2.1")))
    assert not sees_this_home(cluster(here, worker(host="192.0.2.1", port=page.port)))
    assert not sees_this_home(cluster(here, worker(port=closed)))
    assert not sees_this_home(cluster())


def test_ports_belong_to_the_process_that_listens() -> None:
    code = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        port = int(child.stdout.readline())
        assert ports.of_process(child.pid) == {port}
        assert port not in ports.of_process(os.getpid())
        assert ports.listening()[port] == os.getuid()
        child.communicate(b"\n")
    assert ports.of_process(child.pid) == set()


def test_the_address_towards_a_host_is_one_of_this_machines() -> None:
    assert ports.towards("127.0.0.1", 7077) == "127.0.0.1"
    assert ports.towards("", -1) == ""
    assert {"127.0.0.1", "localhost", socket.gethostname()} <= ports.own_addresses()
