"""What a call of `run.log` costs a training script, beside the plainest alternative: printing JSON to a file.

    python bench/run_log.py [--calls 100000] [--rounds 5] [--directory DIR]

Each round logs the same values through `Run.get_context()` of a real run's record and through
`print(json.dumps(...), file=f, flush=True)`; best and median round of each are shown. Ends with 1 when the budget
(15 µs a call, 60,000 calls a second) is missed.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src"))

from turnout.runtime import layout, records
from turnout.runtime.script import ownership
from turnout.runtime.script.run import Run

BUDGET_MICROSECONDS = 15.0
BUDGET_CALLS = 60_000


def make_run(home):
    """Make a record that a script could be running in, and point this process at it."""
    workspace = layout.Home(home).workspace("bench")
    os.makedirs(workspace.runs)
    definition = {"experiment": "bench", "workspace": {"id": "0", "name": "bench"}}
    os.environ[layout.RUN_DIRECTORY_VARIABLE] = ownership.create_run(workspace, definition)
    return Run.get_context()


def time_log(run, calls):
    log = run.log
    begun = time.perf_counter()
    for number in range(calls):
        log("loss", 1.0 / (number + 1))
    return (time.perf_counter() - begun) / calls


def time_log_step(run, calls):
    log = run.log
    begun = time.perf_counter()
    for number in range(calls):
        log("loss at", 1.0 / (number + 1), step=number)
    return (time.perf_counter() - begun) / calls


def time_print(path, calls):
    with open(path, "a", encoding="utf-8") as stream:
        begun = time.perf_counter()
        for number in range(calls):
            print(json.dumps({"t": time.time(), "name": "loss", "value": 1.0 / (number + 1)}), file=stream, flush=True)
        return (time.perf_counter() - begun) / calls


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000, help="calls a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", help="where the record goes; the system's temporary directory by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as top:
        run = make_run(top)
        rows = {"run.log(name, value)": [], "run.log(name, value, step=n)": [], "print(json.dumps(…), flush=True)": []}
        for _ in range(options.rounds):
            rows["run.log(name, value)"].append(time_log(run, options.calls))
            rows["run.log(name, value, step=n)"].append(time_log_step(run, options.calls))
            path = os.path.join(top, "printed.jsonl")
            rows["print(json.dumps(…), flush=True)"].append(time_print(path, options.calls))
        written = [records.read_lines(os.path.join(run.layout.events, name)) for name in os.listdir(run.layout.events)]
        kept = sum(len(values) for values, _, _ in written)
    cores = os.cpu_count()
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    print(f"{options.rounds} rounds of {options.calls} calls; {kept} events in the record")
    print(f"{'':36}{'best':>10}{'median':>10}{'calls/s':>12}")
    for name, seconds in rows.items():
        best, median = min(seconds), statistics.median(seconds)
        print(f"{name:36}{best * 1e6:>8.2f}µs{median * 1e6:>8.2f}µs{1 / median:>12,.0f}")
    median = statistics.median(rows["run.log(name, value)"])
    ratio = median / statistics.median(rows["print(json.dumps(…), flush=True)"])
    good = median * 1e6 <= BUDGET_MICROSECONDS and 1 / median >= BUDGET_CALLS
    print(f"run.log over print: {ratio:.2f}")
    print(f"budget: {BUDGET_MICROSECONDS:g} µs a call, {BUDGET_CALLS:,} calls a second: {'met' if good else 'MISSED'}")
    return 0 if good and kept == 2 * options.rounds * options.calls else 1


if __name__ == "__main__":
    sys.exit(main())
