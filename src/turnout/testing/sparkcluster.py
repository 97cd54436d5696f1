"""Real standalone Spark clusters for tests and benchmarks: a master and its workers, from the package pyspark.

    with SparkCluster(directory) as cluster:
        subprocess.run([cluster.submit, "--master", cluster.url, "script.py"])

Each process listens on ports that were free; all end with `down`, with `with`, or with the process that made them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from turnout.runtime.spark import installation

if TYPE_CHECKING:
    from turnout.testing.remotehost import RemoteHost

PATIENCE = 90.0
"""Seconds that a daemon may take to start on a machine that others use too."""

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
"""Options of a Java that starts soon; for daemons and drivers that don't live long."""

_MASTER = "org.apache.spark.deploy.master.Master"
_WORKER = "org.apache.spark.deploy.worker.Worker"


class MissingSpark(Exception):
    """A cluster can't be made here; the text names what is missing and how to get it."""


def require() -> str:
    """Return the directory of a Spark to make clusters of.

    Raises:
        MissingSpark: there is no pyspark in this Python, or no Java that suits it.
    """
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise MissingSpark("pyspark isn't installed (pip install 'turnout[spark]')")
    home = os.path.dirname(found.origin)
    try:
        installation.java(os.environ, installation.spark(os.environ, named=home).version)
    except installation.NotFound as error:
        raise MissingSpark(str(error)) from error
    return home


class SparkCluster:
    """A master and workers on this machine; `with` takes them up and down.

    Attributes:
        home: Spark's directory.
        url: the master's, `spark://HOST:PORT`.
        page: the address of its web page.
        workers: the processes of the workers that were started.

    Args:
        directory: for logs and the workers' files.
        home: Spark's directory, as the processes see it; that of the package by default.
        workers: how many to start.
        cores: processors of each.
        memory: of each, as Spark writes it.
        host: a remote host on which to start it; by default it is started here.
        port: the master's; any that is free by default.
    """

    def __init__(
        self,
        directory: Path,
        home: str | None = None,
        workers: int = 2,
        cores: int = 1,
        memory: str = "1g",
        host: RemoteHost | None = None,
        port: int = 0,
    ) -> None:
        self.home = home or require()
        self._directory = directory
        self._count, self._cores, self._memory = workers, cores, memory
        self._host, self._port = host, port
        self._address = "127.0.0.1" if host is None else host.address
        self._master: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.url = self.page = ""

    @classmethod
    def on(cls, host: RemoteHost, workers: int = 2) -> SparkCluster:
        """Return a cluster on a remote host, with a Spark of its own; the account is that of the host."""
        there = host.path("spark")
        if not there.exists():
            linked = ["cp", "-a", "--link", require(), str(there)]
            if subprocess.run(linked, stderr=subprocess.DEVNULL, check=False).returncode:
                shutil.rmtree(there, ignore_errors=True)
                shutil.copytree(require(), there, symlinks=True)
        host.run("mkdir -p cluster")
        return cls(host.path("cluster"), f"{host.home}/spark", workers, host=host)

    @property
    def _there(self) -> str:
        """The directory as the processes see it."""
        return str(self._directory) if self._host is None else f"{self._host.home}/{self._directory.name}"

    @property
    def submit(self) -> str:
        """The command `spark-submit` of the cluster's Spark."""
        return os.path.join(self.home, "bin/spark-submit")

    def up(self) -> SparkCluster:
        """Start the master, then the workers; return when all are there."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._master = self._start(
            "master", _MASTER, "--host", self._address, "--port", str(self._port), "--webui-port", "0"
        )
        told = self._expect("master", r"Starting Spark master at (spark://\S+)")
        self.url = told.group(1)
        port = self._expect("master", r"Successfully started service 'MasterUI' on port (\d+)").group(1)
        self.page = f"http://{self._address}:{port}"
        self._await(lambda: self.state()["status"] == "ALIVE", "the master")
        for _ in range(self._count):
            self.add_worker()
        self._await(lambda: len(self.alive()) == self._count, "the workers")
        return self

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        name = f"worker{len(self.workers)}"
        worker = self._start(
            name, _WORKER, "--host", self._address, "--cores", str(self._cores), "--memory", self._memory,
            "--webui-port", "0", "--work-dir", f"{self._there}/{name}", self.url,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def state(self) -> dict[str, Any]:
        """Return what the master's page tells."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.page + "/json/", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def alive(self) -> list[dict[str, Any]]:
        """Return the workers that live."""
        return [each for each in self.state()["workers"] if each["state"] == "ALIVE"]

    def running(self) -> list[dict[str, Any]]:
        """Return the applications that the master has."""
        found: list[dict[str, Any]] = self.state()["activeapps"]
        return found

    def ended(self) -> list[dict[str, Any]]:
        """Return the applications that it had."""
        found: list[dict[str, Any]] = self.state()["completedapps"]
        return found

    def down(self) -> None:
        """End all of it, with the executors."""
        for process in [*self.workers, *([self._master] if self._master else [])]:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        for index in range(len(self.workers)):
            shutil.rmtree(self._directory / f"worker{index}", ignore_errors=True)
        self.workers.clear()
        self._master = None

    def kill_worker(self, index: int) -> None:
        """Kill a worker and its executors at once, as when its machine loses power."""
        os.killpg(self.workers[index].pid, signal.SIGKILL)
        self.workers[index].wait()

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        java = installation.java(os.environ)
        variables = {
            "PATH": os.defpath, "HOME": self._there, "JAVA_HOME": java.home, "SPARK_HOME": self.home,
            "SPARK_LOCAL_IP": self._address, "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": QUICK,
            "SPARK_CONF_DIR": f"{self._there}/conf", "SPARK_LAUNCHER_OPTS": QUICK,
        }  # fmt: skip
        with open(self._directory / f"{name}.log", "wb") as log:
            return subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", *(self._host.within() if self._host else ())),
                    *("env", "-i", f"--chdir={self._there}", *(f"{key}={value}" for key, value in variables.items())),
                    *(os.path.join(self.home, "bin/spark-class"), *words),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _expect(self, name: str, pattern: str) -> re.Match[str]:
        found: list[re.Match[str]] = []

        def look() -> bool:
            match = re.search(pattern, (self._directory / f"{name}.log").read_text(errors="replace"))
            if match:
                found.append(match)
            return bool(match)

        self._await(look, name)
        return found[0]

    def _await(self, happened: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if happened():
                    return
            except (OSError, ValueError):
                pass  # its page isn't there yet, or has nothing to say
            if time.monotonic() > deadline:
                logs = "\n".join(
                    path.read_text(errors="replace")[-2000:] for path in sorted(self._directory.glob("*.log"))
                )
                raise AssertionError(f"{what} of the Spark cluster did not start within {PATIENCE:g} s\n{logs}")
            time.sleep(0.05)  # neither a log nor a page sends an event

    def __enter__(self) -> SparkCluster:
        try:
            return self.up()
        except BaseException:
            self.down()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()
