"""Times environments: a found one, and building from a warm cache, beside `uv venv && uv pip sync` and `venv` + pip.

    python bench/environments.py [--rounds 7] [--no-pip] [REQUIREMENT…]

Everything happens in temporary directories; uv's and pip's own caches are warmed by a first round that isn't counted.
The figures are medians; the compared builds take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turnout.environments import resolution
from turnout.runtime import builders, layout, records
from turnout.runtime.builders import pythons

REQUIREMENTS = ["scikit-learn==1.5.2"]
TURNOUT = "turnout, as its supervisor builds"

SUBMITTER = """
import sys, time
import json, os, re, hashlib  # what any submit has loaded
from turnout.runtime import layout, records
import turnout.exceptions
began = time.perf_counter()
from turnout.environments import resolution
home = layout.Home(sys.argv[1])
resolution.resolve(json.loads(sys.argv[2]), home, home.workspace("bench"), lambda line: None)
print((time.perf_counter() - began) * 1000)
"""

SUPERVISOR = """
import sys, time
import json, os
from turnout.runtime import layout, records
began = time.perf_counter()
from turnout.runtime import builders
assert builders.find(json.loads(sys.argv[2]), layout.Home(sys.argv[1])) is not None
print((time.perf_counter() - began) * 1000)
"""

BUILDER = """
import sys
from turnout.runtime import builders, layout, records
builders.build(records.read_json(sys.argv[2]), layout.Home(sys.argv[1]), 2)
"""


def main() -> None:
    arguments = parsed()
    top = tempfile.mkdtemp(prefix="turnout-bench-")
    try:
        measure(top, arguments.requirements or REQUIREMENTS, arguments.rounds, arguments.pip)
    finally:
        shutil.rmtree(top)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-pip", dest="pip", action="store_false", help="leave out the slow comparison with pip")
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT")
    return parser.parse_args()


def measure(top: str, requirements: list[str], rounds: int, with_pip: bool) -> None:
    home = layout.Home(os.path.join(top, "home"))
    definition = {"name": "bench", "python": {"condaDependencies": {"dependencies": [{"pip": requirements}]}}}
    print(machine())
    environment = resolution.resolve(definition, home, home.workspace("bench"), lambda line: None)
    print(f"environment: {' '.join(requirements)} ({len(environment['lock']['requirements'])} packages)")
    with open(os.devnull, "wb", buffering=0) as log:
        builders.build(environment, home, log)
    found(home, definition, environment, rounds)
    built(top, home, environment, rounds, with_pip)


def found(home: layout.Home, definition: dict[str, Any], environment: dict[str, Any], rounds: int) -> None:
    """Print what an environment that is there adds to a run, imports included, in processes of their own."""
    submitter = [answer(SUBMITTER, home.root, json.dumps(definition)) for _ in range(rounds)]
    supervisor = [answer(SUPERVISOR, home.root, json.dumps(environment)) for _ in range(rounds)]
    total = statistics.median(submitter) + statistics.median(supervisor)
    print(
        f"found environment: submitter {statistics.median(submitter):.1f} ms + supervisor "
        f"{statistics.median(supervisor):.1f} ms = {total:.1f} ms (budget 20)"
    )


def answer(code: str, *arguments: str) -> float:
    return float(subprocess.check_output([sys.executable, "-c", code, *arguments], env=variables()))


def built(top: str, home: layout.Home, environment: dict[str, Any], rounds: int, with_pip: bool) -> None:
    """Print how long building takes, and how it compares."""
    described = Path(top, "environment.json")
    records.write_json(str(described), environment)
    lock = Path(top, "lock.txt")
    lock.write_text("\n".join(environment["lock"]["requirements"]) + "\n")
    uv, plain = os.path.join(home.tools, "uv"), os.path.join(top, "plain")
    python, key = pythons.own(environment["python"]) or environment["python"], environment["key"]

    def by_turnout() -> None:
        run([sys.executable, "-c", BUILDER, home.root, str(described)])

    def in_process() -> None:
        with open(os.devnull, "wb", buffering=0) as log:
            builders.build(environment, home, log)

    def by_uv(wanted: str) -> Callable[[], None]:
        def build() -> None:
            run([uv, "venv", "--quiet", "--no-project", "--python", wanted, plain])
            run([uv, "pip", "sync", "--quiet", "--python", f"{plain}/bin/python", str(lock)])

        return build

    def by_pip() -> None:
        run([sys.executable, "-m", "venv", plain])
        run([f"{plain}/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])

    def clean() -> None:
        shutil.rmtree(plain, ignore_errors=True)
        shutil.rmtree(home.environment(key), ignore_errors=True)
        Path(home.environment(key) + ".json").unlink(missing_ok=True)

    ways: dict[str, Callable[[], None]] = {
        TURNOUT: in_process,
        "turnout, a process of its own": by_turnout,
        "uv venv --python PATH && uv pip sync": by_uv(python),
        "uv venv --python X.Y && uv pip sync": by_uv(environment["python"]),
    }
    times = compare(ways, clean, rounds)
    if with_pip:
        times.update(compare({"python -m venv && pip install": by_pip}, clean, 2))
    base = times["uv venv --python X.Y && uv pip sync"]
    for name, seconds in times.items():
        print(f"build, warm cache: {seconds * 1000:7.0f} ms  {seconds / base:6.2f} x  {name}")
    print(f"budget: turnout ≤ 1.2 x uv venv && uv pip sync; it is {times[TURNOUT] / base:.2f} x")


def compare(ways: dict[str, Callable[[], None]], clean: Callable[[], None], rounds: int) -> dict[str, float]:
    """Return the median seconds of each way; they take turns, and the first round only warms caches."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            clean()
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    clean()
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables())


def variables() -> dict[str, str]:
    """Return this process's variables, with bytecode kept: start-up is timed as people have it."""
    values = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
    }
    return {**values, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"machine: {platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
