"""What the queue costs: memory while runs wait, and the time in which they all run, beside `xargs -P`.

    .venv/bin/python bench/run_queue.py [--runs 1000] [--slots 2] [--kill SECONDS]

A first run holds all slots until every other one is queued; then it ends, and the clock runs until the last one has. `xargs -P2`
starts the same interpreter on the same script as often. With `--kill`, a random process of Turnout's (a dispatcher, a
supervisor) gets SIGKILL every so many seconds; the bench then looks at the queue once a second, as a person would. In the
end every run must be Completed, must have run once, and must have started in its turn.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from submit import machine

from turnout.runtime import layout, members, processes, records
from turnout.runtime.record import RunRecord

BLOCKER = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.05)\n"
NOTHING = "import os, sys\nos.write(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND), (sys.argv[2] + '\\n').encode())\n"


def ours() -> list[int]:
    """Return the pids of the processes of the runtime that work for this bench's home."""
    home = os.environ["TURNOUT_HOME"].encode()
    return [
        pid
        for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
        if members.is_runtime(pid) and home in words(pid)
    ]


def words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def resident(pids: list[int]) -> tuple[int, int]:
    """Return bytes resident of processes together: each page as often as it is mapped, and shared pages in parts."""
    each = shared = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        values = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        each += values["Rss"] * 1024
        shared += values["Pss"] * 1024
    return each, shared


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--slots", type=int, default=2)
    options.add_argument("--kill", type=float, default=0.0, metavar="SECONDS")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    work = Path(tempfile.mkdtemp(prefix="turnout-bench-"))
    os.environ["TURNOUT_HOME"] = str(work / "home")
    os.environ["TURNOUT_INDEX"] = ""
    project = work / "project"
    project.mkdir()
    (project / "blocker.py").write_text(BLOCKER)
    (project / "nothing.py").write_text(NOTHING)

    from turnout import Experiment, ScriptRunConfig, Workspace
    from turnout.config.sections import ResourceConfiguration
    from turnout.targets.compute_target import ComputeTarget

    workspace = Workspace.from_config()
    ComputeTarget(workspace, "local").scheduler().configure(slots=chosen.slots)
    experiment = Experiment(workspace, "queue")
    gate, seen = work / "gate", work / "seen"
    blocker = ScriptRunConfig(str(project), script="blocker.py", arguments=[str(gate)])
    blocker.run_config.resource_configuration = ResourceConfiguration(cpu=chosen.slots)
    first = experiment.submit(blocker)
    while first.get_status() != "Running":
        time.sleep(0.05)
    print(f"machine: {machine()}")
    began = time.perf_counter()
    runs = []
    for number in range(chosen.runs):
        runs.append(
            experiment.submit(ScriptRunConfig(str(project), script="nothing.py", arguments=[str(seen), str(number)]))
        )
    seconds = time.perf_counter() - began
    print(f"submitted {chosen.runs} runs in {seconds:.2f} s, {seconds / chosen.runs * 1e3:.1f} ms each")
    while RunRecord(runs[-1].layout.root).status()[0] != "Queued":
        time.sleep(0.05)
    pids = ours()
    each, shared = resident(pids)
    print(
        f"while they wait: {len(pids)} processes (dispatcher; supervisor and keeper of the run that holds the slots), "
        f"{each / 1e6:.1f} MB resident, {shared / 1e6:.1f} MB with shared pages counted once"
    )

    interpreter = records.read_json(first.layout.environment)["interpreter"]
    random.seed(chosen.seed)
    kills = 0
    began = time.perf_counter()
    gate.touch()
    last = time.monotonic()
    while True:
        time.sleep(0.02)
        done = len(seen.read_text().splitlines()) if seen.exists() else 0
        if done >= chosen.runs and all(
            RunRecord(run.layout.root).status()[0] in ("Completed", "Failed") for run in runs
        ):
            break
        if chosen.kill and time.monotonic() - last >= chosen.kill:
            last = time.monotonic()
            victims = [pid for pid in ours() if not is_keeper(pid)]
            if victims:
                try:
                    os.kill(random.choice(victims), signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
            ComputeTarget(workspace, "local").scheduler().queue()
            for run in runs:
                if RunRecord(run.layout.root).status()[0] not in ("Completed", "Queued", "NotStarted"):
                    run.get_status()
    turnout = time.perf_counter() - began
    order = [int(line) for line in seen.read_text().splitlines()]
    states = [RunRecord(run.layout.root).status()[0] for run in runs]
    late = max(abs(place - number) for place, number in enumerate(order))
    print(
        f"ran: {states.count('Completed')} Completed of {chosen.runs}, {len(order)} executions, {len(set(order))} different, "
        f"{kills} kills; none further than {late} places from its turn"
    )
    left = [pid for pid in ours() if processes.start_time(pid)]
    print(
        f"left over: {len(left)} processes, {len(os.listdir(layout.Home(str(work / 'home')).queue_here.started))} entries"
    )
    began = time.perf_counter()
    other = work / "xargs"
    subprocess.run(
        ["xargs", "-P", str(chosen.slots), "-n", "1", interpreter, str(project / "nothing.py"), str(other)],
        input="\n".join(map(str, range(chosen.runs))).encode(),
        check=True,
    )
    xargs = time.perf_counter() - began
    each_run = f"turnout {turnout:.2f} s, {turnout / chosen.runs * 1e3:.1f} ms a run"
    print(f"{each_run}; xargs -P{chosen.slots} {xargs:.2f} s; {turnout / xargs:.2f} x")
    if states.count("Completed") != chosen.runs or sorted(order) != list(range(chosen.runs)):
        sys.exit("a run was lost or doubled")


def is_keeper(pid: int) -> bool:
    """Say whether a process is a keeper: its parent is one of ours, and it leads a session with no child of ours."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    parent = int(fields[1])
    grandparent = 0
    try:
        grandparent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        pass
    return members.is_runtime(parent) and members.is_runtime(grandparent)


if __name__ == "__main__":
    main()
