"""Breaks things for as long as it is told: submits, cancels and looks, while processes of Turnout's are killed at random.

    .venv/bin/python bench/soak.py [--seconds 60] [--kill 0.3] [--seed 1] [--slots 2]

Submitters (the real command line), dispatchers, supervisors, builders, keepers and index writers get SIGKILL at random moments.
At the end everyone is left in peace, the queue runs dry, and each run is checked against what its script noted outside of
Turnout: it ended once and with the truth, it ran at most once, nothing that a call had returned from is missing, no slot is
taken, no process is left, and the index equals one that is made anew. Ends with 1 if anything was lost.
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
from collections import Counter
from pathlib import Path
from typing import Any

from submit import TURNOUT, machine

from turnout.runtime import agent, members, runqueue, states
from turnout.runtime.bundle import ship
from turnout.runtime.record import RunRecord
from turnout.testing.living import pids_naming

SCRIPT = """
import os, sys, time
from turnout import Run
directory, lines, code, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
run = Run.get_context()
side = os.open(os.path.join(directory, run.id), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(side, b"begun\\n")
for number in range(lines):
    run.log("n", number)
    print("line", number, flush=True)
    os.write(side, b"%d\\n" % number)
    time.sleep(seconds / lines)
os.write(side, b"ended\\n")
sys.exit(code)
"""


class Soak:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.work = Path(tempfile.mkdtemp(prefix="turnout-soak-"))
        self.side = self.work / "side"
        self.project = self.work / "project"
        for path in (self.side, self.project):
            path.mkdir()
        (self.project / "train.py").write_text(SCRIPT)
        os.environ["TURNOUT_HOME"] = str(self.work / "home")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        from turnout.workspace import Workspace

        self.workspace = Workspace.from_config()
        self.home = self.workspace.home
        self.runtime = ship(self.home)
        agent.handle(self.home, {"operation": "configure", "slots": options.slots, "runtime": self.runtime})
        self.commands: list[subprocess.Popen[bytes]] = []
        self.kills: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()

    def submit(self) -> None:
        choice = self.random.random
        words = [str(self.side), str(self.random.randint(1, 30)), str(0 if choice() < 0.8 else 3), f"{choice():.2f}"]
        options = ["--detach", "--priority", str(self.random.randint(0, 2)), "--cpus", "2" if choice() < 0.1 else "1"]
        environment = os.path.realpath(sys.executable)
        if choice() < 0.2:  # something to build
            name = f"requirements-{self.random.randint(0, 10**9)}.txt"
            (self.project / name).write_text(f"six==1.{self.random.choice((14, 15, 16))}.0\n# {name}\n")
            environment = name
        self.run("submit", "--environment", environment, *options, "train.py", *words)

    def run(self, *words: str) -> None:
        self.asked[words[0]] += 1
        null = subprocess.DEVNULL
        argv = [str(TURNOUT), *words]
        self.commands.append(subprocess.Popen(argv, cwd=self.project, stdin=null, stdout=null, stderr=null))

    def live(self) -> list[str]:
        runs = [record for record in self.records() if not states.is_final(str(record.journaled_state().get("state")))]
        return [record.layout.run_id for record in runs]

    def records(self) -> list[RunRecord]:
        names = [name for name in os.listdir(self.workspace.layout.runs) if not name.startswith(".")]
        return [RunRecord(self.workspace.layout.run(name).root) for name in names]

    def kill(self) -> None:
        """Kill a random process of Turnout's: of the runtime, a command, or a builder's tool."""
        ours = [("command", command.pid) for command in self.commands if command.poll() is None]
        for name in filter(str.isdigit, os.listdir("/proc")):
            pid = int(name)
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if self.home.root.encode() not in words:
                continue
            if members.is_runtime(pid):
                ours.append(("dispatcher, supervisor or keeper", pid))
            elif words.split(b"\0")[0].endswith(b"/uv"):
                ours.append(("builder's tool", pid))
        if ours:
            what, pid = self.random.choice(ours)
            try:
                os.kill(pid, signal.SIGKILL)
                self.kills[what] += 1
            except ProcessLookupError:
                pass

    def soak(self) -> None:
        until = time.monotonic() + self.options.seconds
        killed = time.monotonic()
        while time.monotonic() < until:
            time.sleep(0.02)
            self.commands = [command for command in self.commands if command.poll() is None]
            live = self.live()
            dice = self.random.random()
            if dice < 0.10 and len(live) < 40 and len(self.commands) < 4:
                self.submit()
            elif dice < 0.12 and live:
                self.run("cancel", self.random.choice(live))
            elif dice < 0.14:
                self.run(self.random.choice(("runs", "queue")))
            if time.monotonic() - killed >= self.options.kill:
                killed = time.monotonic()
                self.kill()

    def drain(self) -> None:
        """Leave everyone in peace until all runs have ended."""
        for command in self.commands:
            command.wait()
        until = time.monotonic() + 120
        while live := self.live():
            directories = [self.workspace.layout.run(name).root for name in live]
            agent.handle(self.home, {"operation": "look", "directories": directories, "runtime": self.runtime})
            time.sleep(0.1)
            if time.monotonic() > until:
                break

    def check(self) -> list[str]:
        lost: list[str] = []
        ends: Counter[str] = Counter()
        for record in self.records():
            name = record.layout.run_id
            journal = [line["state"] for line in record.journal()]
            state, reason = record.status()
            ends[state if state != states.FAILED else f"Failed ({reason[:60]})"] += 1
            side = self.side / name
            words = side.read_text().split() if side.exists() else []
            told = [int(word) for word in words if word.isdigit()]
            logged = record.metrics().get("n", [])
            logged = logged if isinstance(logged, list) else [logged]
            printed = []
            if os.path.exists(record.layout.script_log):
                printed = [line for line in Path(record.layout.script_log).read_text().splitlines() if "line " in line]
            code = record.result().get("exit_code")
            wanted = int(record.definition["arguments"][2])
            for wrong, what in (
                (not states.is_final(state), "has not ended"),
                (sum(states.is_final(one) for one in journal) != 1, "ended more than once"),
                (words.count("begun") > 1, "ran twice"),
                (logged[: len(told)] != told, "lost metrics"),
                (len(printed) < len(told), "lost lines of its log"),
                (state == states.COMPLETED and "ended" not in words, "is Completed and did not end"),
                (code is not None and "ended" in words and code != wanted, "has another exit code than its script"),
                (state == states.FAILED and not reason, "failed without a reason"),
            ):
                if wrong:
                    lost.append(f"{name} {what}: {journal}, {reason}")
        lost += self.left()
        print(f"ends: {dict(ends)}")
        return lost

    def left(self) -> list[str]:
        lost: list[str] = []
        until = time.monotonic() + 20
        while time.monotonic() < until:
            lost = [f"the queue still has {entry.run_id}" for part in runqueue.entries(self.home) for entry in part]
            lost += [f"the process {pid} is left" for pid in self.processes()]
            if not lost:
                break
            agent.handle(self.home, {"operation": "queue", "runtime": self.runtime})
            time.sleep(0.1)
        from turnout.history.index import Index

        index = Index(self.workspace.layout)
        index.refresh()
        before = [(row.id, row.status, row.reason) for row in index.list_runs()]
        index.reindex()
        if before != [(row.id, row.status, row.reason) for row in index.list_runs()]:
            lost.append("the index differs from the records")
        return lost

    def processes(self) -> list[int]:
        return pids_naming(self.home.root)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--kill", type=float, default=0.3, metavar="SECONDS", help="between two kills")
    options.add_argument("--slots", type=int, default=2)
    options.add_argument("--seed", type=int, default=1)
    chosen: Any = options.parse_args()
    soak = Soak(chosen)
    print(f"machine: {machine()}; seed {chosen.seed}, {chosen.seconds:.0f} s; {soak.work}")
    soak.soak()
    soak.drain()
    lost = soak.check()
    print(f"asked for: {dict(soak.asked)}; runs checked: {len(soak.records())}")
    print(f"killed: {dict(soak.kills)}, {sum(soak.kills.values())} in all; losses: {len(lost)}")
    for line in lost:
        print("LOST", line)
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
