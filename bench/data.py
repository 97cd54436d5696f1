"""What a dataset of many files adds to a run of this machine: to the submit, and to the time until the run has ended.

    .venv/bin/python bench/data.py [--files N] [--runs N]

The files are small: what is timed is looking at them, not reading them. The first submit hashes all; later ones find them as
they were.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CODE = """
import sys, time
from turnout import Dataset, Environment, Experiment, ScriptRunConfig, Workspace

ws = Workspace.from_config()
store = ws.get_default_datastore()
environment = Environment("own")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable


def timed(arguments):
    config = ScriptRunConfig("project", "train.py", arguments=arguments, environment=environment)
    began = time.perf_counter()
    run = Experiment(ws, "data").submit(config)
    submitted = time.perf_counter()
    run.wait_for_completion()
    return submitted - began, time.perf_counter() - submitted


timed([])
files = Dataset.File.from_files((store, "many"))
kinds = {
    "no data": lambda: [],
    "mounted": lambda: [files.as_named_input("files").as_mount()],
    "half of it, mounted": lambda: [files.take(int(sys.argv[1]) // 2).as_named_input("files").as_mount()],
    "downloaded": lambda: [files.as_named_input("files").as_download()],
}
print("first", timed(kinds["mounted"]())[0])
for _ in range(int(sys.argv[2])):
    for name, arguments in kinds.items():
        print(name, *timed(arguments()), sep=";")
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["TURNOUT_HOME"] = f"{work}/home"
        top = Path(work, "home/workspaces/default/storage/workspaceblobstore/many")
        for number in range(chosen.files):
            path = top / f"d{number % 100}" / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}\n")
        Path(work, "project").mkdir()
        Path(work, "project", "train.py").write_text("pass\n")
        time.sleep(2.1)  # files younger than two seconds are not trusted by any stat cache
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(chosen.files), str(chosen.runs)],
            cwd=work,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    first, *lines = done.stdout.splitlines()
    taken: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        name, submit, rest = line.split(";")
        taken.setdefault(name, []).append((float(submit), float(rest)))
    print(f"{chosen.files} files, {os.cpu_count()} cores, medians of {chosen.runs} rounds")
    print(f"{'':24}{'submit':>10}{'to the end':>14}")
    for name, figures in taken.items():
        submit, rest = (statistics.median(column) * 1000 for column in zip(*figures, strict=True))
        print(f"{name:24}{submit:7.0f} ms{rest:11.0f} ms")
    print(f"{'mounted, the first time':24}{float(first.split()[-1]) * 1000:7.0f} ms")


if __name__ == "__main__":
    main()
