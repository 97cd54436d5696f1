"""Times the index over a workspace of many runs, and a chart of many points.

    python bench/index.py [--runs 100000] [--points 100000] [--directory DIR]

The workspace is made of real run records (run.json, journal, result, one metric), below DIR or the system's temporary
directory, and removed at the end. Each question is asked first in a fresh process ("first": what a command pays, after
the imports) and then again ("again": what a server pays); the best of five of either.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

from turnout.history.index import Index
from turnout.runtime import layout, states
from turnout.testing import records as testing

EXPERIMENTS = 20
CREATED = 1_700_000_000
CHART_RUN = "chart_1600000000_00000000"

QUESTION = """
import json, sys, time
from turnout.history.index import Index
from turnout.runtime.layout import WorkspaceLayout
name, arguments = sys.argv[2], json.loads(sys.argv[3])
index = Index(WorkspaceLayout(sys.argv[1]))
times = []
for _ in range(6):
    began = time.perf_counter()
    getattr(index, name)(*arguments.get("args", []), **arguments.get("kwargs", {}))
    times.append(time.perf_counter() - began)
print(json.dumps([times[0], min(times[1:])]))
"""

QUESTIONS = [
    ("newest 50 runs", "list_runs", {"kwargs": {"limit": 50}}, 50),
    ("newest 50 of one experiment", "list_runs", {"kwargs": {"limit": 50, "experiment": "experiment-7"}}, None),
    ("newest 50 that failed (1 %)", "list_runs", {"kwargs": {"limit": 50, "status": ["Failed"]}}, None),
    ("newest 50 with a rare tag (0.1 %)", "list_runs", {"kwargs": {"limit": 50, "tags": {"rare": "yes"}}}, None),
    ("newest 50 with a common tag (50 %)", "list_runs", {"kwargs": {"limit": 50, "tags": {"half": "yes"}}}, None),
    ("newest 50 after the first 90 %", "list_runs", {"kwargs": {"limit": 50, "offset": 0.9}}, None),
    ("experiments", "experiments", {}, None),
    ("refresh, nothing new", "refresh", {}, None),
    ("chart", "metric_series", {"args": [CHART_RUN, "loss"]}, 100),
]


def main() -> None:
    arguments = parsed()
    top = tempfile.mkdtemp(prefix="turnout-bench-", dir=arguments.directory)
    try:
        workspace = testing.make_workspace(os.path.join(top, "home"))
        rows = [("question", "first ms", "again ms", "budget ms", "")]
        rows += build(workspace, arguments.runs, arguments.points)
        time.sleep(2.1)  # until the runs directory counts as settled
        rows += ask(workspace, arguments.runs)
        rows += change(workspace)
        print_table(rows)
        print(f"\n{arguments.runs:,} runs, a chart of {arguments.points:,} points, index {size(workspace):.0f} MB")
        print(machine())
    finally:
        shutil.rmtree(top)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--directory", help="where to make the workspace")
    return parser.parse_args()


def build(workspace: layout.WorkspaceLayout, runs: int, points: int) -> list[tuple[str, ...]]:
    for number in range(runs):
        write_run(workspace, number)
    chart = [testing.metric("loss", 1.0 / (step + 1), step=step, t=CREATED + step) for step in range(points)]
    testing.make_run(workspace, CHART_RUN, created=CREATED - 1, events_by_writer={"w": chart}, mark=False)
    began = time.perf_counter()
    Index(workspace).reindex()
    spent = time.perf_counter() - began
    return [("reindex", f"{spent * 1000:.0f}", "", "", f"{spent / (runs + 1) * 1e6:.0f} µs a run")]


def write_run(workspace: layout.WorkspaceLayout, number: int) -> None:
    """Write a small ended run, without the ceremony of `make_run`."""
    created = CREATED + number
    run_id = f"experiment-{number % EXPERIMENTS}_{created}_{number:08x}"
    state = states.FAILED if number % 100 == 0 else states.COMPLETED
    tags = {"half": "yes" if number % 2 else "no", **({"rare": "yes"} if number % 1000 == 0 else {})}
    run = workspace.run(run_id)
    os.makedirs(run.events)
    definition = {
        "id": run_id,
        "number": number // EXPERIMENTS + 1,
        "experiment": f"experiment-{number % EXPERIMENTS}",
        "display_name": run_id,
        "created": created,
        "type": "azureml.scriptrun",
        "parent": None,
        "root": run_id,
        "target": {"name": "local", "type": "local"},
        "snapshot": {"id": f"{number % 50:064x}", "files": 1, "bytes": 100},
        "tags": tags,
        "properties": {"azureml.git.commit": f"{number % 50:040x}"},
    }
    with open(run.definition, "w") as stream:
        json.dump(definition, stream)
    with open(run.journal, "w") as stream:
        for step, name in enumerate((states.NOT_STARTED, states.RUNNING, states.FINALIZING, state)):
            stream.write(json.dumps({"t": created + step, "state": name, "reason": ""}) + "\n")
    with open(run.result, "w") as stream:
        json.dump({"state": state, "exit_code": 0, "started": created + 1, "ended": created + 3}, stream)
    with open(os.path.join(run.events, "w.jsonl"), "w") as stream:
        stream.write(json.dumps({"t": created, **testing.metric("mse", 3295.71)}) + "\n")


def ask(workspace: layout.WorkspaceLayout, runs: int) -> list[tuple[str, ...]]:
    rows = []
    for title, name, arguments, budget in QUESTIONS:
        offset = arguments.get("kwargs", {}).get("offset")
        if offset:
            arguments["kwargs"]["offset"] = int(runs * offset)
        command = [sys.executable, "-c", QUESTION, workspace.root, name, json.dumps(arguments)]
        pairs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(5)]
        first, again = (min(pair[position] for pair in pairs) * 1000 for position in (0, 1))
        verdict = "" if budget is None else "kept" if first <= budget else "MISSED"
        rows.append((title, f"{first:.1f}", f"{again:.1f}", str(budget or ""), verdict))
    return rows


def change(workspace: layout.WorkspaceLayout) -> list[tuple[str, ...]]:
    """Time the refresh that takes in one new run."""
    index = Index(workspace)
    times = []
    for _ in range(5):
        testing.make_run(workspace)
        began = time.perf_counter()
        index.refresh()
        times.append(time.perf_counter() - began)
    return [("refresh, one new run", "", f"{min(times) * 1000:.1f}", "", "")]


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:4], widths[1:4], strict=True)),
        ]
        print("  ".join([*cells, row[4]]).rstrip())


def size(workspace: layout.WorkspaceLayout) -> float:
    return os.stat(workspace.index).st_size / 1e6


def machine() -> str:
    import sqlalchemy

    model = "unknown processor"
    try:
        with open("/proc/cpuinfo") as stream:
            model = next((line.split(":")[1].strip() for line in stream if line.startswith("model name")), model)
    except OSError:
        pass
    return (
        f"{os.cpu_count()} cores, {model}; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, SQLAlchemy {sqlalchemy.__version__}"
    )


if __name__ == "__main__":
    main()
