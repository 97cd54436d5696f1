"""Submits to a Spark cluster beside bare `spark-submit`: a session alone, iris, and a word count.

    .venv/bin/python bench/spark.py [--megabytes 200] [--rounds 5]

The cluster is a real one, made here: a master and two workers with a processor each (`turnout.testing.sparkcluster`). Every
figure is a whole process, from the command line to its end; both ways have the same Spark, Python, packages and settings.
What Turnout adds beyond them is told, too: bare with the event log that a run's record has.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from submit import machine

from turnout.testing.sparkcluster import QUICK, SparkCluster

TURNOUT = str(Path(sys.executable).with_name("turnout"))
EXAMPLES = Path(__file__).parents[1] / "examples"
SESSION = "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().stop()\n"
SETTINGS = {
    "spark.executor.memory": "512m",
    "spark.driver.extraJavaOptions": QUICK,
    "spark.executor.extraJavaOptions": QUICK,
}
"""Of both ways. A Java that compiles less takes less of the processors that the compared ways share, so there is less noise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=200, help="of the word count")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("session", "iris", "words"), action="append", help="leave the others out")
    chosen = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="turnout-bench-") as top, SparkCluster(Path(top) / "cluster") as cluster:
        os.environ["TURNOUT_HOME"] = os.path.join(top, "home")
        Bench(Path(top), cluster, chosen).run()


class Bench:
    """The compared ways."""

    def __init__(self, top: Path, cluster: SparkCluster, chosen: argparse.Namespace) -> None:
        self.top, self.cluster, self.chosen = top, cluster, chosen
        (top / "session").mkdir()
        (top / "session" / "session.py").write_text(SESSION)

    def run(self) -> None:
        print(f"{machine()}; a master and two workers, one processor each; every figure is a whole process")
        settings = [word for name, value in SETTINGS.items() for word in ("--conf", f"{name}={value}")]
        page = ("--spark-page", self.cluster.page)
        self.call(self.top, [TURNOUT, "target", "add", "spark", "--spark-master", self.cluster.url, *page, *settings])
        megabytes = str(self.chosen.megabytes)
        cases = {
            "session": (self.top / "session", ["session.py"], "numpy\n"),
            "iris": (EXAMPLES / "spark-iris", ["train.py"], (EXAMPLES / "spark-iris/requirements.txt").read_text()),
            "words": (EXAMPLES / "spark-wordcount", ["count.py", "--megabytes", megabytes], "numpy\n"),
        }
        for name, (project, words, requirements) in cases.items():
            if not self.chosen.only or name in self.chosen.only:
                title = f"{name}, {megabytes} MB" if name == "words" else name
                self.compare(title, project, words, requirements)

    def compare(self, title: str, project: Path, words: list[str], requirements: str) -> None:
        packages = self.top / f"{title.split(',')[0]}.txt"
        packages.write_text(requirements)
        submit = [
            TURNOUT,
            "submit",
            "--target",
            "spark",
            "--framework",
            "pyspark",
            "--environment",
            str(packages),
            *words,
        ]
        self.call(project, submit)  # builds the environment
        shown = json.loads(self.call(project, [TURNOUT, "show", "@last", "--json"]))
        python = shown["environment"]["interpreter"]
        scratch = self.top / "scratch"
        scratch.mkdir(exist_ok=True)
        bare = [
            *(self.cluster.submit, "--master", self.cluster.url),
            *("--conf", f"spark.pyspark.python={python}", "--conf", "spark.driver.host=127.0.0.1"),
            *(word for name, value in SETTINGS.items() for word in ("--conf", f"{name}={value}")),
        ]
        modules = [str(path) for path in project.glob("*.py") if path.name != words[0]]
        script = [*(("--py-files", ",".join(modules)) if modules else ()), str(project / words[0]), *words[1:]]
        events = self.top / "events"
        events.mkdir(exist_ok=True)
        log = ["--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir=file://{events}"]
        ways: dict[str, Callable[[], str]] = {
            "turnout submit": lambda: self.call(project, submit),
            "spark-submit": lambda: self.call(scratch, [*bare, *script]),
            "spark-submit, with its event log": lambda: self.call(
                scratch, [*bare, *log, "--conf", "spark.eventLog.compress=true", *script]
            ),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(self.chosen.rounds):
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                taken[name].append(time.perf_counter() - began)
        base = statistics.median(taken["spark-submit"])
        for name, seconds in taken.items():
            middle = statistics.median(seconds)
            over = statistics.median(one - other for one, other in zip(seconds, taken["spark-submit"], strict=True))
            print(f"{title + ':':18}{middle:8.2f} s  {middle / base:5.2f} x  {over:+6.2f} s in the same round   {name}")

    def call(self, directory: Path, command: list[str]) -> str:
        variables = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
            "SPARK_HOME": self.cluster.home,
        }
        done = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


if __name__ == "__main__":
    main()
