"""What a submit costs: time to the script's first line and to the end, beside what people use instead.

    .venv/bin/python bench/submit.py [--runs N] [--without mlflow,submitit]

Each tool is installed in an environment of its own by this script (uv, from PyPI). All run the same script of one line, in turn,
N times after one warm-up; medians are printed, and the ratio to bare python in the same round.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = "import time, sys; open(sys.argv[1], 'w').write(repr(time.time()))\n"
TURNOUT = Path(sys.executable).with_name("turnout")


def machine() -> str:
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.release()}"


def install(where: Path, *packages: str) -> Path | None:
    from uv import find_uv_bin

    for words in (
        ["venv", "--quiet", str(where)],
        ["pip", "install", "--quiet", "--python", str(where / "bin/python"), "--compile-bytecode", *packages],
    ):
        done = subprocess.run([find_uv_bin(), *words], capture_output=True, text=True)
        if done.returncode:
            print(f"(left out: {packages[0]}: {done.stderr.strip().splitlines()[-1]})")
            return None
    return where / "bin" / "python"


def once(command: list[str], stamp: Path, directory: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Return seconds to the script's first line and to the command's end."""
    stamp.unlink(missing_ok=True)
    began = time.time()
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    ended = time.time()
    if done.returncode or not stamp.exists():
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return float(stamp.read_text()) - began, ended - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=9)
    options.add_argument("--without", default="")
    chosen = options.parse_args()
    without = set(chosen.without.split(","))
    work = Path(tempfile.mkdtemp(prefix="turnout-bench-"))
    project = work / "project"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT)
    stamp = work / "stamp"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.update(TURNOUT_HOME=str(work / "home"), MLFLOW_TRACKING_URI=f"sqlite:///{work}/mlflow.db")
    commands = {
        "bare python": [os.path.realpath(sys.executable), "train.py", str(stamp)],
        "turnout submit --wait": [str(TURNOUT), "submit", "train.py", str(stamp)],
        "turnout, current interpreter": [
            str(TURNOUT),
            "submit",
            "--environment",
            os.path.realpath(sys.executable),
            "train.py",
            str(stamp),
        ],
    }
    if "submitit" not in without and (python := install(work / "submitit", "submitit")):
        (work / "with_submitit.py").write_text(
            "import submitit, sys\n"
            "executor = submitit.LocalExecutor(folder=sys.argv[2])\n"
            "executor.submit(submitit.helpers.CommandFunction([sys.executable, 'train.py', sys.argv[1]], verbose=False)).result()\n"
        )
        commands["submitit (LocalExecutor)"] = [
            str(python),
            str(work / "with_submitit.py"),
            str(stamp),
            str(work / "submitit-log"),
        ]
    if "mlflow" not in without and (python := install(work / "mlflow", "mlflow", "virtualenv")):
        (project / "MLproject").write_text(
            "name: bench\nentry_points:\n  main:\n    parameters: {stamp: string}\n    command: 'python train.py {stamp}'\n"
        )
        environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
        commands["mlflow run --env-manager local"] = [
            str(python.with_name("mlflow")),
            "run",
            "--env-manager",
            "local",
            "-P",
            f"stamp={stamp}",
            ".",
        ]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    try:
        for round_ in range(chosen.runs + 1):
            for name, command in commands.items():
                figures = once(command, stamp, project, environment)
                if round_:
                    taken[name].append(figures)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"machine: {machine()}; {chosen.runs} rounds, medians")
    print(f"{'':32}{'first line':>12}{'end':>10}{'end over bare':>16}")
    bare = statistics.median(end for _, end in taken["bare python"])
    for name, figures in taken.items():
        first = statistics.median(figure[0] for figure in figures)
        end = statistics.median(figure[1] for figure in figures)
        print(f"{name:32}{first * 1000:9.0f} ms{end * 1000:7.0f} ms{(end - bare) * 1000:+13.0f} ms")
    empty, imported = (import_cost(code) for code in ("", "import turnout"))
    print(f"import turnout: {(imported - empty) * 1000:+.1f} ms over an empty python -c ''")


def import_cost(code: str) -> float:
    """Return the median seconds of a python that carries out `code`."""
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
