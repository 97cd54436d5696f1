"""Times environments: a found one, building from a warm cache beside the bare tools, and many runs that want one at once.

    python bench/environments.py [--rounds 7] [--runs 200] [--no-pip] [REQUIREMENT…]

Everything happens in temporary directories; uv's and pip's own caches are warmed by a first round that isn't counted.
The figures are medians; the compared builds take turns, so that a busy machine slows both. Each kind of environment
is a line in `KINDS`: what it is compared with.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submit import machine

from turnout.environments import resolution
from turnout.runtime import builders, filelocks, layout, records
from turnout.runtime.builders import pythons
from turnout.runtime.record import RunRecord

REQUIREMENTS = ["numpy==2.1.0", "pandas==2.2.3", "scikit-learn==1.5.2", "requests", "pyyaml"]
TURNOUT = "turnout, as its supervisor builds"
_SLOTS = 2

Way = Callable[[], None]

SUBMITTER = """
import sys, time
import json, os, re, hashlib, typing  # what any submit has loaded
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
import json
from turnout.runtime import layout, supervisor  # what a supervisor has loaded
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


@dataclass
class Comparison:
    """What building an environment of one kind is compared with.

    Attributes:
        ways: by name, what makes the same environment by other means.
        slow: those of them that are measured twice only.
        base: the one of `ways` that a build is a multiple of.
        budget: the multiple that it may be; None where there is none.
        clean: removes what `ways` have made.
    """

    ways: dict[str, Way]
    slow: dict[str, Way]
    base: str
    budget: float | None
    clean: Way


def bare_uv(top: str, home: layout.Home, environment: dict[str, Any], pip: bool) -> Comparison:
    """Return what a uv environment is compared with."""
    lock = Path(top, "lock.txt")
    lock.write_text("\n".join(environment["lock"]["requirements"]) + "\n")
    uv, plain = os.path.join(home.tools, "uv"), os.path.join(top, "plain")

    def by_uv(wanted: str) -> Way:
        def build() -> None:
            run([uv, "venv", "--quiet", "--no-project", "--python", wanted, plain])
            run([uv, "pip", "sync", "--quiet", "--python", f"{plain}/bin/python", str(lock)])

        return build

    def by_pip() -> None:
        run([sys.executable, "-m", "venv", plain])
        run([f"{plain}/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])

    python = pythons.own(environment["python"]) or environment["python"]
    base = "uv venv --python X.Y && uv pip sync"
    ways = {"uv venv --python PATH && uv pip sync": by_uv(python), base: by_uv(environment["python"])}
    slow = {"python -m venv && pip install": by_pip} if pip else {}
    return Comparison(ways, slow, base, 1.2, lambda: shutil.rmtree(plain, ignore_errors=True))


KINDS = {"uv": bare_uv}
"""Kind of environment → what building one is compared with."""


def main() -> None:
    arguments = parsed()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # start-up is timed as people have it
    top = tempfile.mkdtemp(prefix="turnout-bench-")
    try:
        measure(top, arguments)
    finally:
        shutil.rmtree(top)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=200, help="how many runs ask for one missing environment at once")
    parser.add_argument("--no-pip", dest="pip", action="store_false", help="leave out the slow comparison with pip")
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT")
    return parser.parse_args()


def measure(top: str, arguments: argparse.Namespace) -> None:
    home = layout.Home(os.path.join(top, "home"))
    requirements = arguments.requirements or REQUIREMENTS
    definition = {"name": "bench", "python": {"condaDependencies": {"dependencies": [{"pip": requirements}]}}}
    print(f"machine: {machine()}")
    environment = resolution.resolve(definition, home, home.workspace("bench"), lambda line: None)
    print(f"environment: {' '.join(requirements)} ({len(environment['lock']['requirements'])} packages)")
    build(home, environment)
    found(home, definition, environment, arguments.rounds)
    comparison = KINDS[environment["kind"]](top, home, environment, arguments.pip)
    built(top, home, environment, comparison, arguments.rounds)
    if arguments.runs:
        many(top, requirements, arguments.runs)


def found(home: layout.Home, definition: dict[str, Any], environment: dict[str, Any], rounds: int) -> None:
    """Print what an environment that is there adds to a run, imports included, in processes of their own."""
    submitter, supervisor = [], []
    for _ in range(rounds):
        submitter.append(answer(SUBMITTER, home.root, json.dumps(definition)))
        supervisor.append(answer(SUPERVISOR, home.root, json.dumps(environment)))
    for word, middle in (("median", statistics.median), ("fastest", min)):
        print(
            f"found environment, {word}: submitter {middle(submitter):.1f} ms + supervisor {middle(supervisor):.1f} ms "
            f"= {middle(submitter) + middle(supervisor):.1f} ms (budget 20)"
        )


def answer(code: str, *arguments: str) -> float:
    return float(subprocess.check_output([sys.executable, "-c", code, *arguments], env=variables()))


def build(home: layout.Home, environment: dict[str, Any]) -> None:
    with open(os.devnull, "wb", buffering=0) as log:
        builders.build(environment, home, log)


def built(top: str, home: layout.Home, environment: dict[str, Any], comparison: Comparison, rounds: int) -> None:
    """Print how long building takes, and how it compares."""
    described = Path(top, "environment.json")
    records.write_json(str(described), environment)
    key = environment["key"]

    def clean() -> None:
        comparison.clean()
        shutil.rmtree(home.environment(key), ignore_errors=True)
        Path(home.environment(key) + ".json").unlink(missing_ok=True)

    ways: dict[str, Way] = {
        TURNOUT: lambda: build(home, environment),
        "turnout, a process of its own": lambda: run([sys.executable, "-c", BUILDER, home.root, str(described)]),
        **comparison.ways,
    }
    times = {**compare(ways, clean, rounds), **compare(comparison.slow, clean, 2)}
    base = times[comparison.base]
    for name, seconds in times.items():
        print(f"build, warm cache: {seconds * 1000:7.0f} ms  {seconds / base:6.2f} x  {name}")
    if comparison.budget is not None:
        ratio = times[TURNOUT] / base
        print(f"budget: turnout ≤ {comparison.budget} x {comparison.base}; it is {ratio:.2f} x")


def compare(ways: dict[str, Way], clean: Way, rounds: int) -> dict[str, float]:
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


def many(top: str, requirements: list[str], count: int) -> None:
    """Print how often an environment is built for which many runs wait at once, and how long they all take.

    Its lock is held until all of them are there; `xargs` starts the same interpreter on the same script as often.
    """
    from turnout import Environment, Experiment, ScriptRunConfig, Workspace
    from turnout.targets.compute_target import ComputeTarget

    os.environ["TURNOUT_HOME"], os.environ["TURNOUT_INDEX"] = os.path.join(top, "many"), ""
    project = Path(top, "project")
    project.mkdir()
    Path(project, "nothing.py").write_text("")
    Path(top, "requirements.txt").write_text("\n".join(requirements) + "\n")
    environment = Environment.from_pip_requirements("bench", os.path.join(top, "requirements.txt"))
    config = ScriptRunConfig(str(project), script="nothing.py", environment=environment)
    workspace = Workspace.from_config()
    ComputeTarget(workspace, "local").scheduler().configure(slots=_SLOTS)
    home = workspace.layout.home
    definition = environment.serialize()
    key = resolution.resolve(definition, home, workspace.layout, lambda line: None)["key"]
    os.makedirs(home.environments, layout.DIRECTORY_MODE, exist_ok=True)
    lock = filelocks.try_lock(home.environment(key) + ".lock")
    assert lock is not None
    experiment = Experiment(workspace, "many")
    runs = [RunRecord(experiment.submit(config).layout.root) for _ in range(count)]
    began = time.perf_counter()
    os.close(lock)
    for record in runs:
        while record.status()[0] not in ("Completed", "Failed"):
            time.sleep(0.02)
    seconds = time.perf_counter() - began
    logs = [Path(run.layout.environment_log) for run in runs]
    builds = sum(log.read_text().count("turnout: building environment") for log in logs if log.exists())
    ended = [run.status()[0] for run in runs].count("Completed")
    facts = runs[0].environment()
    began = time.perf_counter()
    words = ["xargs", "-P", str(_SLOTS), "-n", "1", facts["interpreter"], str(project / "nothing.py")]
    subprocess.run(words, input="\n".join(map(str, range(count))).encode(), check=True)
    xargs = time.perf_counter() - began
    print(
        f"{count} runs wait for one environment: built {builds} x in {facts['build_seconds']:.2f} s, {ended} Completed "
        f"after {seconds:.2f} s; xargs -P{_SLOTS} {xargs:.2f} s, {seconds / xargs:.2f} x"
    )
    if (builds, ended) != (1, count):
        sys.exit("it was built more than once, or a run was lost")


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables())


def variables() -> dict[str, str]:
    """Return this process's variables, as people have them: a virtual environment of their own is not in use."""
    return {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}


if __name__ == "__main__":
    main()
