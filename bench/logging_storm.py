"""A storm of metrics: many processes log at once into runs of one workspace while another lists runs all the time.

    .venv/bin/python bench/logging_storm.py [--processes 20] [--points 50000]

Checks that every point is in the record and in the index, in order per writer, and prints how long it took. The tests
carry out a smaller one (`storm` of this file).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOG = """\
import sys, time
from turnout import Experiment, Workspace
run = Experiment(Workspace.from_config(), "storm").start_logging(snapshot_directory=None)
print(run.id, flush=True)
sys.stdin.read(1)
began = time.perf_counter()
for value in range(int(sys.argv[1])):
    run.log("value", value)
spent = time.perf_counter() - began
run.complete()
print(spent, flush=True)
"""

LIST = """\
import sys, time
from turnout import Workspace
from turnout.history.index import Index
from turnout.run import look_at
ws = Workspace.from_config()
lists, slowest = 0, 0.0
while not sys.stdin.closed:
    began = time.perf_counter()
    index = Index(ws.layout)
    index.refresh(look_at(ws))
    rows = index.list_runs()
    assert len(rows) == int(sys.argv[1]), len(rows)
    for row in rows[:1]:
        index.last_metrics(row.id)
    lists += 1
    slowest = max(slowest, time.perf_counter() - began)
    if all(row.status == "Completed" for row in rows):
        break
print(lists, slowest, flush=True)
"""


def storm(home: Path, processes: int, points: int) -> dict[str, float]:
    """Carry out one storm in an empty home; return what was measured.

    Raises:
        AssertionError: a point is missing, or out of order.
    """
    environment = {**os.environ, "TURNOUT_HOME": str(home)}
    environment.pop("TURNOUT_RUN_DIRECTORY", None)

    def start(code: str, argument: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(argument)],
            cwd=home.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    writers = [start(LOG, points) for _ in range(processes)]
    ids = [writer.stdout.readline().strip() for writer in writers if writer.stdout]
    assert all(ids), "a writer did not begin its run"
    reader = start(LIST, processes)
    began = time.perf_counter()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("x")
        writer.stdin.flush()
    seconds = [float(writer.communicate()[0]) for writer in writers]
    took = time.perf_counter() - began
    assert [writer.returncode for writer in writers] == [0] * processes
    told = reader.communicate()[0].split()
    assert reader.returncode == 0, "the one that lists has failed"
    settled = time.perf_counter() - began
    check(home, ids, points)
    return {
        "points": processes * points,
        "seconds": took,
        "slowest log": max(seconds) / points * 1e6,
        "until all is in the index": settled,
        "lists meanwhile": float(told[0]),
        "slowest list": float(told[1]),
    }


def check(home: Path, ids: list[str], points: int) -> None:
    """Every point is there, in order: in the record, in the index as it grew, and in one made anew."""
    from turnout.history.index import Index
    from turnout.runtime.layout import Home
    from turnout.runtime.record import RunRecord

    workspace = Home(str(home)).workspace("default")
    expected = list(range(points))
    for run_id in ids:
        assert RunRecord(workspace.run(run_id).root).metrics()["value"] == expected, run_id
    index = Index(workspace)
    index.refresh()
    for again in (False, True):
        if again:
            index.reindex()
        for run_id in ids:
            (series,) = index.metric_series(run_id, "value")
            assert series.values == expected, run_id


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--processes", type=int, default=20)
    options.add_argument("--points", type=int, default=50_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="turnout-storm-") as directory:
        for what, value in storm(Path(directory) / "home", chosen.processes, chosen.points).items():
            print(f"{what:28} {value:,.1f}")


if __name__ == "__main__":
    main()
