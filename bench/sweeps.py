"""What a sweep costs: 100 trials that do nothing beside other tools, the controller's own part, and how long a slot stays empty.

    .venv/bin/python bench/sweeps.py [--rounds N] [--trials N] [--without ray,optuna] [--only whole,controller,gap]

`whole`: a sweep on two slots, from the command line to its end, and the same by Ray Tune, Optuna and `xargs -P2`, in turn, N times
after a small warm-up of each. Medians are printed, and the ratio to xargs and to Turnout in the same round. Each tool is
installed in an environment of its own by this script (uv, from PyPI), with bytecode.
`controller`: the processor time of the sweep's own process at 1,000 random trials.
`gap`: with two trials at a time on two slots, from the end of a trial's process to the first line of the one that follows,
over the time that a lone submit takes from Running to its first line.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from submit import TURNOUT, install, machine

from turnout.runtime import records
from turnout.runtime.record import RunRecord
from turnout.testing.living import pids_naming

SLOTS = 2
PARTS = ("whole", "controller", "gap")
TRIAL = """\
import argparse
from turnout import Run

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
arguments = parser.parse_args()
Run.get_context().log("score", arguments.x)
"""
BUSY = """\
import time
BEGUN = time.time()
import argparse
from turnout import Run

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
arguments = parser.parse_args()
run = Run.get_context()
run.log("begun", BEGUN)
run.log("score", arguments.x)
time.sleep(0.3)  # its work
"""
# Nothing but the argument and the metric: in Ray's own process for a trial, no interpreter of the script's is started.
RAY = """\
import json, os, sys, time
import ray
from ray import tune

def trial(config):
    tune.report({"score": config["x"]})

trials, directory = int(sys.argv[1]), sys.argv[2]
began = time.time()
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=directory)
ready = time.time() - began
try:
    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space={"x": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(metric="score", mode="max", num_samples=trials, max_concurrent_trials=2),
        run_config=tune.RunConfig(storage_path=os.path.join(directory, "results"), verbose=0),
    )
    results = tuner.fit()
    scores = [result.metrics["score"] for result in results]
    assert len(scores) == trials and not results.num_errors
finally:
    ray.shutdown()
print(json.dumps({"init": ready}))
"""
OPTUNA_STUDY = """\
import sys
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.WARNING)

def study():
    return optuna.load_study(
        study_name="bench", storage=JournalStorage(JournalFileBackend(sys.argv[1])), sampler=optuna.samplers.RandomSampler()
    )
"""
OPTUNA_CREATE = """\
from bench_study import JournalFileBackend, JournalStorage, optuna, sys

optuna.create_study(study_name="bench", direction="maximize", storage=JournalStorage(JournalFileBackend(sys.argv[1])))
"""
# As its documentation has it: the same script in any number of processes, each of which loads the study. One trial in each.
OPTUNA_TRIAL = """\
from bench_study import study

study().optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
"""
# Two workers, whose objective starts a script that knows nothing of Optuna and prints its score.
OPTUNA_WORKER = """\
import subprocess
from bench_study import study, sys

def objective(trial):
    argv = [sys.executable, "plain.py", "--x", str(trial.suggest_float("x", 0, 1))]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

study().optimize(objective, n_trials=int(sys.argv[2]))
"""
PLAIN = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
print(parser.parse_args().x)
"""
OPTUNA_COUNT = """\
from bench_study import optuna, study

print(sum(trial.state == optuna.trial.TrialState.COMPLETE for trial in study().trials))
"""
SWEEP_ID = re.compile(r"^submitted (\S+)$", re.MULTILINE)
Measure = Callable[[int], dict[str, float]]
"""Carries out so many trials; returns seconds by what they are called."""


class Bench:
    """What all parts need: a project, a home of this bench's own, and a way to run commands."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.project = work / "project"
        self.project.mkdir()
        (self.project / "train.py").write_text(TRIAL)
        (self.project / "busy.py").write_text(BUSY)
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        for name in ("TURNOUT_WORKSPACE", "TURNOUT_INDEX"):
            self.environment.pop(name, None)
        self.environment["TURNOUT_HOME"] = str(work / "home")
        self.environment["RAY_USAGE_STATS_ENABLED"] = "0"
        self.runs = work / "home" / "workspaces" / "default" / "runs"
        self.run([str(TURNOUT), "target", "update", "local", "--slots", str(SLOTS)])
        self.submit("train.py", "--x", "0")  # ships the runtime and compiles it

    def run(
        self, command: list[str], words: str = "", directory: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; end the bench when it fails."""
        done = subprocess.run(
            command, cwd=directory or self.project, env=self.environment, capture_output=True, text=True, input=words
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done

    def submit(self, *words: str) -> RunRecord:
        """Submit one run, wait for it, and return its record."""
        done = self.run([str(TURNOUT), "submit", "--json", "--environment", sys.executable, *words])
        return RunRecord(str(self.runs / json.loads(done.stdout)["id"]))

    def sweep(self, script: str, trials: int, *options: str) -> tuple[RunRecord, list[RunRecord]]:
        """Carry out a sweep; return its record and its trials', which are all Completed."""
        command = [str(TURNOUT), "sweep", "start", "--environment", sys.executable, "--uniform", "x=0,1"]
        command += ["--max-total-runs", str(trials), "--maximize", "score", *options, script]
        done = self.run(command)
        found = SWEEP_ID.search(done.stderr)
        if not found:
            sys.exit(f"{' '.join(command)} named no sweep\n{done.stdout}\n{done.stderr}")
        made = [RunRecord(str(self.runs / f"{found[1]}_{number}")) for number in range(trials)]
        states = [record.status()[0] for record in made if record.exists()]
        if states.count("Completed") != trials:
            sys.exit(f"of {trials} trials {states.count('Completed')} are Completed: {sorted(set(states))}")
        return RunRecord(str(self.runs / found[1])), made


def whole(bench: Bench, chosen: argparse.Namespace) -> None:
    """Time whole sweeps, by Turnout and by others."""
    measures = dict(everyone(bench, set(chosen.without.split(","))))
    taken: dict[str, list[float]] = {}
    for round_ in range(chosen.rounds + 1):
        for measure in measures.values():
            for name, seconds in measure(chosen.trials if round_ else 2 * SLOTS).items():
                taken.setdefault(name, [])
                if round_:
                    taken[name].append(seconds)
    print(f"\na sweep of {chosen.trials} trials that do nothing, {SLOTS} at a time; {chosen.rounds} rounds, medians")
    print(f"{'':44}{'end':>9}{'over xargs':>12}{'over turnout':>14}")
    for name, times in taken.items():
        ratios = "".join(
            f"{ratio(times, taken[other]):{width}.2f} x" for other, width in (("xargs -P2", 10), ("turnout", 12))
        )
        print(f"{name:44}{statistics.median(times):7.2f} s{ratios}")
    print("to be: turnout at most 1.5 x xargs, and every other tool over 1 x turnout")


def ratio(times: list[float], others: list[float]) -> float:
    """Return the median ratio of two series within a round."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))


def timed(act: Callable[[], Any]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def everyone(bench: Bench, without: set[str]) -> Iterator[tuple[str, Measure]]:
    """Yield each tool that can be had."""
    yield "xargs", lambda trials: {"xargs -P2": timed(lambda: with_xargs(bench, trials))}
    yield "turnout", lambda trials: {"turnout": timed(lambda: bench.sweep("train.py", trials))}
    if "ray" not in without and (python := install(bench.work / "ray-environment", "ray[tune]")):
        yield "ray", with_ray(bench, str(python))
    if "optuna" not in without and (python := install(bench.work / "optuna-environment", "optuna")):
        yield "optuna", with_optuna(bench, str(python))


def with_xargs(bench: Bench, trials: int) -> None:
    """Start the script of a trial so often, twice at a time; outside of a run it records into a directory beside it."""
    words = "\n".join(str(number / trials) for number in range(trials))
    bench.run(["xargs", "-P", str(SLOTS), "-n", "1", sys.executable, "train.py", "--x"], words)
    shutil.rmtree(bench.project / "offline-runs", ignore_errors=True)


def with_ray(bench: Bench, python: str) -> Measure:
    """Return what has Ray Tune carry out the trials, in a Ray of this bench's own."""
    script = bench.work / "with_ray.py"
    script.write_text(RAY)

    def measure(trials: int) -> dict[str, float]:
        directory = Path(tempfile.mkdtemp(prefix="r", dir=bench.work))  # a short path: Ray keeps sockets below it
        try:
            began = time.perf_counter()
            done = bench.run([python, str(script), str(trials), str(directory)], directory=bench.work)
            seconds = time.perf_counter() - began
        finally:
            end_all(str(directory))
            shutil.rmtree(directory, ignore_errors=True)
        init = json.loads(done.stdout.splitlines()[-1])["init"]
        return {"Ray Tune": seconds, "Ray Tune, without ray.init": seconds - init}

    return measure


def end_all(directory: str) -> None:
    """End what a Ray that was cut short has left running; `ray stop` would end those of other people, too."""
    for pid in pids_naming(directory):
        try:
            os.kill(pid, 9)
        except OSError:
            pass


def with_optuna(bench: Bench, python: str) -> Measure:
    """Return what has Optuna carry out the trials: each in a process of its own, in two ways."""
    directory = bench.work / "with_optuna"
    directory.mkdir()
    texts = {"bench_study": OPTUNA_STUDY, "create": OPTUNA_CREATE, "trial": OPTUNA_TRIAL, "worker": OPTUNA_WORKER}
    for name, text in {**texts, "count": OPTUNA_COUNT, "plain": PLAIN}.items():
        (directory / f"{name}.py").write_text(text)
    journal = directory / "journal.log"

    def each_its_own(trials: int) -> None:
        bench.run([python, "create.py", str(journal)], directory=directory)
        loop = ["xargs", "-P", str(SLOTS), "-n", "1", python, "trial.py", str(journal)]
        bench.run(loop, "\n".join(map(str, range(trials))), directory)

    def by_workers(trials: int) -> None:
        bench.run([python, "create.py", str(journal)], directory=directory)
        loop = ["xargs", "-P", str(SLOTS), "-n", "1", python, "worker.py", str(journal)]
        bench.run(loop, "\n".join(str(len(range(first, trials, SLOTS))) for first in range(SLOTS)), directory)

    def measure(trials: int) -> dict[str, float]:
        found = {}
        for name, act in (
            ("Optuna, in each trial's process", each_its_own),
            ("Optuna, 2 workers that start a bare script", by_workers),
        ):
            found[name] = timed(lambda act=act: act(trials))  # type: ignore[misc]
            count = int(bench.run([python, "count.py", str(journal)], directory=directory).stdout)
            if count != trials:
                sys.exit(f"{name}: {count} of {trials} trials are there")
            journal.unlink()
        return found

    return measure


def controller(bench: Bench, chosen: argparse.Namespace) -> None:
    """Print the processor time of the controller, a trial."""
    trials = chosen.controller_trials
    began = time.perf_counter()
    sweep, _ = bench.sweep("train.py", trials)
    seconds = time.perf_counter() - began
    spent = float(sweep.result()["cpu_seconds"])
    print(f"\nthe controller's processor time at {trials} random trials ({seconds:.1f} s in all)")
    print(f"{spent:.2f} s, {spent / trials * 1e3:.1f} ms a trial (budget 20)")


def gap(bench: Bench, chosen: argparse.Namespace) -> None:
    """Print how long a slot stays empty between two trials."""
    alone, lone = [], []
    gaps: list[float] = []
    for _ in range(chosen.rounds):
        for _ in range(5):
            record = bench.submit("busy.py", "--x", "0")
            begun = float(record.metrics()["begun"])
            alone.append(begun - moment(record, "Running"))
            lone.append(begun - moment(record, "NotStarted"))
        _, trials = bench.sweep("busy.py", chosen.gap_trials, "--max-concurrent-runs", str(SLOTS))
        gaps += empty(trials)
    own = statistics.median(alone)
    print(
        f"\nfrom a trial's end to the next one's first line, 2 at a time on 2 slots: {len(gaps)} gaps, trials of 0.3 s"
    )
    print(f"{'':44}{'median':>9}{'90 %':>9}")
    rows = {"a lone submit, Running to its first line": alone, "a lone submit, made to its first line": lone}
    for name, times in {
        **rows,
        "gap": gaps,
        "gap over Running to first line (budget 150)": [each - own for each in gaps],
    }.items():
        print(f"{name:44}{statistics.median(times) * 1e3:6.0f} ms{percentile(times, 90) * 1e3:6.0f} ms")


def empty(trials: Iterable[RunRecord]) -> list[float]:
    """Return for how long slots were empty: the Nth trial to begin takes the slot of the one that ended as the (N - 2)th."""
    known = list(trials)
    begun = sorted(float(record.metrics()["begun"]) for record in known)
    ended = sorted(float(records.read_json(record.layout.exit)["ended"]) for record in known)
    return [begin - end for begin, end in zip(begun[SLOTS:], ended, strict=False)]


def moment(record: RunRecord, state: str) -> float:
    """Return when a run came to a state, as its journal says."""
    return next(float(line["t"]) for line in record.journal() if line["state"] == state)


def percentile(values: list[float], share: int) -> float:
    """Return the value below which so many percent lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--trials", type=int, default=100, help="of a whole sweep")
    options.add_argument("--controller-trials", type=int, default=1000)
    options.add_argument("--gap-trials", type=int, default=40)
    options.add_argument("--without", default="", metavar="ray,optuna")
    options.add_argument("--only", default=",".join(PARTS), metavar=",".join(PARTS))
    chosen = options.parse_args()
    only = chosen.only.split(",")
    if unknown := set(only) - set(PARTS):
        options.error(f"--only takes {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    work = Path(tempfile.mkdtemp(prefix="turnout-bench-"))
    try:
        bench = Bench(work)
        print(f"machine: {machine()}")
        for part, carry_out in zip(PARTS, (whole, controller, gap), strict=True):
            if part in only:
                carry_out(bench, chosen)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
