"""The process beside a driver: what it asks of a real page, writes to the record and says in the cluster's log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.runtime.record import RunRecord
from turnout.runtime.spark import watching
from turnout.runtime.spark.master import Master
from turnout.testing import living, records, sparkparts

ID = "app-20261125110024-0000"


class Driver:
    """A process with a page as a driver has one: it serves what lies in a directory.

    Attributes:
        pid: its process.
        port: where its page is.
    """

    def __init__(self, directory: Path) -> None:
        self._root = directory / "api" / "v1" / "applications"
        self._root.mkdir(parents=True)
        words = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(directory)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split(" port ")[1].split()[0])
        self.pid = self.process.pid

    @property
    def settings(self) -> dict[str, str]:
        """The settings by which its page is found."""
        return {"spark.ui.port": str(self.port), "spark.port.maxRetries": "0", "spark.driver.host": "10.0.0.5"}

    def begin(self, identity: str = ID) -> None:
        """Have an application, with neither executors nor jobs."""
        (self._root / "index.html").write_text(json.dumps([{"id": identity, "name": "count.py", "attempts": []}]))
        (self._root / identity).mkdir()
        self.has(identity, executors=[{"id": "driver", "isActive": True, "hostPort": "10.0.0.5:1"}], jobs=[])

    def has(self, identity: str = ID, **parts: list[dict[str, Any]]) -> None:
        """Have these executors or jobs."""
        for name, values in parts.items():
            (self._root / identity / ("allexecutors" if name == "executors" else name)).write_text(json.dumps(values))

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def run(home: Path) -> layout.RunLayout:
    made = records.make_run(records.make_workspace(str(home)), "count_1", state="Running")
    for directory in (made.spark_events, made.system_logs):
        os.makedirs(directory)
    return made


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    made = Driver(tmp_path / "page")
    yield made
    made.end()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a driver's page from its first moment on."""
    monkeypatch.setattr(watching, "_FIRST", 0.0)


def watch(run: layout.RunLayout, driver: Driver, master: Master | None = None) -> watching.Watch:
    return watching.Watch(run, driver.pid, "spark://h:7077", master, driver.settings)


def executor(number: int, **values: Any) -> dict[str, Any]:
    made = {
        "id": str(number),
        "hostPort": f"10.0.0.{number}:40000",
        "isActive": True,
        "totalCores": 2,
        "addTime": f"{number}",
    }
    return {**made, **values}


def job(number: int, status: str, done: int) -> dict[str, Any]:
    return {
        "jobId": number, "name": "collect at count.py:9", "status": status, "stageIds": [number], "numTasks": 8,
        "numCompletedTasks": done, "numSkippedTasks": 0, "numFailedTasks": 0, "numCompletedStages": int(status == "SUCCEEDED"),
        "numSkippedStages": 0, "numFailedStages": 0,
    }  # fmt: skip


def test_the_event_log_names_the_application_before_the_page_is_asked(run: layout.RunLayout, driver: Driver) -> None:
    beside = watch(run, driver)
    assert beside.look() == []
    assert not os.path.exists(run.application)
    Path(run.spark_events, f"{ID}.zstd.inprogress").touch()
    assert beside.look() == [f"application {ID} at http://10.0.0.5:{driver.port}"]
    kept = RunRecord(run.root).application()
    assert (kept["id"], kept["page"]) == (ID, f"http://10.0.0.5:{driver.port}")
    assert "jobs" not in kept  # a driver that has just begun has other things to do
    assert beside.look() == []


@pytest.mark.usefixtures("at_once")
def test_what_the_page_tells_is_kept_and_said_once(run: layout.RunLayout, driver: Driver) -> None:
    beside = watch(run, driver)
    assert beside.look() == []  # it answers with an error yet
    driver.begin()
    assert beside.look() == [f"application {ID} at http://10.0.0.5:{driver.port}"]
    driver.has(executors=[executor(1), executor(2)], jobs=[job(0, "RUNNING", 3)])
    assert beside.look() == ["executor 1 on 10.0.0.1:40000 with 2 cores", "executor 2 on 10.0.0.2:40000 with 2 cores"]
    assert RunRecord(run.root).application()["tasks"] == {"done": 3, "failed": 0, "known": 8}
    driver.has(jobs=[job(0, "SUCCEEDED", 8)])
    assert beside.look() == ["job 0 (collect at count.py:9) done: 1 stages, 8 tasks"]
    assert beside.look() == []


@pytest.mark.usefixtures("at_once")
def test_a_lost_executor_alone_is_written_too(run: layout.RunLayout, driver: Driver) -> None:
    beside = watch(run, driver)
    driver.begin()
    driver.has(executors=[executor(1)])
    beside.look()
    driver.has(executors=[executor(1, isActive=False, removeReason="worker lost:\nno heartbeat")])
    assert beside.look() == ["executor 1 on 10.0.0.1:40000 is lost: worker lost: no heartbeat"]
    assert RunRecord(run.root).application()["executors"] == {
        "now": 0, "ever": 1, "lost": [{"id": "1", "host": "10.0.0.1:40000", "reason": "worker lost: no heartbeat"}],
    }  # fmt: skip


@pytest.mark.usefixtures("at_once")
def test_a_later_one_goes_on_from_what_an_earlier_one_kept(run: layout.RunLayout, driver: Driver) -> None:
    driver.begin()
    driver.has(executors=[executor(1)], jobs=[job(0, "SUCCEEDED", 8)])
    assert len(watch(run, driver).look()) == 3
    later = watch(run, driver)
    assert later.look() == []
    driver.has(jobs=[job(0, "SUCCEEDED", 8), job(1, "FAILED", 2)])
    assert later.look() == ["job 1 (collect at count.py:9) failed: 1 stages, 8 tasks"]


@pytest.mark.usefixtures("at_once")
def test_a_job_without_executors_waits_for_what_the_master_says(run: layout.RunLayout, driver: Driver) -> None:
    driver.begin()
    driver.has(jobs=[job(0, "RUNNING", 0)])
    with sparkparts.MasterPage() as page:
        page.state["activeapps"] = [{"id": ID, "state": "WAITING", "memoryperexecutor": 2048}]
        page.add_worker(memory=1024)
        beside = watch(run, driver, Master(page.url, [page.page]))
        said = [line for _ in range(3) for line in beside.look()]
        reason = "an executor asks for 2 GB of memory (spark.executor.memory), and the largest worker has 1 GB"
        assert said == [f"application {ID} at http://10.0.0.5:{driver.port}", f"waits: {reason}"]
        kept = RunRecord(run.root).application()
        assert (kept["waiting"], kept["state"]) == (reason, "WAITING")
        page.state["activeapps"] = [{"id": ID, "state": "RUNNING", "memoryperexecutor": 2048}]
        driver.has(executors=[executor(1)])
        assert beside.look() == ["executor 1 on 10.0.0.1:40000 with 2 cores", "waits no more"]
        kept = RunRecord(run.root).application()
        assert (kept["waiting"], kept["state"]) == ("", "RUNNING")


@pytest.mark.usefixtures("at_once")
def test_a_job_that_waits_a_moment_is_not_said_to_wait(run: layout.RunLayout, driver: Driver) -> None:
    driver.begin()
    driver.has(jobs=[job(0, "RUNNING", 0)])
    beside = watch(run, driver)
    for _ in range(2):
        beside.look()
    driver.has(executors=[executor(1)])
    assert beside.look() == ["executor 1 on 10.0.0.1:40000 with 2 cores"]
    assert RunRecord(run.root).application()["waiting"] == ""


@pytest.mark.usefixtures("at_once")
def test_a_driver_that_has_gone_is_no_news(run: layout.RunLayout, driver: Driver) -> None:
    driver.begin()
    beside = watch(run, driver)
    beside.look()
    before = Path(run.application).read_bytes()
    driver.end()
    assert beside.look() == []
    assert Path(run.application).read_bytes() == before


@pytest.mark.parametrize(
    ("names", "identity"),
    [
        ([], ""),
        (["app-1-0000.zstd.inprogress"], "app-1-0000"),
        (["local-1700000000000"], "local-1700000000000"),
        (["eventlog_v2_app-1-0001"], "app-1-0001"),
        (["app-1-0000.zstd", "app-1-0001.inprogress"], "app-1-0001"),
        (["app-1-0001", "app-1-0000.inprogress"], "app-1-0000"),
    ],
)
def test_the_newest_event_log_names_the_application(run: layout.RunLayout, names: list[str], identity: str) -> None:
    for number, name in enumerate(names):
        path = Path(run.spark_events, name)
        path.touch()
        os.utime(path, (number, number))
    assert watching.logged(run) == identity


WATCHED = """
import os, signal, sys
from turnout.runtime import layout
from turnout.runtime.spark import watching
watching._FIRST, watching._EVERY = 0.0, 0.01
signal.signal(signal.SIGTERM, signal.SIG_IGN)
run = layout.RunLayout(sys.argv[1])
pid = watching.start(run, int(sys.argv[2]), "spark://h:7077", None, {"spark.ui.port": sys.argv[3]})
print(pid, flush=True)
print(os.waitpid(pid, 0)[1], flush=True)
"""


def test_it_ends_with_the_driver_and_has_said_what_there_was(run: layout.RunLayout, driver: Driver) -> None:
    driver.begin()
    words = [sys.executable, "-c", WATCHED, run.root, str(driver.pid), str(driver.port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert int(supervisor.stdout.readline()) != supervisor.pid
        living.until(lambda: os.path.exists(run.cluster_log))
        driver.end()
        assert supervisor.stdout.readline() == "0\n"
    log = Path(run.cluster_log).read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in log] == [
        f"application {ID} at http://{os.uname().nodename}:{driver.port}"
    ]
